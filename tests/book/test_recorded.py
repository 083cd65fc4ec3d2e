"""Recorded runs: registering, running, renewing, reading back, and noticing what has changed."""

import json
import runpy
import shutil

import numpy as np
import pytest

from llmbook.book import RunError, experiment, recorded, recording, runs, sources
from llmbook.book.page import machine

SCRIPT = """\
import numpy as np
from llmbook.book import experiment

def unused():
    from llmbook.math_foundations import widgets


@experiment("03-demo", seeds=range(4), scale=np.float64(10))
def demo(seed, scale):
    nats = np.float32(seed) / scale
    parts = [{"inner": 1}, {"seconds": 1}]
    return {"nats": nats, "curve": np.array([0, seed]), "name": "demo", "took_seconds": seed, "parts": parts}
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of a tiny library, with one experiment."""
    package = tmp_path / "src" / "llmbook"
    (package / "math_foundations").mkdir(parents=True)
    (package / "math_foundations" / "__init__.py").write_text(
        '"""A package that is itself a source."""\nX = 1\n'
    )
    (package / "math_foundations" / "widgets.py").write_text("A = 1\n")
    (package / "unrelated.py").write_text("B = 1\n")
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "03_demo.py").write_text(SCRIPT)
    (tmp_path / "book" / "_runs").mkdir(parents=True)
    monkeypatch.setattr(recorded, "ROOT", tmp_path)
    monkeypatch.setattr(recorded, "PACKAGE", package)
    monkeypatch.setattr(recording, "EXPERIMENTS", {})
    monkeypatch.setattr(sources, "_PACKAGE", package)
    return tmp_path


@pytest.fixture
def demo(checkout):
    """The experiment of that checkout, registered."""
    runpy.run_path(str(checkout / "experiments" / "03_demo.py"))
    return recording.EXPERIMENTS["03-demo"]


@pytest.fixture
def record(checkout):
    """Record an expression in `seed` as the one result, "nats", of an experiment; return the path."""

    def run(expression, seeds="range(2)"):
        script = checkout / "experiments" / "04_other.py"
        lines = [
            "import numpy as np",
            "from llmbook.book import experiment",
            f"@experiment('other', seeds={seeds})",
        ]
        script.write_text("\n".join([*lines, "def f(seed):", f"    return {{'nats': {expression}}}", ""]))
        recording.EXPERIMENTS.clear()
        runpy.run_path(str(script))
        return recording.EXPERIMENTS["other"].run()

    return run


def test_a_record_holds_all_that_is_needed_to_judge_it(demo, checkout):
    path = demo.run()
    assert path == checkout / "book" / "_runs" / "03-demo.json"
    record = json.loads(path.read_text())
    assert record["config"] == {"scale": 10.0} and record["seeds"] == [0, 1, 2, 3]
    assert [result["seed"] for result in record["results"]] == [0, 1, 2, 3]
    assert record["results"][3]["nats"] == pytest.approx(0.3) and record["results"][3]["curve"] == [0, 3]
    assert record["cpu_seconds"] == pytest.approx(sum(result["cpu_seconds"] for result in record["results"]))
    assert record["experiment"] == "experiments/03_demo.py" and record["machine"] == machine()
    assert {"date", "llmbook", "numpy", "python", "id"} < set(record)
    assert record["sources"].keys() == {
        "experiments/03_demo.py",
        "llmbook.math_foundations",
        "llmbook.math_foundations.widgets",
    }
    assert [p.name for p in path.parent.iterdir()] == ["03-demo.json"]


def test_a_record_has_a_line_for_each_entry_and_each_seed_in_one_order(demo):
    text = demo.run().read_text()
    record = json.loads(text)
    assert len(text.splitlines()) == 2 + len(record) + 1 + len(demo.seeds)
    assert list(record) == sorted(record) and list(record["results"][0]) == sorted(record["results"][0])


