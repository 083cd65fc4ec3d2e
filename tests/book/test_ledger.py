"""Claims and leaderboard rows, in plain Python and in a running IPython."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from myst_nb.core.variables import format_plain_text
from traitlets.config import Config

from llmbook.book import ClaimError, claim, leaderboard_row
from llmbook.book.ledger import CLAIM, CORPORA, LEADERBOARD, show_number, verdict
from llmbook.book.page import machine


@pytest.fixture
def ipython():
    """A real IPython shell, as a notebook has one."""
    config = Config()
    config.HistoryManager.enabled = False
    yield InteractiveShell.instance(config=config)
    InteractiveShell.clear_instance()


def row(**changes):
    """Enter a row that is right but for the changes."""
    right = {"model": "bigram counts", "corpus": "surnames", "nats": 2.4541, "standard_error": 0.0031}
    right |= {"parameters": 729, "seconds": 0.25, "tokens_per_second": 1234567.0}
    leaderboard_row(**(right | changes))


def test_a_claim_in_plain_python_prints_one_line(capsys):
    claim("names/bigram-nll", np.float32(2.5), 2, 3, unit="nats")
    assert capsys.readouterr().out == "Claim names/bigram-nll: 2.5 nats, expected 2 to 3\n"


@pytest.mark.parametrize(
    ("value", "kind"),
    [(np.int64(3), int), (np.True_, bool), (np.array(2.5), float), (np.float32(2), float), (1, int)],
)
def test_numpy_numbers_are_recorded_as_pythons(ipython, value, kind):
    with capture_output() as captured:
        claim("names/x", value, np.float32(0), np.int64(3), paper=np.float32(2), source="a paper")
    record = captured.outputs[0].metadata[CLAIM]
    assert type(record["value"]) is kind and record["value"] == value
    assert type(record["paper"]) is float and record["range"] == "0 to 3"


def test_a_claim_at_the_end_of_a_cell_does_not_echo_its_value(ipython):
    with capture_output() as captured:
        ipython.run_cell("from llmbook.book import claim\nclaim('names/x', 2.5, 2, 3)").raise_error()
    assert captured.stdout == "" and len(captured.outputs) == 2  # the claim, and the glue


def test_an_exact_claim_shows_one_expectation(capsys):
    claim("names/equal", True, True, True)
    assert capsys.readouterr().out == "Claim names/equal: True, expected True\n"


@pytest.mark.parametrize("value", [2.0, 3.0])
def test_the_ends_of_the_range_are_inside(value):
    claim("names/x", value, 2, 3)


@pytest.mark.parametrize("value", [1.999, 3.001, math.nan, math.inf, -math.inf])
def test_a_value_outside_the_range_fails_and_says_so(value):
    with pytest.raises(ClaimError, match=rf"names/x: {value} nats is outside \[2, 3\]") as failure:
        claim("names/x", value, 2, 3, unit="nats")
    assert isinstance(failure.value, AssertionError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "bigram-nll"}, "name 'bigram-nll'"),
        ({"name": "Names/nll"}, "name 'Names/nll'"),
        ({"name": "names/bigram nll"}, "name 'names/bigram nll'"),
        ({"name": "names/a--b"}, "name 'names/a--b'"),
        ({"name": "names/nll\n"}, "name"),
        ({"value": "2.5"}, "value of claim names/x is '2.5'"),
        ({"value": None}, "value of claim names/x is None"),
        ({"low": None}, "needs a finite range"),
        ({"high": None}, "needs a finite range"),
        ({"low": 4.0}, "needs a finite range"),
        ({"low": math.nan}, "needs a finite range"),
        ({"high": math.inf}, "needs a finite range"),
        ({"kind": "guess"}, "kind 'guess'"),
        ({"kind": "timing"}, "takes no range"),
        ({"kind": "timing", "low": None}, "takes no range"),
        ({"kind": "timing", "low": None, "high": None, "value": math.nan}, "must be finite"),
        ({"paper": 2.5}, "both paper and source"),
        ({"source": "bengio2003"}, "both paper and source"),
        ({"paper": math.nan, "source": "bengio2003"}, "paper of claim names/x"),
    ],
)
def test_a_malformed_claim_is_refused(arguments, message):
    right = {"name": "names/x", "value": 2.5, "low": 2.0, "high": 3.0}
    with pytest.raises(ValueError, match=message):
        claim(**(right | arguments))


@pytest.mark.parametrize(
    ("paper", "expected"),
    [
        *((inside, "yes") for inside in (2, 2.5, 3)),
        *((near, "partly") for near in (1.999, 3.001, 1, 4)),
        *((far, "no") for far in (0.999, 4.001)),
    ],
)
def test_the_verdict_changes_at_the_range_and_at_one_width_beyond_it(paper, expected):
    assert verdict(paper, 2, 3) == expected


def test_a_range_of_one_point_is_reproduced_exactly_or_not_at_all():
    assert [verdict(paper, 2, 2) for paper in (2, 2.001)] == ["yes", "no"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2.45412, "2.454"),
        (3.2e-10, "3.2e-10"),
        (0.0, "0"),
        (134515008, "134,515,008"),
        (1234567.8, "1,234,568"),
        (7, "7"),
        (True, "True"),
        (-12345.6, "-12,346"),
        (1e20, "1e+20"),
    ],
)
def test_numbers_are_rounded_sensibly(value, shown):
    assert show_number(value) == shown


@pytest.mark.parametrize(
    ("value", "low", "high", "line"),
    [
        (709.7827, 709.78, 709.79, "709.78, expected 709.78 to 709.79"),
        (
            math.log(27),
            math.log(27) - 1e-9,
            math.log(27) + 1e-9,
            "3.295836866, expected 3.295836865 to 3.295836867",
        ),
        (12345.62, 12345.5, 12345.7, "12345.6, expected 12345.5 to 12345.7"),
        (3e-10, 0, 1e-8, "3e-10, expected 0 to 1e-08"),
        (0.25, 0.25, 0.25, "0.25, expected 0.25"),
        (12, 10, 20, "12, expected 10 to 20"),
    ],
)
def test_a_narrow_range_shows_the_digits_that_tell_its_ends_apart(capsys, value, low, high, line):
    claim("names/x", value, low, high)
    assert capsys.readouterr().out == f"Claim names/x: {line}\n"


def test_a_claim_in_ipython_shows_records_and_glues(ipython):
    with capture_output() as captured:
        claim("names/bigram-nll", np.float64(2.4541), 2.44, 2.47, paper=2.4, source="A & B", unit="nats/<s>")
    shown, glued = captured.outputs
    assert captured.stdout == ""
    assert shown.data["text/plain"] == (
        "Claim names/bigram-nll: 2.454 nats/<s>, expected 2.44 to 2.47; paper 2.4, reproduced: no"
    )
    assert shown.data["text/html"] == (
        '<div class="claim" id="claim-names--bigram-nll">'
        'Claim <span class="claim-name">names/bigram-nll</span>: '
        "<strong>2.454 nats/&lt;s&gt;</strong>, expected 2.44 to 2.47; paper 2.4, reproduced: no</div>"
    )
    assert json.loads(json.dumps(shown.metadata[CLAIM])) == {
        "name": "names/bigram-nll",
        "anchor": "claim-names--bigram-nll",
        "value": 2.4541,
        "range": "2.44 to 2.47",
        "quantity": "2.454 nats/<s>",
        "paper": 2.4,
        "source": "A & B",
        "kind": "measured",
        "unit": "nats/<s>",
        "verdict": "no",
    }
    assert glued.metadata["scrapbook"]["name"] == "names/bigram-nll"
    (text,) = glued.data.values()
    assert format_plain_text(text, ".3f") == "2.454"  # what {glue:text}`names/bigram-nll:.3f` prints


def test_a_timing_is_shown_with_its_machine_and_not_asserted(ipython):
    with capture_output() as captured:
        claim("names/train", 12.34, kind="timing", unit="s", paper=60.0, source="the paper")
    record = captured.outputs[0].metadata[CLAIM]
    assert record["machine"] == machine() and record["verdict"] is None
    assert captured.outputs[0].data["text/plain"] == (
        f"Timing names/train: 12.34 s, measured on {machine()}; paper 60"
    )


def test_a_claim_works_in_a_notebook_without_the_books_tools(ipython, monkeypatch):
    monkeypatch.setitem(sys.modules, "myst_nb", None)
    with capture_output() as captured:
        claim("names/x", 2.5, 2, 3)
    assert len(captured.outputs) == 1


def test_a_leaderboard_row_shows_and_records(ipython):
    with capture_output() as captured:
        row(nats=np.float64(2.4541), parameters=np.int64(729))
    (shown,) = captured.outputs  # and nothing is glued
    record = json.loads(json.dumps(shown.metadata[LEADERBOARD]))
    assert record["bits"] == pytest.approx(2.4541 / 0.693147, rel=1e-6)
    assert record["anchor"] == "row-surnames-bigram-counts" and record["anchor"] in shown.data["text/html"]
    assert (record["steps"], record["seeds"], record["parameters"]) == (0, 1, 729)
    assert shown.data["text/plain"] == (
        "Leaderboard, surnames: bigram counts, 2.454 ± 0.003 nats (3.541 bits) per symbol; "
        "729 parameters, 0.25 s"
    )


def test_a_leaderboard_row_in_plain_python_prints_one_line(capsys):
    row()
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"corpus": "tweets"}, "corpus 'tweets'.*surnames"),
        ({"nats": math.nan}, "nats of 'bigram counts' is nan"),
        ({"nats": math.inf}, "nats"),
        ({"standard_error": -0.001}, "standard_error"),
        ({"seconds": math.nan}, "seconds"),
        ({"tokens_per_second": math.inf}, "tokens_per_second"),
        ({"parameters": -1}, "parameters"),
    ],
)
def test_a_malformed_row_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        row(**change)


def test_the_uniform_baseline_is_known_for_every_corpus():
    assert min(CORPORA.values()) > 1


def test_the_machine_is_named_where_linux_does_not_describe_it(monkeypatch):
    named = machine()
    monkeypatch.setattr("pathlib.Path.exists", lambda path: False)
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert machine().startswith("arm64, ") and machine() != named


def test_the_package_needs_neither_ipython_nor_matplotlib_nor_myst_nb():
    code = (
        "import sys\n"
        "for name in ('IPython', 'matplotlib', 'matplotlib_inline', 'myst_nb', 'sphinx'):\n"
        "    sys.modules[name] = None\n"
        "from llmbook.book import claim\n"
        "claim('names/x', 2.5, 2, 3)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Claim names/x: 2.5, expected 2 to 3\n"
