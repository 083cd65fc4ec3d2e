"""The gradient table: every rule of the book keeps every promise, and a rule that breaks one is caught."""

import ast
import inspect
import pkgutil
import re
from dataclasses import replace
from importlib import import_module, invalidate_caches
from importlib.util import find_spec
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np
import pytest

import llmbook.book.cases
from llmbook.book.certificate import CertificateError, certificate, load_golden, run, verify
from llmbook.math_foundations.softmax import softmax

SOURCE = Path(llmbook.__file__).parent
SECTIONS = [module.name for module in pkgutil.iter_modules(llmbook.book.cases.__path__)]
TABLE = [(s, case) for s in SECTIONS for case in import_module(f"llmbook.book.cases.{s}").CASES]
[SOFTMAX] = [case for _, case in TABLE if case.rule is softmax]
table = pytest.mark.parametrize(("section", "case"), TABLE, ids=[f"{s}-{case.name}" for s, case in TABLE])


@table
def test_rule_keeps_every_promise(section, case):
    verified = verify(case, load_golden(section))
    assert verified.gradient_error < 1e-7
    assert verified.reference_error < 1e-6


@table
def test_rule_agrees_with_pytorch_live(section, case):
    pytest.importorskip("torch", reason="the reference packages are not installed")
    from make_golden import run_torch

    ours, theirs, golden = run(case), run_torch(case), load_golden(section)
    assert ours.keys() == theirs.keys() <= golden.keys()
    for key, array in theirs.items():
        np.testing.assert_allclose(ours[key], array, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(
            golden[key], array, rtol=1e-12, atol=1e-15
        )  # the committed file is current


def rules_in(source):
    """The functions that make a tuple ending in a function of their own, whatever its name."""
    for rule in ast.walk(ast.parse(source)):
        if isinstance(rule, ast.FunctionDef):
            own = {n.name for n in ast.walk(rule) if isinstance(n, ast.FunctionDef)} - {rule.name}
            last = [n.elts[-1] for n in ast.walk(rule) if isinstance(n, ast.Tuple) and n.elts]
            if any(isinstance(n, ast.Lambda) or (isinstance(n, ast.Name) and n.id in own) for n in last):
                yield rule.name


def modules(source):
    """The names of a package's modules, where rules may stand, and their code."""
    for file in source.rglob("*.py"):
        module = ".".join(["llmbook", *file.relative_to(source).with_suffix("").parts])
        if not module.startswith(("llmbook.book.", "llmbook.exercises.")):  # exercises plant wrong rules
            yield module, file.read_text("utf-8")


def not_in_table(source):
    """The rules of a package's sections that no section's table lists: they would go unchecked."""
    listed = {f"{case.rule.__module__}.{case.rule.__name__}" for _, case in TABLE}
    for module, code in modules(source):
        yield from {f"{module}.{rule}" for rule in rules_in(code)} - listed


def test_every_rule_is_in_the_table():
    assert not list(not_in_table(SOURCE))


PAIR = re.compile(r"typing\.Any|<class 'tuple'>|tuple\[.*(Any|Callable)\b.*\]")  # it may end in a pullback


def undeclared(source):
    """The public functions outside the table that do not declare to return something else than a rule does.

    Where a function takes its pullback from cannot be read off its code: from a call, a `partial`, an object.
    """
    rules = [case.rule for _, case in TABLE]
    for module, code in modules(source):
        if module.endswith("__"):  # __init__ and __main__ define no rule
            continue
        imports = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Import | ast.ImportFrom)]
        imported = {alias.asname or alias.name for n in imports for alias in n.names}
        for name, value in vars(import_module(module)).items():
            if name[0].islower() and name not in imported and callable(value):
                function = inspect.unwrap(value)  # of a recorded rule, the rule
                returned = getattr(function, "__annotations__", {}).get("return", Any)
                if function not in rules and PAIR.fullmatch(str(returned)):
                    yield f"{module}.{name}".removeprefix("llmbook.")


