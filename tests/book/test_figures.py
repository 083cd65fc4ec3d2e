"""Interactive figures in a browser, by HTTP and by file://: they compute what llmbook does, for everybody."""

import json
import math
import re
from itertools import pairwise, product

import numpy as np
import pytest
from axe_playwright_python.base import AXE_SCRIPT

import execution
from llmbook.book import runs
from llmbook.data import load_names
from llmbook.exercises import planted
from llmbook.feedforward.language_model import pairs
from llmbook.feedforward.tape import no_grad
from llmbook.math_foundations.calculus import check_pullback
from llmbook.math_foundations.ngram import NGram, add_k
from llmbook.math_foundations.softmax import entropy, perplexity, softmax
from llmbook.rnn.unrolled import UnrolledRNN
from mounted import PAGES, SAID, mulberry32, numbers, reading, status

pytestmark = pytest.mark.browser
FIGURES = execution.ROOT / "book" / "_static" / "figures.js"
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
AXE = """async () => (await axe.run("figure.interactive", { preload: false })).violations.flatMap(
    rule => rule.nodes.map(node => `${rule.id}: ${node.target}: ${node.failureSummary}`))"""
MOTION = """figure => [...figure.querySelectorAll("*")].map(getComputedStyle).filter(style =>
    style.animationName != "none" || style.transitionDuration != "0s").length"""
SMALL = """figure => [...figure.querySelectorAll("button, select, label, summary")]
    .filter(control => control.getBoundingClientRect().height < 44).map(control => control.outerHTML)"""
NAMELESS = """figure => [...figure.querySelectorAll(".interactive-body :is(input, select)")]
    .filter(control => !control.labels.length).map(control => control.outerHTML)"""
every_figure = pytest.mark.parametrize("name", PAGES)


# Letter and temperature.


@pytest.fixture(scope="module")
def names():
    return load_names()


@pytest.fixture(scope="module")
def log_probs(names):
    """The bigram model's log-probabilities of the next symbol, not rounded.  (previous, next)"""
    model = NGram(2, 27, add_k(0.1)).fit(names.encode(names.train))
    return np.array([model.log_probs(np.array([i])).ravel() for i in range(27)])


def set_letter(found, symbol, log_temperature, naive=False):
    found.locator("select").select_option(symbol)
    found.locator("input[type=range]").fill(str(log_temperature))
    found.locator("input[type=checkbox]").set_checked(naive)


def test_probabilities_entropy_and_perplexity_are_those_of_the_library(figure, base, names, log_probs):
    found = figure(base, "letter-temperature")
    for symbol, log_temperature in product(".aq", (-2.3, -0.3, 0, 1)):
        set_letter(found, symbol, log_temperature)
        [i] = names.vocabulary.encode(symbol)
        p, _ = softmax(log_probs[i] / 10**log_temperature)
        np.testing.assert_allclose(numbers(found, ".bars [data-value]"), p, rtol=0, atol=1e-6)
        assert reading(found, "entropy") == pytest.approx(entropy(p), abs=1e-6)
        assert reading(found, "perplexity") == pytest.approx(perplexity(entropy(p)), abs=1e-6)
        heights = found.locator(".bars span").evaluate_all(
            "all => all.map(bar => parseFloat(getComputedStyle(bar, '::before').height))"
        )
        np.testing.assert_allclose(heights, 136 * p, atol=2.1)  # a bar is never thinner than 2 px


def test_without_the_maximum_it_is_nan_where_numpy_s_is(figure, base, names, log_probs):
    found = figure(base, "letter-temperature")
    counts = np.zeros((27, 27))
    for ids in names.encode(names.train):
        np.add.at(counts, (ids[:-1], ids[1:]), 1)
    [a] = names.vocabulary.encode("a")
    overflowed = []
    for log_temperature in (-2.2, -1.95, -1.85, 0):
        set_letter(found, "a", log_temperature, naive=True)
        with np.errstate(over="ignore", invalid="ignore"):
            powers = np.exp(np.log(counts[a] + 0.1) / 10**log_temperature)
            naive = powers / powers.sum()
        np.testing.assert_allclose(numbers(found, ".bars [data-value]"), naive, rtol=0, atol=1e-6)
        overflowed.append(math.isnan(reading(found, "entropy")))
        assert math.isinf(reading(found, "largest exponential")) == overflowed[-1]
        assert found.locator(".bars .nan").count() == np.isnan(naive).sum()
    assert overflowed == [True, True, False, False]
    set_letter(found, "a", -2.2)
    assert found.locator(".bars .nan").count() == 0 and reading(found, "entropy") < 1e-6


