"""The figure of chapter 12: the gates, the cells and the answers are those of the page's LSTM in llmbook."""

import numpy as np
import pytest

from llmbook.book.interactive import encoded
from llmbook.data.toys import brackets
from llmbook.feedforward.tape import no_grad
from llmbook.lstm_gru.gates import lstm_gates, replay
from llmbook.lstm_gru.lstm import LSTM
from llmbook.math_foundations.softmax import softmax
from llmbook.rnn.rnn import RNNLanguageModel
from mounted import network_of, numbers, reading, status

pytestmark = pytest.mark.browser
BRACKETS = "()[]{}"
CLOSERS = BRACKETS[1::2]
KINDS = ["input gate", "forget gate", "candidate", "output gate", "cell"]
LONG = "([{}])" * 6 + "([{("


def lstm_of(found):
    return network_of(found, recurrent=LSTM, dtype=np.float64)


def ids_of(text):
    return [[BRACKETS.index(symbol) for symbol in text]]


def gates_of(network, ids):
    """Each layer's gates i, f, g, o and cells c.  (1, T) -> [(5, T, H)]"""
    x, found = network.embedding.table.data[ids], []
    with no_grad():
        for layer in network.recurrent.layers:
            arrays = [parameter.data for parameter in layer.values()]
            h0 = np.zeros((1, network.recurrent.d_hidden))
            y = network.recurrent.rule(x, h0, h0, *arrays)[0]
            gates = lstm_gates(x, h0, y, *arrays)
            found.append(np.concatenate([*gates, replay(*gates, h0)[1]]))
            x = y
    return found


def due(text):
    """The closing bracket of the last one that is open, after each symbol; "" where none is."""
    still_open, found = [], []
    for symbol in text:
        if symbol in CLOSERS:
            assert still_open.pop() == symbol
        else:
            still_open.append(BRACKETS[BRACKETS.index(symbol) + 1])
        found.append(still_open[-1] if still_open else "")
    return found


def expected(network, text):
    """The closing bracket that the network expects after each symbol."""
    return [CLOSERS[k] for k in network.logits(ids_of(text))[0, :, 1::2].argmax(axis=-1)]


def write(found, text):
    found.get_by_role("textbox").fill(text)


def guess(found, closer):
    found.get_by_label("Next closes").select_option(closer)
    found.get_by_role("button", name="Guess").click()


def row(found, kind):
    return "".join(found.locator(f"text.{kind}").all_text_contents())


@pytest.mark.parametrize("text", ["[", "([]{()}[{", LONG, "}))(((((("])
def test_gates_cells_and_scores_are_those_of_the_library(figure, base, text):
    found = figure(base, "bracket-gates")
    network = lstm_of(found)
    guess(found, ")")
    write(found, text)
    [values] = gates_of(network, ids_of(text))
    for kind, of_units in zip(KINDS, values, strict=True):
        if kind == "candidate":
            continue
        found.get_by_label("Show").select_option(kind)
        shown = numbers(found, "[data-unit]").reshape(of_units.shape)
        np.testing.assert_allclose(shown, of_units, rtol=0, atol=1e-6)
        assert found.locator("[data-unit].below").count() == (of_units < 0).sum()
        found.get_by_role("slider").fill("17")
        of_unit = [f"{s} {v:.2f}" for s, v in zip(text, of_units[:, 16], strict=True)]
        said = found.get_by_text(f"Unit 17, {kind}: ").inner_text()
        assert said.endswith(f": {', '.join(of_unit)}".replace("-", "−"))
    logits = network.logits(ids_of(text))[0]
    of_closers = found.locator("[data-closer]").evaluate_all("all => all.map(c => Number(c.dataset.logit))")
    np.testing.assert_allclose(np.reshape(of_closers, (-1, 3)), logits[:, 1::2], rtol=0, atol=1e-6)
    p, _ = softmax(logits)
    np.testing.assert_allclose(numbers(found, "[data-closer]").reshape(-1, 3), p[:, 1::2], rtol=0, atol=1e-6)


def test_layers_stack_and_a_state_may_be_gone_on_from_again(figure, site):
    network = RNNLanguageModel(
        5,
        d_model=3,
        d_hidden=4,
        n_layers=2,
        rng=np.random.default_rng(0),
        recurrent=LSTM,
        dtype=np.float32,
    )
    arrays = {name: encoded(array, name) for name, array in network.params().items()}
    once, other, again = figure(site, "bracket-gates").page.evaluate(
        """arrays => {
            const model = models.lstm(decoded(arrays));
            const before = model.step(model.step(model.start(), 1).state, 4).state;
            return [2, 3, 2].map(id => model.step(before, id)).map(({ state, logits }) => [
                [...logits], state.map(layer => ["i", "f", "g", "o", "c"].map(name => [...layer[name]]))]);
        }""",
        arrays,
    )
    for (logits, gates), last in ((once, 2), (other, 3), (again, 2)):
        ids = [[1, 4, last]]
        np.testing.assert_allclose(logits, network.logits(ids)[0, -1], rtol=0, atol=1e-6)
        of_layers = [values[:, -1] for values in gates_of(network, ids)]
        np.testing.assert_allclose(gates, of_layers, rtol=0, atol=1e-6)