# Functions that are no rules and do not declare what they return, by what that is. A new one declares it.
NOT_RULES = {
    "arrays": """
        encoder_decoder.attention.attendable encoder_decoder.decoding.take_rows
        encoder_decoder.positional.sinusoidal
        feedforward.by_hand.loss_and_gradients feedforward.language_model.contexts feedforward.rules.summed_to
        lstm_gru.gates.lstm_gates lstm_gru.gates.replay lstm_gru.mingru.linear_loop
        math_foundations.linalg.cosine_similarity math_foundations.linalg.low_rank
        math_foundations.linalg.matmul_loops math_foundations.linalg.unit_rows math_foundations.softmax.bits
        math_foundations.softmax.check_targets math_foundations.softmax.entropy
        math_foundations.softmax.kl_divergence math_foundations.softmax.online_logsumexp
        math_foundations.softmax.perplexity rnn.rnn.detached rnn.sequences.fitting rnn.sequences.or_zeros
        rnn.through_time.chained rnn.through_time.checkpointed rnn.through_time.jacobians
        rnn.through_time.truncated rnn.through_time.windowed""",
    "what recorded rules return": "feedforward.layers.dropout rnn.rnn.rnn_step",
    "a function, or a block": "feedforward.tape.no_grad feedforward.tape.record rnn.sequences.chooser",
    "steps of a graph": """
        feedforward.tape.ordered math_foundations.scalar.lift math_foundations.scalar.ordered""",
    "a file's contents": "optimization.checkpoint.load",
}


def test_every_public_function_is_in_the_table_or_says_that_it_is_no_rule():
    assert set(undeclared(SOURCE)) ^ set(" ".join(NOT_RULES.values()).split()) == set()


@pytest.mark.parametrize(
    "code",
    [
        "def squash(x):\n    y, back = tanh(x)\n    return y, back",
        "def squash(x):\n    return x, partial(_pullback, x)",
        "def squash(x):\n    return tanh(x + 1)",
        "def squash(x) -> tuple[np.ndarray, Callable]:\n    return tanh(x + 1)",
        "def squash(x) -> tuple:\n    return tanh(x + 1)",
        "def _make(rule):\n    return lambda x: rule(x + 1)\nsquash = _make(tanh)",
        "squash = partial(tanh)",
        "class Squash:\n    def __call__(self, x):\n        return x, self.back\nsquash = Squash()",
        "def _squash(x):\n    return tanh(x + 1)\nsquash = record(_squash)",
    ],
    ids="handed on|partial|called|pair|tuple|made|renewed|an object|recorded".split("|"),
)
def test_a_rule_without_a_pullback_of_its_own_is_named(code, tmp_path, monkeypatch):
    section = tmp_path / tmp_path.name  # which no other test imports
    section.mkdir()
    (section / "topic.py").write_text(f"""
from collections.abc import Callable
from functools import partial

import numpy as np

from llmbook.feedforward.activations import tanh
from llmbook.feedforward.tape import record

LIMIT = 3
Rule = Callable[..., tuple]
again = tanh
recorded = record(tanh)

def distance(x) -> np.ndarray:
    return abs(x)

def load() -> tuple[np.ndarray, np.ndarray]:
    return distance(3), distance(4)

def schedule() -> Rule:
    return distance

{code}
""")
    monkeypatch.setattr(llmbook, "__path__", [*llmbook.__path__, str(tmp_path)])
    assert list(undeclared(tmp_path)) == [f"{section.name}.topic.squash"]


RULE = """
def relu(x):
    def pullback(dy):
        return (dy * (x > 0),)

    return x * (x > 0), pullback
"""


@pytest.mark.parametrize(
    "rule",
    [
        RULE,
        RULE.replace("pullback", "backward"),
        "def relu(x):\n    return x * (x > 0), lambda dy: (dy * (x > 0),)",
        RULE.replace("return x * (x > 0), pullback", "pair = x * (x > 0), pullback\n    return pair"),
        "class Layer:\n" + indent(RULE, "    "),
        "if True:\n" + indent(RULE, "    "),
    ],
    ids=["plain", "another name", "lambda", "not at once", "in a class", "in a branch"],
)
def test_a_rule_of_a_new_section_is_named(rule, tmp_path):
    """A rule of the same name in another section does not stand for it."""
    section = tmp_path / "new_section"
    section.mkdir()
    (section / "topic.py").write_text(rule)
    (section / "other.py").write_text("def shapes(x):\n    return x, len(x)")
    assert list(not_in_table(tmp_path)) == ["llmbook.new_section.topic.relu"]