def test_the_target_is_told_from_both_sides_and_can_be_reached(figure, site, log_probs):
    slider = -2.3 + 0.005 * np.arange(661)
    choices = perplexity(entropy(softmax(log_probs[:, None] / 10 ** slider[:, None])[0]))  # (letter, place)
    assert (abs(choices - 5).min(axis=1) < 0.1).all()
    found = figure(site, "letter-temperature")
    best = round(slider[abs(choices[1] - 5).argmin()], 3)
    for place, answer in ((0.5, "go colder"), (-2, "go warmer"), (best, "Found")):
        set_letter(found, "a", place)
        found.page.wait_for_function(SAID, arg=answer)


def test_the_sampled_names_can_be_reproduced(figure, base, names, log_probs):
    found, draws = figure(base, "letter-temperature"), mulberry32(3)
    for log_temperature in (-0.5, 0, 0.3):
        rows = np.cumsum(softmax(log_probs / 10**log_temperature)[0], axis=1)
        expected = []
        for _ in range(5):
            ids = [0]
            while len(ids) <= 12 and (len(ids) == 1 or ids[-1]):
                ids.append(int(np.searchsorted(rows[ids[-1]], next(draws), side="right")))
            name = names.vocabulary.decode(ids[1:]).removesuffix(".")
            expected.append(name + "…" if ids[-1] else name or "(empty)")
        set_letter(found, "a", log_temperature)
        found.get_by_role("button").click()
        assert found.locator("[role=status]").last.inner_text() == ", ".join(expected)


# Find the bug.


@pytest.fixture(scope="module")
def signatures(names):
    """The relative errors of the page's gradient checks, by bug and parameter."""
    X, Y = pairs(names.encode(names.train), 3)
    params = planted.draw_params(np.random.default_rng(1), d_hidden=32)

    def error(replaced, name):
        def rule(moved):
            loss, gradients = planted.loss_and_gradients(params | {name: moved}, X[:64], Y[:64], replaced)
            return loss, lambda d: (d * gradients[name],)

        return check_pullback(rule, params[name], rng=np.random.default_rng(2))

    return {bug: {name: error(replaced, name) for name in params} for bug, replaced in planted.BUGS.items()}


BOX = {"cross_entropy": "loss", "linear": "linear 2"}


def choose(found, number):
    found.locator(f"input[value='bug {number}']").check()


def test_the_errors_the_verdicts_and_the_losses_are_those_of_the_library(figure, base, signatures):
    found = figure(base, "find-the-bug")
    recorded = runs("05-bugs")
    right, left = recorded.values("none"), dict(planted.BUGS)
    for number in range(1, 8):
        choose(found, number)
        marks = found.locator("[data-parameter]").evaluate_all(
            "all => all.map(mark => [mark.dataset.parameter, Number(mark.dataset.value)])"
        )
        [bug] = [bug for bug in left if all(abs(signatures[bug][p] - error) < 1e-6 for p, error in marks)]
        failing = {p for p, error in signatures[bug].items() if error > 1e-6}
        assert (
            set(found.locator(".fails").evaluate_all("all => all.map(m => m.dataset.parameter)")) == failing
        )
        status(found, f"bug {number}: the check fails for")
        [rule] = left.pop(bug)
        found.get_by_role("button", name=BOX.get(rule, rule)).click()
        assert f": {bug}. " in status(found, "Yes, ")
        row = found.locator("table.found tbody tr").last
        losses = recorded.values(bug)
        if None in losses:
            assert "diverged" in row.inner_text() and "diverges" in status(found, "Yes, ")
            continue
        loss, worse = (float(row.get_attribute(f"data-{key}")) for key in ("loss", "worse"))
        assert loss == pytest.approx(losses.mean(), abs=1e-6)
        assert worse == pytest.approx((losses - right).mean(), abs=1e-6)
    assert left == {}
    assert "All 7 found with 7 clicks" in status(found, "All 7")


def test_a_wrong_suspect_is_told_why(figure, site, signatures):
    """The order of the network decides: what a rule hands back is spoiled, or cannot be."""
    found = figure(site, "find-the-bug")
    choose(found, 3)  # lookups overwritten
    for box, why in (
        (
            "tanh",
            "Not tanh: what it hands back also makes the gradient of W₁, b₁, and the check passes there.",
        ),
        ("loss", "Not loss: what it hands back also makes the gradient of W₁, b₁, W₂, b₂, W₃, b₃, and"),
        ("linear 1", "Not linear 1, although the signature allows it: checked alone, it passes."),
    ):
        found.get_by_role("button", name=box).click()
        status(found, why)
    choose(found, 7)  # mean forgotten
    found.get_by_role("button", name="relu").click()
    status(found, "Not relu: the check fails for W₃, b₃, which cannot be spoiled from there.")


