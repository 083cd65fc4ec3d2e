"""The figure of chapter 11, and the models that run in a page: they compute and draw what llmbook does."""

import numpy as np
import pytest

from llmbook.book.interactive import encoded
from llmbook.math_foundations.softmax import entropy, perplexity, softmax
from llmbook.rnn.rnn import RNNLanguageModel
from mounted import mulberry32, network_of, numbers, reading, status

pytestmark = pytest.mark.browser


SYMBOLS = ".abcdefghijklmnopqrstuvwxyz"


def logits_after(network, beginning):
    return network.logits([[SYMBOLS.index(s) for s in "." + beginning]])[0, -1].astype(float)


def guess(found, symbol="a"):
    found.locator("select").select_option(symbol)
    found.get_by_role("button", name="Guess").click()


def begin(found, beginning, log_temperature=0):
    found.get_by_role("textbox").fill(beginning)
    found.get_by_role("slider").fill(str(log_temperature))


def press(found, name):
    found.get_by_role("button", name=name).click()
    return found.locator("[role=status]").last.inner_text()


def logits_shown(found):
    return np.array(found.locator(".bars span").evaluate_all("all => all.map(b => Number(b.dataset.logit))"))


def test_logits_are_those_of_the_library_and_temperature_divides_them(figure, base):
    found = figure(base, "next-letter")
    network = network_of(found)
    guess(found)
    for beginning, log_temperature in (
        ("", 0),
        ("m", -1),
        ("schmi", 0.5),
        ("zyxwvutsrqponmlkjihgfedc", -0.3),
    ):
        begin(found, beginning, log_temperature)
        logits = logits_shown(found)
        np.testing.assert_allclose(logits, logits_after(network, beginning), rtol=0, atol=1e-4)
        p, _ = softmax(logits / 10**log_temperature)
        np.testing.assert_allclose(numbers(found, ".bars [data-value]"), p, rtol=0, atol=1e-6)
        assert reading(found, "entropy") == pytest.approx(entropy(p), abs=1e-6)
        assert reading(found, "perplexity") == pytest.approx(perplexity(entropy(p)), abs=1e-5)


def test_layers_stack_and_a_state_may_be_gone_on_from_again(figure, site):
    network = RNNLanguageModel(
        5, d_model=3, d_hidden=4, n_layers=2, rng=np.random.default_rng(0), dtype=np.float32
    )
    arrays = {name: encoded(array, name) for name, array in network.params().items()}
    once, other, again = figure(site, "next-letter").page.evaluate(
        """arrays => {
            const model = models.rnn(decoded(arrays));
            const before = model.step(model.step(model.start(), 1).state, 4).state;
            return [2, 3, 2].map(id => [...model.step(before, id).logits]);
        }""",
        arrays,
    )
    for logits, last in ((once, 2), (other, 3), (again, 2)):
        np.testing.assert_allclose(logits, network.logits([[1, 4, last]])[0, -1], rtol=0, atol=1e-6)


DRAWS = """([p, n]) => {
    const random = generator(5), counts = p.map(() => 0);
    for (let i = 0; i < n; i++) counts[sample(p, random)]++;
    return counts;
}"""


def test_symbols_are_drawn_as_often_as_they_are_probable(figure, site):
    found = figure(site, "next-letter")
    guess(found)
    begin(found, "ma", 0.5)
    p, n = numbers(found, ".bars [data-value]"), 20_000

    def chi_square(counts, p):
        rare = n * p < 5
        expected = np.append(n * p[~rare], n * p[rare].sum())[: None if rare.any() else -1]
        observed = np.append(counts[~rare], counts[rare].sum())[: len(expected)]
        return ((observed - expected) ** 2 / expected).sum(), len(expected) - 1

    counts = np.array(found.page.evaluate(DRAWS, [p.tolist(), n]))
    assert counts.sum() == n
    value, df = chi_square(counts, p)
    assert df >= 10 and abs(value - df) < 3.3 * (2 * df) ** 0.5
    value, df = chi_square(counts, np.roll(p, 1))
    assert value > df + 100 * (2 * df) ** 0.5
    assert found.page.evaluate(DRAWS, [[0, 0.25, 0, 0.75, 0], 1000])[::2] == [0, 0, 0]