def not_recorded(table):
    """The rules that the `ops` of their section does not offer to Tensors; section 1 uses section 2's."""
    for section, case in table:
        name = f"llmbook.{'feedforward' if section == 'math_foundations' else section}.ops"
        ops = import_module(name) if find_spec(name) else None
        recorded = getattr(ops, case.rule.__name__, None)
        if getattr(recorded, "__wrapped__", None) is not case.rule:
            yield f"{name}.{case.rule.__name__}"


def test_every_rule_is_recorded_in_the_ops_of_its_section():
    assert not list(not_recorded(TABLE))


def test_a_rule_that_a_new_section_does_not_record_is_named(tmp_path, monkeypatch):
    def squash(x):
        return softmax(x)

    section = tmp_path / "new_section"
    section.mkdir()
    monkeypatch.setattr(llmbook, "__path__", [*llmbook.__path__, str(tmp_path)])
    table = [("new_section", SOFTMAX), ("new_section", replace(SOFTMAX, rule=squash))]
    missing = ["llmbook.new_section.ops.softmax", "llmbook.new_section.ops.squash"]
    assert list(not_recorded(table)) == missing
    (section / "ops.py").write_text("from llmbook.feedforward.ops import softmax\nsquash = softmax\n")
    invalidate_caches()
    assert list(not_recorded(table)) == missing[1:]


def broken(forward=lambda p: p, backward=lambda dx: (dx,), before=lambda x: None, receive=lambda dp: None):
    """A softmax with one thing wrong."""

    def rule(x):
        before(x)
        p, pullback = softmax(x)

        def wrong_pullback(dp):
            (dx,) = pullback(dp)
            receive(dp)
            return backward(dx)

        return forward(p), wrong_pullback

    return rule


def write(array):
    array[...] += 1


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (broken(backward=lambda dx: (dx * 1.001,)), "gradient check 1.0e-03|gradient check"),
        (broken(backward=lambda dx: (dx[0],)), "its gradient has shape"),
        (broken(backward=lambda dx: (dx, dx)), "2 gradients"),
        (broken(backward=lambda dx: (dx * np.float64(1),)), "another dtype out, backward"),
        (broken(forward=lambda p: p * np.float64(1)), "gave float64 out, forward"),
        (broken(before=lambda x: write(x) if x.dtype == np.float32 else None), "an input was written to"),
        (
            broken(receive=lambda dp: write(dp) if dp.dtype == np.float32 else None),
            "a received gradient was written to",
        ),
    ],
)
def test_broken_promises_are_named(rule, message):
    with pytest.raises(CertificateError, match=message):
        verify(replace(SOFTMAX, rule=rule), run(SOFTMAX))


def test_difference_to_pytorch_is_named():
    golden = run(SOFTMAX)
    off = {k: v * (1 + 1e-5) for k, v in golden.items()}
    with pytest.raises(CertificateError, match=r"differs from PyTorch by 1\.0e-05"):
        verify(SOFTMAX, off)
    with pytest.raises(CertificateError, match=r"PyTorch's is \(4, 5\)"):
        verify(SOFTMAX, {k: v[0] for k, v in golden.items()})
    with pytest.raises(KeyError):
        verify(SOFTMAX, {})


def test_certificate_prints_a_row_for_each_rule(capsys):
    section, case = TABLE[0]
    assert len(certificate([case], section)) == 1
    out = capsys.readouterr().out
    assert case.name in out and "against PyTorch" in out


def test_golden_files_hold_nothing_else():
    for section in SECTIONS:
        expected = {key for s, case in TABLE if s == section for key in run(case)}
        assert set(load_golden(section)) == expected