def test_nothing_is_answered_before_the_guess(figure, site):
    found = figure(site, "find-the-bug")
    table = found.locator("table.found")
    found.get_by_role("button", name="tanh").click()
    status(found, "Choose a bug first.")
    choose(found, 1)
    text = found.locator(".interactive-body").inner_text()
    assert not table.is_visible() and not any(bug in text for bug in planted.BUGS)
    data = found.locator("details")
    assert data.locator("summary").all_inner_texts() == ["Data: checks", "Data: answers"]
    data.first.locator("summary").click()
    assert data.first.locator("table").is_visible() and not data.last.locator("table").is_visible()
    assert not any(bug in data.first.inner_text() for bug in planted.BUGS)
    assert any(bug in data.last.text_content() for bug in planted.BUGS)


# Read the bits.


def network_of(found, name):
    """Load the weights that the page has into the library's network."""
    table = json.loads(found.locator("script").text_content())[name]
    rows = [list(row.values()) for row in table.values()]  # two bits, 16 units, bias
    state, output = np.array([row[:16] for row in rows]), np.array([row[16:] for row in rows[2:]])
    network = UnrolledRNN(2, 16, 2, rng=None, dtype=np.float64)
    recurrent = {"W_x": state[:2], "W_h": state[2:-1], "b": state[-1]}
    network.load(recurrent | {"output.W": output[:-1], "output.b": output[-1]})
    return network


def read_bits(found, name, string):
    found.locator("select").select_option(name)
    found.locator("input[type=text]").fill(string)


@pytest.mark.parametrize("name", ["trained", "untrained"])
def test_states_and_answers_are_those_of_the_library(figure, base, name):
    found = figure(base, "read-the-bits")
    network = network_of(found, name)
    for string in ("1", "10110", "010011000111101001100110"):
        read_bits(found, name, string)
        x = np.eye(2)[[[int(bit) for bit in string]]]
        with no_grad():
            states, p = np.concatenate(network.states(x)), softmax(network(x))[0][0, :, 1]
        np.testing.assert_allclose(numbers(found, "rect[data-value]"), states.ravel(), rtol=0, atol=1e-6)
        odd = found.locator("text[data-odd]").evaluate_all("all => all.map(text => Number(text.dataset.odd))")
        np.testing.assert_allclose(odd, p, rtol=0, atol=1e-6)
        assert found.locator("rect.positive").count() == (states > 0).sum()


def test_the_network_answers_after_the_guess_and_what_is_no_bit_is_left_out(figure, site):
    found = figure(site, "read-the-bits")
    read_bits(found, "trained", "1x0 110")
    status(found, "5 bits. Odd or even?")
    assert set(found.locator("text[data-odd]").all_text_contents()) == {"?"}
    found.get_by_role("button", name="even").click()
    status(found, "3 ones: odd. You are wrong; the network says odd, with probability")
    assert found.locator("text[data-odd]").all_text_contents() == list("ooeoo")
    read_bits(found, "trained", "")
    status(found, "Type at least one bit, 0 or 1.")
    read_bits(found, "trained", "11")
    status(found, "2 bits. Odd or even?")


# All.


@every_figure
def test_a_figure_mounts_only_near_the_view(visit, site, name):
    page = visit(site, name)
    assert page.locator("figure.mounted").count() == 0
    assert page.locator("figure.interactive img").count() == 1


STUB = """<main><figure class="interactive" data-figure="stub"><img alt="A picture">
<script type="application/json">{"a": "&lt;"}</script></figure></main><script>%s
figures.stub = (element, data) => { %s };</script>"""


@pytest.mark.parametrize(
    ("mount", "mounted"), [("element.append(data.a)", True), ("throw Error('broken')", False)]
)
def test_without_observers_a_figure_mounts_at_once_and_a_broken_one_keeps_its_picture(
    browser, mount, mounted
):
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script("delete window.IntersectionObserver")
    page.set_content(STUB % (FIGURES.read_text("utf-8"), mount))
    assert (page.locator(".mounted .interactive-body").all_inner_texts() == ["&lt;"]) == mounted
    assert page.locator(".interactive-body").count() == mounted
    assert errors == ([] if mounted else ["broken"])
    page.close()


