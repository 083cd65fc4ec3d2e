"""The gradient table: every rule of the book keeps every promise, and a rule that breaks one is caught."""

import importlib.util
import pkgutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import llmbook.book.rules
from llmbook.book.certificate import Case, CertificateError, certificate, load_golden, run, verify
from llmbook.math_foundations.softmax import softmax

SECTIONS = [module.name for module in pkgutil.iter_modules(llmbook.book.rules.__path__)]
TABLE = [(s, case) for s in SECTIONS for case in import_module(f"llmbook.book.rules.{s}").CASES]
table = pytest.mark.parametrize(("section", "case"), TABLE, ids=[f"{s}-{case.name}" for s, case in TABLE])


@table
def test_rule_keeps_every_promise(section, case):
    verified = verify(case, load_golden(section))
    assert verified.gradient_error < 1e-7
    assert verified.reference_error < 1e-6


@pytest.fixture(scope="module")
def make_golden():
    pytest.importorskip("torch", reason="the reference packages are not installed")
    path = Path(__file__).parent / "golden" / "make_golden.py"
    spec = importlib.util.spec_from_file_location("make_golden", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@table
def test_rule_agrees_with_pytorch_live(section, case, make_golden):
    ours, theirs, golden = run(case), make_golden.run_torch(case), load_golden(section)
    assert ours.keys() == theirs.keys() <= golden.keys()
    for key, array in theirs.items():
        np.testing.assert_allclose(ours[key], array, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(
            golden[key], array, rtol=1e-12, atol=1e-15
        )  # the committed file is current


def test_every_rule_is_in_the_table():
    """A function of a section that returns a pullback and is missing from the table would go unchecked."""
    import ast

    source = Path(llmbook.__file__).parent
    in_table = {case.rule.__name__ for _, case in TABLE}
    for section in SECTIONS:
        for file in (source / section).glob("*.py"):
            for node in ast.parse(file.read_text()).body:
                inner = node.body if isinstance(node, ast.FunctionDef) else []
                if any(isinstance(n, ast.FunctionDef) and n.name == "pullback" for n in inner):
                    assert node.name in in_table, f"{file.name}: {node.name} is not in the table of rules"


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
    case = Case("softmax", rule, lambda rng: ((rng.standard_normal((2, 3)),), {}))
    with pytest.raises(CertificateError, match=message):
        verify(case, run(Case("softmax", softmax, case.draw)))


def test_difference_to_pytorch_is_named():
    case = Case("softmax", softmax, lambda rng: ((rng.standard_normal((2, 3)),), {}))
    golden = run(case)
    off = {k: v * (1 + 1e-5) for k, v in golden.items()}
    with pytest.raises(CertificateError, match=r"differs from PyTorch by 1\.0e-05"):
        verify(case, off)
    with pytest.raises(CertificateError, match=r"PyTorch's is \(3,\)"):
        verify(case, {k: v[0] for k, v in golden.items()})
    with pytest.raises(KeyError):
        verify(case, {})


def test_certificate_prints_a_row_for_each_rule(capsys):
    section, case = TABLE[0]
    assert len(certificate([case], section)) == 1
    out = capsys.readouterr().out
    assert case.name in out and "against PyTorch" in out


def test_golden_files_hold_nothing_else():
    for section in SECTIONS:
        expected = {key for s, case in TABLE if s == section for key in run(case)}
        assert set(load_golden(section)) == expected