def test_runs_reads_a_record(demo, capsys):
    demo.run()
    capsys.readouterr()
    run = runs("03-demo")
    np.testing.assert_allclose(run.values("nats"), [0, 0.1, 0.2, 0.3], atol=1e-7)
    assert run.values("curve").shape == (4, 2)
    assert run.seeds == [0, 1, 2, 3] and run.config == {"scale": 10.0} and run.results[1]["name"] == "demo"
    assert run.stale == [] and capsys.readouterr().out == ""
    known = "cpu_seconds, curve, name, nats, parts, seed, took_seconds"
    with pytest.raises(ValueError, match=rf"'03-demo' has no result 'loss'; it has {known}"):
        run.values("loss")


def test_an_unknown_run_is_named_with_those_that_exist(demo):
    with pytest.raises(ValueError, match=r"'03-typo' is recorded \(there are: none\); `make experiments`"):
        runs("03-typo")
    demo.run()
    with pytest.raises(ValueError, match=r"'03-typo' is recorded \(there are: 03-demo\)"):
        runs("03-typo")


@pytest.mark.parametrize("live", [-0.3, 0.0, 0.3, 0.6])
def test_a_live_value_within_the_widened_range_passes(record, live, capsys):
    record("0.3 * seed")  # 0 and 0.3: from -0.3 to 0.6
    runs("other").check("nats", live)
    assert capsys.readouterr().out == f"Check of run other: live nats {live:.4g}, expected -0.3 to 0.6\n"


@pytest.mark.parametrize("live", [-0.301, 0.601, np.nan])
def test_a_live_value_beyond_the_widened_range_fails(record, live):
    record("0.3 * seed")
    with pytest.raises(
        RunError, match=rf"run 'other': live nats {live} is outside \[-0.3\d*, 0.6\d*\]"
    ) as failure:
        runs("other").check("nats", live)
    assert isinstance(failure.value, AssertionError)


def test_where_all_seeds_agree_only_the_last_digits_may_differ(record):
    record("0.3")
    runs("other").check("nats", 0.3 * (1 + 1e-12))
    with pytest.raises(RunError):
        runs("other").check("nats", 0.3 * (1 + 1e-8))


def test_one_seed_is_no_range(record):
    record("0.5", seeds=[7])
    with pytest.raises(ValueError, match="only 1 seed; a range needs two"):
        runs("other").check("nats", 0.5)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("src/llmbook/math_foundations/widgets.py", "llmbook.math_foundations.widgets"),
        ("src/llmbook/math_foundations/__init__.py", "llmbook.math_foundations"),
        ("experiments/03_demo.py", "experiments/03_demo.py"),
    ],
)
def test_a_changed_source_makes_the_run_stale_and_the_page_says_so(demo, checkout, capsys, file, name):
    demo.run()
    assert demo.due() == ""
    with (checkout / file).open("a") as source:
        source.write("CHANGED = True\n")
    capsys.readouterr()
    assert runs("03-demo").stale == [name]
    assert capsys.readouterr().out == f"Run 03-demo: recorded with an older library; changed since: {name}\n"
    assert demo.due() == f"stale: {name} changed"
    demo.run()
    assert demo.due() == ""


def test_a_source_that_is_gone_makes_the_run_stale(demo, checkout):
    demo.run()
    (checkout / "src/llmbook/math_foundations/widgets.py").unlink()
    assert runs("03-demo").stale == ["llmbook.math_foundations.widgets"]


def test_other_files_and_line_ends_make_nothing_stale(demo, checkout):
    demo.run()
    (checkout / "src/llmbook/unrelated.py").write_text("B = 2\n")
    (checkout / "src/llmbook/math_foundations/widgets.py").write_bytes(b"A = 1\r\n")
    assert runs("03-demo").stale == []


def test_in_a_wheel_records_lie_in_the_package_and_the_scripts_do_not_count(demo, checkout, capsys):
    demo.run()
    (checkout / "src/llmbook/book").mkdir()
    shutil.move(checkout / "book/_runs", checkout / "src/llmbook/book/_runs")
    shutil.rmtree(checkout / "experiments")
    assert runs("03-demo").stale == []
    (checkout / "src/llmbook/math_foundations/widgets.py").write_text("A = 2\n")
    assert runs("03-demo").stale == ["llmbook.math_foundations.widgets"]