def test_names_can_be_reproduced(figure, base):
    found = figure(base, "next-letter")
    network, draws = network_of(found), mulberry32(11)
    guess(found)

    def drawn(beginning, log_temperature):
        p, _ = softmax(logits_after(network, beginning) / 10**log_temperature)
        i = int(np.searchsorted(np.cumsum(p), next(draws), side="right"))
        return SYMBOLS[i], p[i]

    def whole(name, log_temperature):
        while (symbol := drawn(name, log_temperature)[0]) != "." and len(name) < 24:
            name += symbol
        return name

    name = "Sch"
    begin(found, name, 0.2)
    for _ in range(3):
        said = press(found, "Add a letter")
        symbol, p = drawn(name.lower(), 0.2)
        assert said.startswith(f"Drew {symbol.replace('.', 'the end mark')}, which had probability {p:.3f}")
        name = (name + symbol).lower().rstrip(".")
        assert found.get_by_role("textbox").input_value().lower() == name
    ten = [whole(name, 0.2) for _ in range(10)]
    assert press(found, "Write ten names") == ", ".join(ten) + "."
    end = whole(name, 0.2)
    assert press(found, "Finish the name") == f"The name is {end}."
    assert found.get_by_role("textbox").input_value() == end
    begin(found, "m" * 24, 0.5)
    symbol, p = drawn("m" * 24, 0.5)
    then = ": the name is mmm" if symbol == "." else ", but there is room for 24 letters only."
    assert f"probability {p:.3f}{then}" in press(found, "Add a letter")


def test_an_unknown_character_is_named_and_nothing_is_computed(figure, site):
    found = figure(site, "next-letter")
    guess(found)
    for text, character in (("mü", "ü"), ("ma.", "."), ("o'b", "'"), ("x ", " ")):
        begin(found, text)
        status(found, f"No name had “{character}”: the network knows abc")
        assert found.locator("[data-value]").count() == 0
        assert found.locator("button:disabled").count() == 3
    guess(found)
    assert "No name had" in status(found, "No name had")
    begin(found, "MA")
    status(found, "After “ma” at temperature 1.00")
    np.testing.assert_allclose(logits_shown(found), logits_after(network_of(found), "ma"), atol=1e-4)


def test_the_bars_are_hidden_until_the_guess_which_is_then_judged(figure, site):
    found = figure(site, "next-letter")
    p, _ = softmax(logits_after(network_of(found), "ma"))
    order = [SYMBOLS[i] for i in (-p).argsort()]
    status(found, "Guess, and the bars are drawn.")
    assert found.locator("[data-value]").count() == 0 and found.locator("button:disabled").count() == 3
    third = next(s for s in order[2:] if s != ".")
    guess(found, third)
    said = status(found, f"your guess, {third}, has probability {p[SYMBOLS.index(third)]:.3f}")
    assert f"is number {order.index(third) + 1} of 27" in said and "The network's first is" in said
    guess(found, order[0])
    status(found, "You agree with the network")


def test_a_beginning_after_which_the_network_is_nearly_sure_can_be_found(figure, site):
    found = figure(site, "next-letter")
    network = network_of(found)
    guess(found)
    rng = np.random.default_rng(0)
    ids = np.c_[np.zeros(2000, int), rng.integers(1, 27, (2000, 6))]
    choices = perplexity(entropy(softmax(network.logits(ids)[:, -1].astype(float))[0]))
    assert choices.min() < 1.2 < choices.max()
    for row, answer in (
        (ids[choices.argmin()], "Found: the network is nearly sure."),
        (ids[choices.argmax()], "Not yet sure."),
    ):
        begin(found, "".join(SYMBOLS[i] for i in row[1:]))
        status(found, answer)
