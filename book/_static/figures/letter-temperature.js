// Chapter 3, "letter and temperature": the bigram model's next letter. Data: scores[previous][next], the
// logarithms of its counts, whose softmax is the model.
"use strict";
{
  const TARGET = 5; // the perplexity to find
  const LOG_RANGE = [-2.3, 1]; // of the temperature, to base 10
  const LONGEST = 12; // letters of a name

  // llmbook's softmax and entropy; the maximum may be left where it is.
  const softmax = (scores, subtract) => {
    const largest = subtract ? Math.max(...scores) : 0;
    const powers = scores.map((score) => Math.exp(score - largest));
    const total = powers.reduce((sum, power) => sum + power);
    return powers.map((power) => power / total);
  };
  const entropy = (p) => p.reduce((sum, x) => (x === 0 ? sum : sum - x * Math.log(x)), 0);

  // A small generator of numbers in [0, 1), the same in every browser (mulberry32).
  const generator = (seed) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };

  const show = (value, digits) => (Number.isNaN(value) ? "nan" : value.toFixed(digits));
  const spoken = (symbol) => (symbol === "." ? "the mark" : symbol);

  // The curve's axes, in units of its viewBox: temperature from left to right, entropy upward.
  const WIDTH = 340, HEIGHT = 190, LEFT = 34, RIGHT = 304, TOP = 24, BOTTOM = 150;
  const x = (log) => LEFT + ((log - LOG_RANGE[0]) / (LOG_RANGE[1] - LOG_RANGE[0])) * (RIGHT - LEFT);
  const y = (nats) => BOTTOM - (nats / Math.log(27)) * (BOTTOM - TOP);

  figures["letter-temperature"] = (element, data) => {
    const symbols = Object.keys(data.scores);
    const random = generator(3);

    const before = make("select", { input: update }, ...symbols.map((symbol) =>
      make("option", { value: symbol }, symbol === "." ? ". (a name begins)" : symbol)));
    before.value = "a";
    const [min, max] = LOG_RANGE;
    const slider = make("input", { type: "range", min, max, step: 0.005, value: 0, input: update });
    const shownTemperature = make("output");
    const naive = make("input", { type: "checkbox", input: update });
    const readings = Object.fromEntries(["entropy", "perplexity", "largest exponential"].map((name) =>
      [name, make("b", { "data-reading": name })]));
    const bars = symbols.map((symbol) => make("span", { "data-symbol": symbol }, make("b", {}, symbol)));
    const chart = make("div", { class: "bars", role: "img" }, ...bars);
    const curve = make("path", { class: "curve" });
    const lost = make("rect", { class: "lost", x: LEFT, y: TOP, height: BOTTOM - TOP });
    const lostName = make("text", { x: LEFT + 3, y: TOP + 12 });
    const point = make("circle", { class: "point", r: 5 });
    const plot = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" },
      ...axes(), lost, lostName, curve, point);
    const verdict = make("p", { role: "status" });
    const button = make("button", { type: "button", click: write }, "Write five names at this temperature");
    const written = make("p", { role: "status" });

    element.append(
      make("p", { class: "task" }, `Find the temperature at which the model is as unsure as among ${TARGET} equal `
        + `letters, which is perplexity ${TARGET}. Is it above or below 1? Guess first, then try another letter.`),
      make("div", { class: "controls" },
        make("label", {}, "What came before ", before),
        make("label", { class: "wide" }, "Temperature ", slider, shownTemperature),
        make("label", {}, naive, " without subtracting the maximum")),
      make("p", { class: "note" }, "Probability of what comes next; a bar of full height is 1."),
      chart,
      make("p", { class: "readings" }, ...Object.entries(readings).map(([name, value]) =>
        make("span", {}, `${name} `, value))),
      plot,
      verdict,
      make("div", { class: "controls" }, button),
      written,
    );
    update();

    function axes() {
      const line = (x1, y1, x2, y2, kind) => make("line", { x1, y1, x2, y2, class: kind });
      const label = (text, at, height, anchor) => make("text", { x: at, y: height, "text-anchor": anchor }, text);
      return [
        line(LEFT, BOTTOM, RIGHT, BOTTOM, "axis"),
        line(LEFT, TOP, LEFT, BOTTOM, "axis"),
        line(RIGHT, TOP, RIGHT, BOTTOM, "axis"),
        line(LEFT, y(Math.log(TARGET)), RIGHT, y(Math.log(TARGET)), "target"),
        ...[0.01, 0.1, 1, 10].map((t) => label(t, x(Math.log10(t)), BOTTOM + 15, "middle")),
        ...[0, 1, 2, 3].map((nats) => label(nats, LEFT - 5, y(nats) + 4, "end")),
        ...[1, 2, 5, 10, 27].map((choices) => label(choices, RIGHT + 5, y(Math.log(choices)) + 4, "start")),
        label("entropy (nats)", 0, 11, "start"), label("perplexity", WIDTH, 11, "end"),
        label("temperature", (LEFT + RIGHT) / 2, BOTTOM + 32, "middle"),
      ];
    }

    function state(previous = before.value, log = Number(slider.value)) {
      const scaled = symbols.map((next) => data.scores[previous][next] / 10 ** log);
      const p = softmax(scaled, !naive.checked);
      const exponential = naive.checked ? Math.exp(Math.max(...scaled)) : 1; // the largest
      return { temperature: 10 ** log, p, nats: entropy(p), exponential };
    }

    function update() {
      const { temperature, p, nats, exponential } = state();
      const choices = Math.exp(nats);
      shownTemperature.value = temperature.toPrecision(3);
      slider.setAttribute("aria-valuetext", temperature.toPrecision(3));
      bars.forEach((bar, i) => {
        bar.dataset.value = p[i];
        bar.style.setProperty("--share", Number.isNaN(p[i]) ? 1 : p[i]);
        bar.classList.toggle("nan", Number.isNaN(p[i]));
      });
      const best = symbols.map((symbol, i) => [p[i], symbol]).sort(([a], [b]) => b - a).slice(0, 3);
      const leading = best.map(([value, symbol]) => `${spoken(symbol)} ${show(value, 3)}`).join(", ");
      chart.setAttribute("aria-label", `Probability of each next symbol; the most probable: ${leading}`);
      const large = exponential < 1e6 ? show(exponential, 0) : exponential.toExponential(1);
      for (const [name, value, text] of [
        ["entropy", nats, Number.isNaN(nats) ? "nan" : `${show(nats, 3)} nats`],
        ["perplexity", choices, show(choices, 2)],
        ["largest exponential", exponential, large.replace("Infinity", "inf")],
      ]) {
        readings[name].dataset.value = value;
        readings[name].textContent = text;
      }
      draw(Math.log10(temperature), nats);
      say(verdict, judge(temperature, nats, choices));
    }

    function draw(log, nats) {
      const steps = Array.from({ length: 166 }, (_, i) => LOG_RANGE[0] + i * 0.02);
      const finite = steps.map((at) => [at, state(before.value, at).nats]).filter(([, value]) => !Number.isNaN(value));
      curve.setAttribute("d", `M${finite.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join("L")}`);
      const missing = finite.length < steps.length;
      lost.setAttribute("width", missing ? x(finite[0][0]) - LEFT : 0);
      lostName.textContent = missing ? "nan" : "";
      point.setAttribute("cx", x(log));
      point.setAttribute("cy", Number.isNaN(nats) ? -HEIGHT : y(nats)); // out of sight
      const now = `${show(nats, 3)} nats at temperature ${(10 ** log).toPrecision(3)}`;
      plot.setAttribute("aria-label", `Entropy against temperature, from 0 to 3.3 nats; now ${now}`);
    }

    function judge(temperature, nats, choices) {
      const here = `After ${spoken(before.value)} at ${temperature.toPrecision(3)}: `;
      if (Number.isNaN(nats)) return `${here}the largest exponential is infinite; divided by itself it is nan.`;
      const now = `${here}entropy ${show(nats, 3)} nats, perplexity ${show(choices, 2)}. `;
      if (Math.abs(choices - TARGET) < 0.1) return `${now}Found: as unsure as among ${TARGET} equal letters.`;
      return now + (choices > TARGET ? "Too unsure: go colder." : "Too sure: go warmer.");
    }

    function write() {
      const rows = Object.fromEntries(symbols.map((symbol) => [symbol, state(symbol).p]));
      written.textContent = Array.from({ length: 5 }, () => writeName(rows)).join(", ");
    }

    function writeName(rows) {
      let name = "";
      for (let last = "."; name.length < LONGEST; name += last) {
        if (rows[last].some(Number.isNaN)) return `${name}(nan)`;
        let rest = random();
        last = symbols[rows[last].findIndex((share) => (rest -= share) < 0)] ?? ".";
        if (last === ".") return name || "(empty)";
      }
      return `${name}…`;
    }
  };
}
