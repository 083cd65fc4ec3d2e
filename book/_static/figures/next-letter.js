// Chapter 11, "next letter": the network that the page has trained writes names. Data: model[KIND], the symbols in
// the order of their ids and the mark that begins and ends a name; the arrays are the network's parameters.
"use strict";
{
  const SURE = 1.2; // the perplexity to find
  const LONGEST = 24; // letters of a name
  const LOG_RANGE = [-1, 0.5]; // of the temperature, to base 10

  figures["next-letter"] = (element, data, arrays) => {
    const [[kind, { symbols: all, mark }]] = Object.entries(data.model);
    const symbols = [...all];
    const model = models[kind](decoded(arrays));
    const random = generator(11);
    const spoken = (symbol) => (symbol === mark ? "the end mark" : symbol);
    let guess = null;

    const text = make("input", { type: "text", maxlength: LONGEST, value: "ma", autocomplete: "off",
      autocapitalize: "none", spellcheck: "false", input: update });
    const expected = make("select", {}, ...symbols.map((symbol) =>
      make("option", { value: symbol }, symbol === mark ? `${mark} (the name ends)` : symbol)));
    expected.value = symbols.find((symbol) => symbol !== mark);
    const [min, max] = LOG_RANGE;
    const slider = make("input", { type: "range", min, max, step: 0.005, value: 0, input: update });
    const shownTemperature = make("output");
    const bars = symbols.map((symbol) => make("span", { "data-symbol": symbol }, make("b", {}, symbol)));
    const chart = make("div", { class: "bars", role: "img" }, ...bars);
    const leaders = make("p", { class: "note" });
    const readings = Object.fromEntries(["entropy", "perplexity"].map((name) =>
      [name, make("b", { "data-reading": name })]));
    const verdict = make("p", { role: "status" });
    const written = make("p", { role: "status" });
    const button = (label, click) => make("button", { type: "button", click }, label);
    const writers = [button("Add a letter", add), button("Finish the name", finish), button("Write ten names", ten)];

    element.append(
      make("p", { class: "task" }, "The network reads the beginning of a surname. Which letter does it expect next? "
        + "Guess before you see. Then find a beginning after which it is nearly sure, "
        + `with a perplexity below ${SURE} at temperature 1.`),
      make("div", { class: "controls" },
        make("label", { class: "wide" }, "Beginning ", text),
        make("label", {}, "Next comes ", expected),
        button("Guess", () => reveal())),
      chart,
      leaders,
      make("p", { class: "readings" }, ...Object.entries(readings).map(([name, value]) =>
        make("span", {}, `${name} `, value))),
      make("div", { class: "controls" }, make("label", { class: "wide" }, "Temperature ", slider, shownTemperature)),
      verdict,
      make("div", { class: "controls" }, ...writers),
      written,
    );
    update();

    // The state after the mark and these letters, with the logits of what comes next.
    function read(letters) {
      return [...letters].reduce(({ state }, letter) => model.step(state, symbols.indexOf(letter)),
        model.step(model.start(), symbols.indexOf(mark)));
    }

    function temperature() {
      return 10 ** Number(slider.value);
    }

    // What stands in the box in lower case, and the first character of it that no name had.
    function beginning() {
      const letters = [...text.value.toLowerCase()];
      return { letters, unknown: letters.find((letter) => letter === mark || !symbols.includes(letter)) };
    }

    function reveal() {
      guess = expected.value;
      update();
      const { letters, unknown } = beginning();
      if (unknown !== undefined) return;
      const p = softmax(read(letters).logits);
      const place = [...p].filter((value) => value > p[symbols.indexOf(guess)]).length + 1;
      const right = place === 1 ? "You agree with the network" : `The network's first is ${spoken(ranked(p)[0])}`;
      say(verdict, `${right}: your guess, ${spoken(guess)}, has probability ${share(p, guess)} `
        + `and is number ${place} of ${symbols.length} at temperature 1.`);
    }

    function ranked(p) {
      return [...symbols].sort((a, b) => p[symbols.indexOf(b)] - p[symbols.indexOf(a)]);
    }

    function share(p, symbol) {
      return p[symbols.indexOf(symbol)].toFixed(3);
    }

    function update() {
      shownTemperature.value = temperature().toPrecision(3);
      slider.setAttribute("aria-valuetext", temperature().toPrecision(3));
      const { letters, unknown } = beginning();
      const hidden = unknown !== undefined || guess === null;
      for (const writer of writers) writer.disabled = hidden;
      const { logits } = hidden ? { logits: null } : read(letters);
      const p = logits && softmax(logits, temperature());
      bars.forEach((bar, i) => {
        bar.style.setProperty("--share", hidden ? 0 : p[i]);
        put(bar, "value", hidden ? null : p[i]);
        put(bar, "logit", hidden ? null : logits[i]);
      });
      const best = hidden ? "?" : ranked(p).slice(0, 5).map((s) => `${spoken(s)} ${share(p, s)}`).join(", ");
      leaders.textContent = `Most probable: ${best}. A bar of full height is 1.`;
      chart.setAttribute("aria-label", `Probability of each next symbol; the most probable: ${best}`);
      const nats = hidden ? null : entropy(p);
      for (const [name, value, unit] of [["entropy", nats, " nats"], ["perplexity", Math.exp(nats), ""]]) {
        put(readings[name], "value", hidden ? null : value);
        readings[name].textContent = hidden ? "?" : value.toFixed(3) + unit;
      }
      say(verdict, judge(letters, unknown, nats));
    }

    function put(place, key, value) {
      if (value === null) delete place.dataset[key];
      else place.dataset[key] = value;
    }

    function judge(letters, unknown, nats) {
      if (unknown !== undefined) return `No name had “${unknown}”: the network knows ${all.replace(mark, "")}.`;
      if (nats === null) return "What comes next? Guess, and the bars are drawn.";
      const perplexity = Math.exp(nats);
      const now = `After ${letters.length ? `“${letters.join("")}”` : "nothing"} at temperature `
        + `${temperature().toPrecision(3)}: perplexity ${perplexity.toFixed(2)}. `;
      if (temperature() !== 1) return now;
      return now + (perplexity < SURE ? "Found: the network is nearly sure." : "Not yet sure.");
    }

    // A symbol drawn after these letters.
    function drawn(letters) {
      const p = softmax(read(letters).logits, temperature());
      const id = sample(p, random);
      return { symbol: symbols[id], p: p[id] };
    }

    function whole(letters) {
      for (const name = [...letters]; ; ) {
        const { symbol } = drawn(name);
        if (symbol === mark || name.length === LONGEST) return name.join("");
        name.push(symbol);
      }
    }

    function become(name) {
      text.value = name;
      update();
    }

    function add() {
      const { letters } = beginning();
      const { symbol, p } = drawn(letters);
      const name = letters.join("");
      let then = ".";
      if (symbol === mark) then = `: the name is ${name || "(empty)"}.`;
      else if (letters.length === LONGEST) then = `, but there is room for ${LONGEST} letters only.`;
      else become(name + symbol);
      written.textContent = `Drew ${spoken(symbol)}, which had probability ${p.toFixed(3)}${then}`;
    }

    function finish() {
      become(whole(beginning().letters));
      written.textContent = `The name is ${text.value || "(empty)"}.`;
    }

    function ten() {
      const names = Array.from({ length: 10 }, () => whole(beginning().letters) || "(empty)");
      written.textContent = `${names.join(", ")}.`;
    }
  };
}
