// Chapter 9, "read the bits": the page's recurrent network, trained and untrained. Data, for each: in the
// columns of the units W_x (rows "bit 0" and "bit 1"), W_h ("unit 0", ...) and b ("bias"); in the columns
// "even" and "odd" W_y and b_y.
"use strict";
{
  const LONGEST = 24; // bits that fit a phone
  const WIDTH = 340, LEFT = 52, TOP = 40, ROW = 12;
  const spoken = (odd) => (odd ? "odd" : "even");

  // The state after each bit, and the probability of "odd": chapter 9's equations.
  const unitsOf = (weights) => Object.keys(weights).filter((row) => row.startsWith("unit"));
  const read = (weights, bits) => {
    const units = unitsOf(weights);
    let h = units.map(() => 0);
    return bits.map((bit) => {
      const before = h;
      h = units.map((to) => Math.tanh(weights[`bit ${bit}`][to] + weights.bias[to]
        + units.reduce((sum, from, i) => sum + before[i] * weights[from][to], 0)));
      const [even, odd] = ["even", "odd"].map((answer) => weights.bias[answer]
        + units.reduce((sum, unit, i) => sum + h[i] * weights[unit][answer], 0));
      return { h, odd: 1 / (1 + Math.exp(even - odd)) };
    });
  };

  figures["read-the-bits"] = (element, data) => {
    const which = make("select", { input: update }, ...["trained", "untrained"].map((name) =>
      make("option", { value: name }, `the ${name} network`)));
    const text = make("input", { type: "text", inputmode: "numeric", maxlength: LONGEST, value: "10110",
      autocomplete: "off", spellcheck: "false", input: update });
    const guesses = ["even", "odd"].map((name) => make("button", { type: "button", click: () => reveal(name) }, name));
    const plot = make("svg", { role: "img" });
    const verdict = make("p", { role: "status" });
    let guess = null;

    element.append(
      make("p", { class: "task" }, "Type zeros and ones. Is the number of ones odd or even? Say so first; then see "
        + "what the network says, and after which bits. Can you find a string that the trained network misreads?"),
      make("div", { class: "controls" },
        make("label", { class: "wide" }, "Bits ", text),
        make("label", {}, "Read by ", which),
        make("span", {}, "The ones are "), ...guesses),
      make("p", { class: "note" }, "A column for each bit: 16 units, the square the larger the farther from 0, "
        + "filled if positive, hollow if negative."),
      plot,
      verdict,
    );
    update();

    function bits() {
      return [...text.value].filter((bit) => bit === "0" || bit === "1").slice(0, LONGEST);
    }

    function reveal(name) {
      guess = name;
      draw();
    }

    function update() {
      guess = null;
      draw();
    }

    function draw() {
      const string = bits();
      const steps = read(data[which.value], string);
      const units = unitsOf(data[which.value]);
      const bottom = TOP + ROW * units.length;
      const column = Math.min(22, (WIDTH - LEFT - 4) / Math.max(string.length, 1));
      const label = (content, x, y, anchor = "middle") => make("text", { x, y, "text-anchor": anchor }, content);
      plot.setAttribute("viewBox", `0 0 ${WIDTH} ${bottom + 34}`);
      plot.replaceChildren(label("bit", LEFT - 6, TOP - 22, "end"), label("units", LEFT - 6, TOP + 12, "end"),
        label("answer", LEFT - 6, bottom + 14, "end"), label("right?", LEFT - 6, bottom + 29, "end"));
      let ones = 0;
      steps.forEach(({ h, odd }, t) => {
        ones += Number(string[t]);
        const middle = LEFT + column * (t + 0.5);
        const answer = make("text", { x: middle, y: bottom + 14, "text-anchor": "middle",
          "data-odd": odd }, guess ? spoken(odd > 0.5)[0] : "?");
        plot.append(label(string[t], middle, TOP - 22), answer);
        plot.append(label(guess ? ((odd > 0.5) === (ones % 2 === 1) ? "✓" : "✗") : "", middle, bottom + 29));
        h.forEach((value, i) => {
          const size = (Math.min(column, ROW) - 2) * Math.abs(value);
          plot.append(make("rect", { x: middle - size / 2, y: TOP + ROW * (i + 0.5) - size / 2, width: size,
            height: size, class: value > 0 ? "positive" : "negative", "data-value": value }));
        });
      });
      const now = `${string.length} bits: ${string.join("") || "none"}`;
      plot.setAttribute("aria-label", `States of 16 units after each of ${now}`);
      say(verdict, judge(string, steps, ones));
    }

    function judge(string, steps, ones) {
      if (!string.length) return "Type at least one bit, 0 or 1.";
      if (!guess) return `${string.length} bits. Odd or even?`;
      const odd = steps.at(-1).odd;
      const truth = spoken(ones % 2);
      const you = guess === truth ? "You are right" : "You are wrong";
      const says = `the network says ${spoken(odd > 0.5)}, with probability ${Math.max(odd, 1 - odd).toFixed(3)}`;
      return `${ones} ones: ${truth}. ${you}; ${says}.`;
    }
  };
}
