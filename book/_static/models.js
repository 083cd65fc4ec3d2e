// Models that run in a page, on arrays that llmbook has trained. models[KIND] takes the arrays by the names of the
// model's parameters and returns start(), the state before anything is read, and step(state, id), which reads one
// symbol and returns { state, logits }. A state is never written into, so one may go on from it again.
"use strict";
const models = {};

// The arrays of a page by name, each a shape and its float32 numbers, the last axis fastest.
const decoded = (arrays) => Object.fromEntries(Object.entries(arrays).map(([name, { shape, base64 }]) => {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return [name, { shape, values: new Float32Array(bytes.buffer) }];
}));

// Rows are arrays of float64, as every number of a script; only what is stored is float32.
const row = ({ shape, values }, i) => Float64Array.from(values.subarray(i * shape[1], (i + 1) * shape[1]));
const plus = (a, b) => a.map((value, i) => value + b[i]);
const matmul = (x, { shape: [n, m], values }) => {
  const y = new Float64Array(m);
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) y[j] += x[i] * values[i * m + j];
  return y;
};
const softmax = (logits, temperature = 1) => {
  const largest = Math.max(...logits);
  const powers = Float64Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
  const total = powers.reduce((sum, power) => sum + power);
  return powers.map((power) => power / total);
};
const entropy = (p) => p.reduce((sum, x) => (x === 0 ? sum : sum - x * Math.log(x)), 0); // in nats

// A small generator of numbers in [0, 1), the same in every browser (mulberry32), and a symbol drawn with one.
const generator = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
  t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};
const sample = (p, random) => {
  let rest = random();
  const id = p.findIndex((share) => (rest -= share) < 0);
  return id < 0 ? p.length - 1 : id; // what rounding left over
};

// llmbook.rnn.rnn.RNNLanguageModel: from a layer's sums a = x W_x + h W_h + b and its state, cell makes the next one,
// of which h is what the layer above reads.
const recurrent = (arrays, cell) => {
  const layers = [];
  for (let i = 0; `recurrent.layers.${i}.W_x` in arrays; i++)
    layers.push(["W_x", "W_h", "b"].map((name) => arrays[`recurrent.layers.${i}.${name}`]));
  const zeros = new Float64Array(arrays["output.W"].shape[0]);
  return {
    start: () => layers.map(() => ({ h: zeros, c: zeros })),
    step: (before, id) => {
      let x = row(arrays["embedding.table"], id);
      const state = layers.map(([W_x, W_h, b], i) => {
        const after = cell(plus(plus(matmul(x, W_x), matmul(before[i].h, W_h)), b.values), before[i]);
        x = after.h;
        return after;
      });
      return { state, logits: plus(matmul(x, arrays["output.W"]), arrays["output.b"].values) };
    },
  };
};
models.rnn = (arrays) => recurrent(arrays, (a) => ({ h: a.map(Math.tanh) }));

// With llmbook.lstm_gru.lstm.LSTM for its layers: the state of each also tells the gates that it comes from.
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
models.lstm = (arrays) => recurrent(arrays, (a, before) => {
  const H = before.h.length;
  const [i, f, g, o] = [sigmoid, sigmoid, Math.tanh, sigmoid].map((squash, k) =>
    a.subarray(k * H, (k + 1) * H).map(squash));
  const c = before.c.map((value, j) => f[j] * value + i[j] * g[j]);
  return { i, f, g, o, c, h: c.map((value, j) => o[j] * Math.tanh(value)) };
});