def test_the_answers_are_hidden_until_the_guess_which_is_then_judged(figure, site):
    found = figure(site, "bracket-gates")
    network = lstm_of(found)
    text = "([]{()}[{"
    write(found, text)
    status(found, "Which bracket must close next? Guess")
    assert found.locator("[data-closer]").count() == 0 and row(found, "mark") == ""
    assert row(found, "symbol") == text + "?" * len(text)
    best = expected(network, text)
    p = softmax(network.logits(ids_of(text))[0, -1])[0][BRACKETS.index(best[-1])]
    says = f"Of the three the network expects {best[-1]}, with probability {p:.3f}: "
    says += "right." if best[-1] == "}" else "wrong."
    guess(found, "]")
    status(found, f"You said ], but }} must close next. {says}")
    guess(found, "}")
    status(found, f"You are right: }} must close next. {says}")
    assert row(found, "symbol") == text + "".join(best)
    write(found, "()")
    guess(found, ")")
    p = softmax(network.logits(ids_of("()"))[0, -1])[0][1::2].sum()
    status(found, f"You said ), but nothing is open. The network gives the three {p:.3f} together.")
    guess(found, "none")
    status(found, "You are right: nothing is open.")
    assert row(found, "symbol") == "()" + expected(network, "(")[0] + "·"


@pytest.mark.parametrize(("text", "character"), [("(a)", "a"), ("( )", " "), ("<>", "<")])
def test_what_is_no_bracket_is_named_and_nothing_is_drawn(figure, site, text, character):
    found = figure(site, "bracket-gates")
    guess(found, ")")
    write(found, text)
    said = f"“{character}” is no bracket of these: the network knows ()[]{{}}."
    status(found, said)
    guess(found, ")")
    status(found, said)
    assert found.locator("[data-value]").count() == 0 and found.locator("svg > *").count() == 0
    write(found, "")
    status(found, "Type at least one bracket.")
    assert found.locator("[data-value]").count() == 0
    write(found, "([")
    status(found, "Right at" if expected(lstm_of(found), "([") == [")", "]"] else "Found")
    assert found.locator("[data-unit]").count() == 48


@pytest.mark.parametrize(
    ("text", "fault", "counted"),
    [
        ("([)]", "), its bracket 3, does not close the last open one", 2),
        ("{}]", "], its bracket 3, does not close the last open one", 2),
        ("(([[{}]]))", "{, its bracket 5, is 5 deep", 4),
        ("{{{{[]}}}})", "[, its bracket 5, is 5 deep", 4),
    ],
)
def test_strings_that_do_not_count_are_told_why(figure, site, text, fault, counted):
    found = figure(site, "bracket-gates")
    write(found, text)
    status(found, f"This string does not count: {fault}.")
    guess(found, ")")
    status(found, f"This string does not count: {fault}.")
    asked = sum(must != "" for must in due(text[:counted]))
    assert len(row(found, "mark")) == asked
    assert row(found, "symbol").count("·") == len(text) - asked
    assert found.locator("[data-unit]").count() == 24 * len(text)


def test_a_string_after_which_the_network_expects_the_wrong_bracket_can_be_found(figure, site):
    found = figure(site, "bracket-gates")
    network = lstm_of(found)
    guess(found, ")")
    texts = brackets(2000, 40, rng=np.random.default_rng(0))
    best = network.logits([ids_of(text)[0] for text in texts])[..., 1::2].argmax(axis=-1)
    wrong = [
        [t for t, must in enumerate(due(text)) if must and CLOSERS[ks[t]] != must]
        for text, ks in zip(texts, best, strict=True)
    ]
    first = next(k for k in range(2000) if wrong[k])
    text, at = texts[first], wrong[first][0]
    says = (
        f"Found: after “{text[: at + 1]}” the network expects {CLOSERS[best[first, at]]}, "
        f"but {due(text)[at]} must close."
    )
    for string in (text[: at + 1], text):
        write(found, string)
        status(found, says)
        guess(found, ")")
        status(found, f". {says}")
        asked = sum(must != "" for must in due(string))
        missed = sum(t < len(string) for t in wrong[first])
        assert row(found, "mark").count("✗") == found.locator("text.wrong").count() == missed
        assert reading(found, "right") == pytest.approx(1 - missed / asked, abs=1e-6)
    write(found, text[:at])
    asked = sum(must != "" for must in due(text[:at]))
    status(found, f"Right at all {asked} points where a bracket is open.")
    assert row(found, "mark") == "✓" * asked and reading(found, "right") == 1


def test_forty_brackets_and_no_more_fit_on_a_small_phone(figure, site):
    found = figure(site, "bracket-gates", viewport={"width": 360, "height": 740}, is_mobile=True)
    guess(found, ")")
    found.get_by_role("textbox").fill("()" * 19)
    found.get_by_role("textbox").press_sequentially("([{")
    assert row(found, "symbol")[:40] == "()" * 19 + "(["
    assert found.locator("[data-unit]").count() == 24 * 40
    right = found.locator("[data-unit]").last.evaluate("cell => cell.getBoundingClientRect().right")
    assert 300 < right < 360
    assert found.page.evaluate("document.documentElement.scrollWidth") == 360
