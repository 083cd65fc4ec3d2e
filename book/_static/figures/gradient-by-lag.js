// Chapter 10, "gradient by lag": how much of a gradient is left so many steps back. Data: W_h of two kinds, with
// spectral radius 1, the inputs' part x_t W_x of 200 steps at strength 1, and in "ends" the state h0 before them
// and the gradient g of the last one. The lags are counted in the last 100 steps; the others let the state settle.
"use strict";
{
  const LAGS = 100, ASKED = 50; // steps back, and those that the question is about
  const FACTOR = 10; // more than this is growth, less than its inverse is shrinkage
  const WIDTH = 340, HEIGHT = 210, LEFT = 40, RIGHT = 328, TOP = 20, BOTTOM = 170;
  const CELLS = { linear: "linear", quiet: "tanh, no input", driven: "tanh, driven by inputs" };
  const OUTCOMES = ["it grows", "it keeps its size", "it vanishes"];

  const rowsOf = (table) => Object.values(table).map((row) => Object.values(row));
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const transposed = (W) => W.map((_, j) => W.map((row) => row[j]));
  const norm = (v) => Math.sqrt(dot(v, v));

  // ln of the gradient's norm at each lag, of its norm at lag 0, and what is predicted a step. The rows of W are
  // the units that a state comes from: llmbook's h W + x, and dh_{t-1} = dh_t diag(1 - h_t²) Wᵀ.
  const backward = (cell, W, radius, strength, { inputs, h0, g }) => {
    const back = W.map((row) => row.map((w) => radius * w));
    const forward = transposed(back);
    let h = h0;
    const states = inputs.map((x) => (h = forward.map((w, j) => Math.tanh(strength * x[j] + dot(h, w)))));
    const slopes = states.slice(-LAGS).map((state) => state.map((y) => (cell === "linear" ? 1 : 1 - y * y)));
    let dh = g;
    const logs = [0, ...slopes.reverse().map((slope) => {
      const da = dh.map((d, i) => d * slope[i]);
      dh = back.map((w) => dot(da, w));
      return Math.log(norm(dh) / norm(g));
    })];
    const squares = slopes.flat().reduce((sum, slope) => sum + slope * slope, 0) / (LAGS * h0.length);
    const scale = norm(back.flat()) / Math.sqrt(h0.length);
    return { logs, predicted: cell === "linear" ? Math.log(radius) : Math.log(scale) + Math.log(squares) / 2 };
  };

  // A number that is given by its natural logarithm.
  const shown = (log) => {
    const value = Math.exp(log);
    if (value >= 0.01 && value < 1000) return value.toPrecision(3);
    return value.toExponential(1).replace("+", "").replace("-", "−");
  };
  const outcome = (log) => OUTCOMES[1 + (log < -Math.log(FACTOR)) - (log > Math.log(FACTOR))];

  figures["gradient-by-lag"] = (element, data) => {
    const matrices = { orthogonal: rowsOf(data["W_h orthogonal"]), Gaussian: rowsOf(data["W_h Gaussian"]) };
    const [h0, g] = rowsOf(data.ends);
    const given = { inputs: rowsOf(data.inputs), h0, g };
    let guess = null;

    const radio = (group, value, label) => make("label", {},
      make("input", { type: "radio", name: `gradient-by-lag-${group}`, value, change: update }), label);
    const choice = (group, title, options) => make("fieldset", { class: "controls" }, make("legend", {}, title),
      ...Object.entries(options).map(([value, label]) => radio(group, value, label)));
    const slider = (min, max, step, value) => {
      const input = make("input", { type: "range", min, max, step, value, input: update });
      return { input, output: make("output") };
    };
    const [radius, strength, lag] = [slider(0.5, 1.5, 0.05, 1), slider(0, 2, 0.05, 1), slider(1, LAGS, 1, ASKED)];
    const wide = (text, { input, output }) => make("label", { class: "wide" }, text, input, output);
    const cells = choice("cell", "Cell", CELLS);
    const kinds = choice("kind", "Recurrent matrix", { orthogonal: "orthogonal", Gaussian: "Gaussian" });
    const guesses = OUTCOMES.map((name) => make("button", { type: "button", click: () => answer(name) }, name));
    const plot = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
    const readings = Object.fromEntries(["measured", "predicted"].map((name) =>
      [name, make("b", { "data-reading": name })]));
    const verdict = make("p", { role: "status" });

    element.append(
      make("p", { class: "task" }, "Inputs of strength 1 drive a tanh cell whose recurrent matrix is orthogonal, of "
        + `spectral radius 1. What is left of a gradient after going back through ${ASKED} steps? Guess first:`),
      make("div", { class: "controls" }, ...guesses),
      cells,
      kinds,
      make("div", { class: "controls" }, wide("Spectral radius ", radius), wide("Input strength ", strength),
        wide("Steps back ", lag)),
      plot,
      make("p", { class: "note" }, "Solid: measured; dashed: predicted."),
      make("p", { class: "readings" }, ...Object.entries(readings).map(([name, value]) =>
        make("span", {}, `${name} `, value))),
      verdict,
    );
    set("driven", "orthogonal");

    function set(cell, kind) {
      cells.querySelector(`[value=${cell}]`).checked = true;
      kinds.querySelector(`[value=${kind}]`).checked = true;
      update();
    }

    function answer(name) {
      guess = name;
      for (const [{ input }, value] of [[radius, 1], [strength, 1], [lag, ASKED]]) input.value = value;
      set("driven", "orthogonal");
      const { logs } = state();
      const right = outcome(logs[ASKED]) === guess ? "You are right" : `You said that ${guess}`;
      say(verdict, `${right}: after ${ASKED} steps ${shown(logs[ASKED])} of it is left, so ${outcome(logs[ASKED])}. `
        + `Is there a radius at which it keeps its size, within a factor of ${FACTOR}? If not, weaken the inputs.`);
    }

    function state() {
      const cell = cells.querySelector(":checked").value;
      const W = matrices[kinds.querySelector(":checked").value];
      const [rho, s] = [Number(radius.input.value), cell === "driven" ? Number(strength.input.value) : 0];
      return { cell, rho, s, steps: Number(lag.input.value), ...backward(cell, W, rho, s, given) };
    }

    function update() {
      const { cell, rho, s, steps, logs, predicted } = state();
      strength.input.disabled = cell !== "driven";
      for (const [{ input, output }, text] of [[radius, rho.toFixed(2)],
        [strength, cell === "driven" ? s.toFixed(2) : "none"], [lag, String(steps)]]) {
        output.value = text;
        input.setAttribute("aria-valuetext", text);
      }
      const hidden = cell === "driven" && !guess;
      for (const [name, log] of [["measured", logs[steps]], ["predicted", steps * predicted]]) {
        const perStep = (log / steps).toFixed(3).replace("-", "−");
        readings[name].textContent = hidden ? "?" : `${shown(log)} (ln: ${perStep} a step)`;
        if (hidden) delete readings[name].dataset.value;
        else readings[name].dataset.value = log / Math.LN10;
      }
      draw(hidden ? [] : logs.map((log) => log / Math.LN10), (predicted * LAGS) / Math.LN10, steps);
      const name = `the gradient of the cell "${CELLS[cell]}" at spectral radius ${rho.toFixed(2)}`;
      plot.setAttribute("aria-label", `Logarithm of ${name} against the lag, 0 to ${LAGS} steps: `
        + (hidden ? "hidden until you guess" : `${shown(logs[steps])} of it is left after ${steps} steps`));
      say(verdict, hidden ? "What do you expect? Guess, and the curve is drawn." : judge(cell, s, logs[ASKED]));
    }

    function draw(decades, end, steps) {
      const all = decades.length ? [0, end, ...decades] : [-10, 0];
      const [low, high] = [Math.min(...all), Math.max(...all)];
      const by = [1, 2, 5, 10, 20, 50].find((size) => (high - low) / size < 6) ?? 100;
      const [least, most] = [Math.min(Math.floor(low / by), -1) * by, Math.max(Math.ceil(high / by), 1) * by];
      const x = (at) => LEFT + (at / LAGS) * (RIGHT - LEFT);
      const y = (decade) => BOTTOM - ((decade - least) / (most - least)) * (BOTTOM - TOP);
      const line = (x1, y1, x2, y2, kind) => make("line", { x1, y1, x2, y2, class: kind });
      const label = (text, at, height, anchor) => make("text", { x: at, y: height, "text-anchor": anchor }, text);
      const marks = Array.from({ length: Math.round((most - least) / by) + 1 }, (_, i) => least + i * by);
      plot.replaceChildren(
        line(LEFT, TOP, LEFT, BOTTOM, "axis"), line(LEFT, y(0), RIGHT, y(0), "axis"),
        label("log₁₀ of what is left", 0, 11, "start"), label("steps back", RIGHT, HEIGHT - 4, "end"),
        ...marks.map((decade) => label(String(decade).replace("-", "−"), LEFT - 5, y(decade) + 4, "end")),
        ...[0, 25, 50, 75, 100].map((at) => label(at, x(at), BOTTOM + 18, "middle")),
      );
      if (!decades.length) return plot.append(label("?", x(ASKED), y(-5), "middle"));
      const d = `M${decades.map((decade, i) => `${x(i).toFixed(1)},${y(decade).toFixed(1)}`).join("L")}`;
      plot.append(line(x(0), y(0), x(LAGS), y(end), "target"), make("path", { class: "curve", d }),
        make("circle", { class: "point", r: 5, cx: x(steps), cy: y(decades[steps]) }));
    }

    function judge(cell, s, log) {
      const now = `After ${ASKED} steps ${shown(log)} of the gradient is left: ${outcome(log)}. `;
      if (cell !== "driven" || s === 0) return now;
      if (outcome(log) === OUTCOMES[0]) return `${now}Lower the radius.`;
      if (outcome(log) === OUTCOMES[2]) return `${now}Raise the radius, or weaken the inputs.`;
      return `${now}Found, with inputs of strength ${s.toFixed(2)}. Can they be stronger?`;
    }
  };
}
