// Chapter 5, "find the bug": seven wrong pullbacks, one at a time. Data: checks[bug][parameter], the relative
// errors of the gradient checks, and answers[bug], which the reader sees once the bug is found.
"use strict";
{
  const PARAMETERS = ["table", "W_1", "b_1", "W_2", "b_2", "W_3", "b_3"];
  const PASSES = 1e-6; // a relative error below it
  // The network from top to bottom: a box, its rule, its place, and the number of parameters, from the left,
  // whose gradients are made from what the rule hands back. A rule with several gradients may spoil only one.
  const BOXES = [
    { name: "take", row: 1, own: ["table"], reach: 1 },
    { name: "linear 1", rule: "linear", row: 2, own: ["W_1", "b_1"], reach: 3, several: true },
    { name: "tanh", row: 3, reach: 3 },
    { name: "center", row: 4, reach: 3 },
    { name: "twice", row: 5, reach: 3 },
    { name: "linear 2", rule: "linear", row: 6, own: ["W_2", "b_2"], reach: 5, several: true, side: true },
    { name: "relu", row: 7, reach: 5, side: true },
    { name: "add", row: 8, reach: 5, several: true },
    { name: "linear 3", rule: "linear", row: 9, own: ["W_3", "b_3"], reach: 7, several: true },
    { name: "loss", rule: "cross_entropy", row: 10, reach: 7 },
  ];
  const written = (names) => names.join(", ").replace(/_(\d)/g, (_, digit) => "₀₁₂₃"[digit]);

  // Say whether a suspect is guilty, and what the signature says about it.
  const judge = (box, failing, answer) => {
    const reached = PARAMETERS.slice(0, box.reach);
    const beyond = failing.filter((name) => !reached.includes(name));
    const spared = reached.filter((name) => !failing.includes(name));
    if ((box.rule ?? box.name) === answer.rule) return `Yes, ${box.name}: ${answer.name}. ${answer.why}`;
    const no = `Not ${box.name}`;
    if (beyond.length) return `${no}: the check fails for ${written(beyond)}, which cannot be spoiled from there.`;
    if (spared.length && !box.several)
      return `${no}: what it hands back also makes the gradient of ${written(spared)}, and the check passes there.`;
    return `${no}, although the signature allows it: checked alone, it passes. Who else has this signature?`;
  };

  figures["find-the-bug"] = (element, { checks, answers }) => {
    const found = new Map(); // bug: clicks that it took
    let bug, clicks = 0;

    const mark = (name) => make("span", { "data-parameter": name }, written([name]));
    const marks = Object.fromEntries(PARAMETERS.map((name) => [name, mark(name)]));
    const buttons = BOXES.map((box) => {
      const button = make("button", { type: "button", click: () => suspect(box, button) }, box.name);
      Object.assign(button.style, { gridRow: box.row, gridColumn: box.side ? 2 : 1 });
      return button;
    });
    const owned = BOXES.filter((box) => box.own).map((box) => {
      const place = make("div", { class: "marks" }, ...box.own.map((name) => marks[name]));
      Object.assign(place.style, { gridRow: box.row, gridColumn: box.side ? 3 : "2 / 4" });
      return place;
    });
    const wires = make("svg", { viewBox: "0 0 2 10", preserveAspectRatio: "none", "aria-hidden": "true" },
      make("path", { d: "M.5 .5V9.5M.5 4.5H1.5V7.5H.5", "vector-effect": "non-scaling-stroke" }));
    const label = "The network, from the input to the loss";
    const network = make("div", { class: "network", role: "group", "aria-label": label },
      wires, ...buttons, ...owned);
    const verdict = make("p", { role: "status" }, "No bug chosen. A cross will mark each gradient that fails its check, "
      + "and the number beside it is its relative error.");
    const results = make("tbody");
    const heads = ["bug", "loss", "worse by"].map((name) => make("th", { scope: "col" }, name));
    const table = make("table", { class: "table found", hidden: "" },
      make("caption", {}, "Found so far: the loss after training, in nats, on average over five seeds"),
      make("thead", {}, make("tr", {}, ...heads)),
      results);
    const choices = Object.keys(checks).map((name) => make("label", {},
      make("input", { type: "radio", name: "find-the-bug", value: name, change: () => choose(name) }),
      name.replace("bug ", "")));

    element.append(
      make("p", { class: "task" }, "Choose a bug, read which gradients fail, and click the rule whose backward "
        + "pass you suspect. Before you click, guess as well whether the network still learns with it."),
      make("fieldset", { class: "controls" }, make("legend", {}, "Bug"), ...choices),
      make("div", { class: "sides" }, network, verdict),
      table,
    );
    report("none", "right gradient");

    function choose(name) {
      bug = name;
      clicks = 0;
      for (const button of buttons) stamp(button, "");
      for (const [parameter, shown] of Object.entries(marks)) {
        const error = checks[bug][parameter];
        const state = error < PASSES ? "passes" : "fails";
        shown.className = state;
        shown.dataset.value = error;
        shown.replaceChildren(
          make("span", { "aria-hidden": "true" }, state === "fails" ? "× " : "✓ "),
          `${written([parameter])} `,
          make("span", { class: "visually-hidden" }, `${state}, error `),
          error < 0.01 ? error.toExponential(0) : error.toPrecision(2),
        );
      }
      say(verdict, `${bug}: the check fails for ${written(failing())}. Which rule do you suspect?`);
    }

    function failing() {
      return PARAMETERS.filter((name) => !(checks[bug][name] < PASSES));
    }

    function suspect(box, button) {
      if (!bug) return say(verdict, "Choose a bug first.");
      const answer = answers[bug];
      const right = (box.rule ?? box.name) === answer.rule;
      clicks += 1;
      stamp(button, right ? "right" : "wrong");
      let text = judge(box, failing(), answer);
      if (right) {
        const { loss } = answer;
        text += loss === null ? " With it, training diverges." : ` With it, training ends at ${loss.toFixed(3)} nats.`;
        if (!found.has(bug)) {
          found.set(bug, clicks);
          report(bug, `${bug}: ${answer.name}`);
        }
        if (found.size === choices.length) text += ` ${total()}`;
      }
      say(verdict, text);
    }

    function stamp(button, state) {
      button.className = state;
      button.textContent = BOXES[buttons.indexOf(button)].name + { right: " ✓", wrong: " ✗", "": "" }[state];
    }

    function report(name, title) {
      const { loss, "worse by": worse, "standard error": error } = answers[name];
      const gap = name === "none" || loss === null ? "–" : `${worse.toFixed(4)} ± ${error.toFixed(4)}`;
      const cells = [loss === null ? "diverged" : loss.toFixed(3), gap];
      const row = make("tr", {}, make("th", { scope: "row" }, title), ...cells.map((text) => make("td", {}, text)));
      row.dataset.loss = loss;
      row.dataset.worse = worse;
      results.append(row);
      table.hidden = found.size === 0;
    }

    function total() {
      const all = [...found.values()].reduce((sum, n) => sum + n);
      const betrayed = [...found.keys()].filter((name) => answers[name].loss === null).length;
      return `All ${found.size} found with ${all} clicks. A loss that diverges betrays ${betrayed} of them.`;
    }
  };
}