@pytest.mark.parametrize("result", ["np.nan", "np.inf", "np.array([1, np.nan])", "{1}", "b'x'"])
def test_what_json_cannot_hold_is_refused_and_the_old_record_kept(record, result):
    path = record("0.5")
    before = path.read_text()
    with pytest.raises(ValueError, match="'other' returned what a record cannot hold"):
        record(result)
    assert path.read_text() == before


def test_a_failing_run_leaves_the_old_record(record):
    path = record("0.5")
    before = path.read_text()
    with pytest.raises(ZeroDivisionError):
        record("0.5 / (1 - seed)")  # the second seed fails
    assert path.read_text() == before


def test_an_id_is_registered_once(demo):
    with pytest.raises(ValueError, match="'03-demo' is registered twice"):
        experiment("03-demo", seeds=[0])(print)


def test_words_about_the_code_do_not_make_a_run_stale(demo, checkout):
    demo.run()
    module = checkout / "src" / "llmbook" / "math_foundations" / "widgets.py"
    module.write_text('"""Now with a docstring."""\n\nA = 1  # and a remark\n')
    assert runs("03-demo").stale == []
    module.write_text("A = 2\n")
    assert runs("03-demo").stale == ["llmbook.math_foundations.widgets"]


# Renewing.


@pytest.fixture
def edited(demo, checkout):
    """Record the experiment, then edit its script; return the experiment as it is now, and its path."""

    def edit(old, new):
        path = demo.run()
        script = checkout / "experiments" / "03_demo.py"
        assert old in script.read_text()
        script.write_text(script.read_text().replace(old, new))
        recording.EXPERIMENTS.clear()
        runpy.run_path(str(script))
        return recording.EXPERIMENTS["03-demo"], path

    return edit


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("np.float32(seed) / scale", "np.float32(seed) / scale + 0"),
        ("np.float32(seed) / scale", "np.float32(seed) / scale * (1 + 1e-10)"),
        ('"name": "demo"', '"name": "demo", **{}'),
        ('"took_seconds": seed', '"took_seconds": seed + 1'),  # timings are not compared
        ('{"seconds": 1}', '{"seconds": 2}'),
    ],
)
def test_a_change_that_changes_no_result_renews_a_record(edited, old, new):
    experiment, path = edited(old, new)
    before = json.loads(path.read_text())
    assert experiment.due() and experiment.renew() and experiment.due() == ""
    after = json.loads(path.read_text())
    renewed = after.pop("renewed")
    assert renewed["seed"] == 0 and {"date", "llmbook", "numpy", "python", "machine"} < set(renewed)
    assert after.pop("sources") != before.pop("sources")
    assert after == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("np.float32(seed) / scale", "(np.float32(seed) + 1) / scale"),
        ("np.array([0, seed])", "np.array([1e-7, seed])"),
        ("np.array([0, seed])", "np.array([0, seed, 0])"),
        ('"name": "demo"', '"name": "other"'),
        ('"name": "demo"', '"more": 1'),
        ('{"inner": 1}', '{"inner": 1.00001}'),
        ("scale=np.float64(10)", "scale=np.float64(20)"),  # seed 0 gives the same result
        ("seeds=range(4)", "seeds=range(3)"),
    ],
)
def test_a_change_of_a_result_or_of_what_is_asked_needs_every_seed(edited, old, new):
    experiment, path = edited(old, new)
    before = path.read_text()
    assert not experiment.renew()
    assert path.read_text() == before and experiment.due()
    assert "renewed" not in json.loads(experiment.run().read_text()) and experiment.due() == ""


def test_other_seeds_go_to_another_file(demo, tmp_path):
    path = demo.run(offset=100, path=tmp_path / "other.json")
    record = json.loads(path.read_text())
    assert record["seeds"] == [100, 101, 102, 103] and record["results"][1]["curve"] == [0, 101]
    assert demo.due() == "missing"
