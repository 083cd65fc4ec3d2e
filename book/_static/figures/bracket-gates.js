// Chapter 12, "bracket gates": what the gates of an LSTM do while it reads brackets, and which bracket it would close
// with. Data: model.lstm has the symbols, an opening bracket at each even id and what closes it at the next, the text
// to begin with, and the unit to look at, counted from 1; the arrays are the network's parameters, of one layer.
"use strict";
{
  const LONGEST = 40, DEEPEST = 4; // as in training: symbols of a string, and brackets that are open at once
  const KINDS = { f: "forget gate", i: "input gate", o: "output gate", c: "cell" };
  const NONE = "none"; // must close: all are closed
  const WIDTH = 340, LEFT = 56, TOP = 16, UNIT = 8, CLOSER = 13; // of the drawing; the heights of rows
  const sum = (values) => values.reduce((a, b) => a + b);
  const signed = (value) => value.toFixed(2).replace("-", "−");

  figures["bracket-gates"] = (element, data, given) => {
    const [[kind, { symbols: all, text: first, unit: chosen }]] = Object.entries(data.model);
    const symbols = [...all];
    const closers = symbols.filter((_, id) => id % 2);
    const arrays = decoded(given);
    const model = models[kind](arrays);
    const H = arrays["output.W"].shape[0];
    let guessed = false;

    const text = make("input", { type: "text", maxlength: LONGEST, value: first, autocomplete: "off",
      autocapitalize: "none", spellcheck: "false", input: update });
    const expected = make("select", {}, ...closers.map((closer) => make("option", {}, closer)),
      make("option", {}, NONE));
    const shown = make("select", { change: update }, ...Object.entries(KINDS).map(([value, name]) =>
      make("option", { value }, name)));
    const slider = make("input", { type: "range", min: 1, max: H, value: chosen, input: update });
    const number = make("output");
    const plot = make("svg", { class: "heat", role: "img" });
    const scale = make("p", { class: "note" });
    const values = make("p", { class: "note" });
    const right = make("b", { "data-reading": "right" });
    const verdict = make("p", { role: "status" });

    element.append(
      make("p", { class: "task" }, "The network reads brackets. Which one must close next, and will the network know "
        + `it? Guess. Then find a string of properly nested brackets, no deeper than ${DEEPEST}, after which it expects `
        + "the wrong closing bracket; some may still be open."),
      make("div", { class: "controls" },
        make("label", { class: "wide" }, "Brackets ", text),
        make("label", {}, "Next closes ", expected),
        make("button", { type: "button", click: answer }, "Guess")),
      verdict,
      make("div", { class: "controls" },
        make("label", {}, "Show ", shown),
        make("label", { class: "wide" }, "Unit ", slider, number)),
      plot,
      scale,
      values,
      make("p", { class: "readings" }, make("span", {}, "Right where a bracket is open: ", right)),
    );
    update();

    // What stands in the box, as the network reads it, and what must close after each symbol.
    function read() {
      const string = [...text.value];
      const unknown = string.find((symbol) => !symbols.includes(symbol));
      const points = [], open = [];
      let fault = null, state = model.start(), logits;
      for (const symbol of unknown === undefined ? string : []) {
        const id = symbols.indexOf(symbol), at = points.length + 1;
        ({ state, logits } = model.step(state, id));
        if (id % 2 === 0) open.push(symbols[id + 1]);
        else if (open.pop() !== symbol) fault ??= `${symbol}, its bracket ${at}, does not close the last open one`;
        if (open.length > DEEPEST) fault ??= `${symbol}, its bracket ${at}, is ${open.length} deep`;
        const best = closers.reduce((a, b) => (logits[symbols.indexOf(b)] > logits[symbols.indexOf(a)] ? b : a));
        points.push({ symbol, gates: state[0], logits, p: softmax(logits), best,
          must: fault === null ? open.at(-1) ?? NONE : null });
      }
      const asked = points.filter(({ must }) => closers.includes(must));
      return { string, unknown, points, fault, asked, wrong: asked.find(({ must, best }) => must !== best) };
    }

    function answer() {
      guessed = true;
      update();
      const now = read();
      const { points, fault, wrong } = now;
      if (!points.length || fault) return;
      const { must, best, p } = points.at(-1);
      const share = (closer) => p[symbols.indexOf(closer)];
      const you = expected.value === must ? "You are right: " : `You said ${expected.value}, but `;
      say(verdict, you + (must === NONE
        ? `nothing is open. The network gives the three ${sum(closers.map(share)).toFixed(3)} together.`
        : `${must} must close next. Of the three the network expects ${best}, with probability `
          + `${share(best).toFixed(3)}: ${best === must ? "right" : "wrong"}.`) + (wrong ? ` ${judge(now)}` : ""));
    }

    function update() {
      const now = read();
      const { points, asked } = now;
      number.value = slider.value;
      const name = KINDS[shown.value];
      draw(points, shown.value);
      scale.textContent = shown.value === "c"
        ? "Color: tanh of the cell, none at 0; below 0 it is the other color, with a stroke."
        : "Color: none at 0, closed; full at 1, open.";
      values.textContent = `Unit ${slider.value}, ${name}: ${points.map(({ symbol, gates }) =>
        `${symbol} ${signed(gates[shown.value][slider.value - 1])}`).join(", ") || "?"}`;
      plot.setAttribute("aria-label", `Heat map of the ${name}, ${H} units by ${points.length} brackets, `
        + `and the closing bracket that the network expects after each: ${guessed
          ? points.map(({ best }) => best).join(" ") : "hidden until you guess"}`);
      const hits = asked.filter(({ must, best }) => must === best).length;
      const hidden = !guessed || !asked.length;
      right.textContent = hidden ? "?" : `${hits} of ${asked.length} points`;
      if (hidden) delete right.dataset.value;
      else right.dataset.value = hits / asked.length;
      say(verdict, judge(now));
    }

    function judge({ string, unknown, points, fault, asked, wrong }) {
      if (unknown !== undefined) return `“${unknown}” is no bracket of these: the network knows ${all}.`;
      if (!points.length) return "Type at least one bracket.";
      if (fault) return `This string does not count: ${fault}.`;
      if (!guessed) return "Which bracket must close next? Guess, and you see what the network expects.";
      if (!wrong) return `Right at all ${asked.length} points where a bracket is open. Can it still tell which one that `
        + "is, after much has opened and closed inside?";
      const beginning = string.slice(0, points.indexOf(wrong) + 1).join("");
      return `Found: after “${beginning}” the network expects ${wrong.best}, but ${wrong.must} must close.`;
    }

    function draw(points, key) {
      const bottom = TOP + H * UNIT, below = bottom + 8, height = below + 5 * CLOSER;
      const width = Math.min((WIDTH - LEFT - 2) / points.length, 30);
      const x = (t) => LEFT + t * width;
      const cell = (t, y, high, value, more) => make("rect", { x: x(t), y, width, height: high,
        class: value < 0 ? "below" : "above", "data-value": value, ...more });
      const write = (at, y, kind, ...words) => make("text", { x: at, y, class: kind }, ...words);
      const rowName = (y, word) => write(LEFT - 6, y, "end", word);
      plot.setAttribute("viewBox", `0 0 ${WIDTH} ${height}`);
      if (!points.length) return plot.replaceChildren();
      const opacity = (value) => Math.abs(key === "c" ? Math.tanh(value) : value);
      const heat = points.map(({ gates }) => gates[key]);
      const strokes = heat.flatMap((column, t) => [...column].map((value, u) =>
        (value < 0 ? `M${x(t) + width / 4},${TOP + (u + 0.5) * UNIT}h${width / 2}` : "")));
      const y = TOP + (slider.value - 1) * UNIT;
      const line = below + 4 * CLOSER - 3;
      plot.replaceChildren(
        ...heat.flatMap((column, t) => [...column].map((value, u) =>
          cell(t, TOP + u * UNIT, UNIT, value, { "data-unit": u + 1, "fill-opacity": opacity(value) }))),
        make("path", { class: "strokes", d: strokes.join("") }),
        make("rect", { class: "frame", x: LEFT, y: TOP, width: width * points.length, height: H * UNIT }),
        make("rect", { class: "chosen", x: LEFT, y, width: width * points.length, height: UNIT }),
        rowName(y + UNIT, `unit ${slider.value}`),
        ...points.map(({ symbol }, t) => write(x(t + 0.5), TOP - 4, "symbol", symbol)),
        ...closers.map((closer, k) => rowName(below + (k + 0.7) * CLOSER, closer)),
        rowName(line, "closes"),
      );
      points.forEach(({ logits, p, best, must }, t) => {
        const asked = closers.includes(must);
        if (guessed) plot.append(...closers.map((closer, k) => {
          const [share, logit] = [p, logits].map((values) => values[symbols.indexOf(closer)]);
          return cell(t, below + k * CLOSER, CLOSER - 1, share,
            { "data-closer": closer, "data-logit": logit, "fill-opacity": share });
        }));
        plot.append(write(x(t + 0.5), line, "symbol", guessed ? (asked ? best : "·") : "?"));
        if (guessed && asked) plot.append(write(x(t + 0.5), line + CLOSER, best === must ? "mark" : "mark wrong",
          best === must ? "✓" : "✗"));
      });
    }
  };
}