@every_figure
def test_without_scripts_and_in_print_the_picture_is_there(figure, visit, base, name):
    page = visit(base, name, java_script_enabled=False)
    picture = page.locator("figure.interactive img")
    assert picture.is_visible() and picture.evaluate("image => image.naturalWidth") > 100
    for fold in page.locator("figure.interactive details").all():
        fold.locator("summary").click()
        assert fold.locator("table").is_visible()

    found = figure(base, name)
    body = found.locator(".interactive-body")
    assert body.is_visible() and not found.locator("img").is_visible()
    found.page.emulate_media(media="print")
    assert found.locator("img").is_visible() and not body.is_visible()


@every_figure
@pytest.mark.parametrize(
    "options", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {**PHONE, "color_scheme": "dark"}, PHONE]
)
def test_all_can_use_it(figure, site, name, options):
    found = figure(site, name, **options)
    page = found.page
    if name == "find-the-bug":
        choose(found, 3)
        for box in ("tanh", "take"):
            found.get_by_role("button", name=box).click()
        status(found, "Yes, ")
    elif name == "read-the-bits":
        read_bits(found, "untrained", "101100101101")
        found.get_by_role("button", name="odd").click()
        status(found, "You are right")
    elif name == "gradient-by-lag":
        found.get_by_role("button", name="it vanishes").click()
        status(found, "You are right")
    elif name == "next-letter":
        found.get_by_role("button", name="Guess").click()
        found.get_by_role("button", name="Write ten names").click()
        status(found, "your guess")
    elif name == "bracket-gates":
        found.get_by_role("textbox").fill("([{}])" * 6 + "([{(")
        found.get_by_label("Show").select_option("cell")
        found.get_by_role("button", name="Guess").click()
        status(found, "You are right")
    else:
        set_letter(found, "a", -2.2, naive=True)
        status(found, "nan")
    for bar in found.locator("summary").all():
        bar.click()
    page.evaluate(AXE_SCRIPT)
    assert page.evaluate(AXE) == []
    assert found.evaluate(MOTION) == 0
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert found.evaluate(SMALL) == []
    assert found.evaluate(NAMELESS) == []  # axe takes a label's text for the name of all that is in it


def test_the_colors_follow_the_page(figure, site):
    grounds = [
        figure(site, "find-the-bug", color_scheme=scheme)
        .locator("button")
        .first.evaluate(
            "button => [getComputedStyle(button).backgroundColor, getComputedStyle(button).color]"
        )
        for scheme in ("light", "dark")
    ]
    assert all(light != dark for light, dark in zip(*grounds, strict=True))


def test_the_keyboard_moves_letter_and_temperature(figure, site):
    found = figure(site, "letter-temperature")
    press = found.page.keyboard.press
    found.locator("select").focus()
    press("q")
    press("Tab")
    seen = []
    for key in ("ArrowLeft", "PageDown", "Home", "End"):
        press(key)
        seen.append(float(found.locator("input[type=range]").input_value()))
        assert found.locator("input[type=range]").get_attribute("aria-valuetext") == f"{10 ** seen[-1]:#.3g}"
    assert seen[0] == -0.005 and seen[2:] == [-2.3, 1] and seen[1] < seen[0]
    press("Tab")
    press("Space")
    assert found.locator("input[type=checkbox]").is_checked()
    press("Tab")
    press("Enter")
    assert found.locator("[role=status]").last.inner_text().count(", ") == 4
    assert found.locator("select").input_value() == "q"


def test_the_keyboard_finds_a_bug(figure, site):
    found = figure(site, "find-the-bug")
    press = found.page.keyboard.press
    found.locator("input").first.focus()
    press("Space")
    press("ArrowRight")
    press("ArrowRight")  # the third: lookups overwritten
    press("Tab")
    assert found.page.evaluate("document.activeElement.textContent") == "take"
    assert found.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    press("Enter")
    status(found, "Yes, take: lookups overwritten.")


def test_what_changes_is_said_once_it_has_stopped_changing(figure, site):
    found = figure(site, "letter-temperature")
    status(found, "After a at 1.00")
    found.evaluate("""figure => {
        window.said = [];
        const status = figure.querySelector("[role=status]");
        new MutationObserver(() => said.push(status.textContent)).observe(status, { childList: true });
    }""")
    found.locator("input[type=range]").focus()
    for _ in range(20):
        found.page.keyboard.press("ArrowLeft")
    status(found, "After a at 0.794")
    said = found.page.evaluate("said")
    assert 1 <= len(said) < 5 and re.search("0.794", said[-1])
    assert all(a != b for a, b in pairwise(said))
