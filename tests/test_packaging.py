"""The package, its metadata and its papers agree; the wheel is complete, and the commands exist."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import llmbook

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PYTHONS = {"3.11", "3.12", "3.13"}
IMPORT_EVERYTHING = """
import importlib, pkgutil, warnings
from importlib.metadata import version
from importlib.resources import files

warnings.simplefilter("error")
import llmbook
from llmbook.book import runs
from llmbook.book.certificate import load_golden

for module in pkgutil.walk_packages(llmbook.__path__, "llmbook."):
    importlib.import_module(module.name)
for record in files("llmbook").joinpath("book/_runs").iterdir():
    assert runs(record.name.removesuffix(".json")).results
for golden in files("llmbook").joinpath("book/_golden").iterdir():
    assert load_golden(golden.name.removesuffix(".npz"))
assert version("llmbook") == llmbook.__version__
print(llmbook.__file__)
"""


def read(name):
    return (ROOT / name).read_text("utf-8")


def run(*command, **options):
    """Run a command; if it fails, the test says what it wrote."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def build(target, source, folder):
    """Build a wheel or an sdist, and return its path."""
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder, cwd=source)
    [built] = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_the_library_the_records_and_the_golden_values(wheel):
    library = (path for path in ROOT.glob("src/llmbook/**/*") if "__pycache__" not in path.parts)
    expected = {path.relative_to(ROOT / "src").as_posix() for path in library if path.is_file()}
    expected |= {f"llmbook/book/_runs/{path.name}" for path in ROOT.glob("book/_runs/*.json")}
    expected |= {f"llmbook/book/_golden/{path.name}" for path in ROOT.glob("tests/golden/*.npz")}
    assert names(wheel) == expected
    assert "llmbook/py.typed" in expected


def test_the_sdist_builds_the_same_wheel(wheel, tmp_path):
    (tmp_path / "sdist").mkdir()
    with tarfile.open(build("sdist", ROOT, tmp_path / "sdist")) as archive:
        # Python 3.11.2 does not know the filter; 3.12 warns without it
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(tmp_path / "source", **safely)
    [source] = (tmp_path / "source").iterdir()
    (tmp_path / "wheel").mkdir()
    assert names(build("wheel", source, tmp_path / "wheel")) == names(wheel)


def test_the_wheel_imports_in_an_empty_environment(wheel, tmp_path):
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps"]
    run(*pip, wheel)
    # Only what the wheel asks for, from this environment: not our editable install, nor the book's tools.
    own = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    for name in ("numpy", "numpy.libs", "tqdm"):
        source = Path(sysconfig.get_path("platlib"), name)
        if source.exists():  # numpy.libs is there on Linux only
            Path(own, name).symlink_to(source, target_is_directory=True)
    *_, imported = run(python, "-c", IMPORT_EVERYTHING, cwd=tmp_path).splitlines()  # before it: stale records
    assert imported == str(Path(own, "llmbook", "__init__.py"))


def test_the_environment_of_the_import_test_lacks_no_dependency():
    needed = {re.match(r"[\w.-]+", requirement)[0] for requirement in PROJECT["dependencies"]}
    assert needed == {"numpy", "tqdm"}, "link the new dependency in the test above"


def test_the_classifiers_name_the_supported_versions():
    classified = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert set(classified) == PYTHONS
    assert PROJECT["requires-python"] == f">={min(PYTHONS)}"


def test_the_version_is_the_same_everywhere():
    assert yaml.safe_load(read("CITATION.cff"))["version"] == llmbook.__version__
    assert re.search(
        rf"^## {re.escape(llmbook.__version__)} \(\d{{4}}-\d\d-\d\d\)$", read("CHANGELOG.md"), re.M
    )


def test_the_constraints_pin_every_direct_package_and_name_no_url():
    lines = [line for line in read("constraints.txt").splitlines() if not line.startswith("#")]
    pins = dict(line.split("==") for line in lines)  # a URL, an option or a path would not split so
    assert all(re.fullmatch(r"[\d.a-z]+", pin) for pin in pins.values())
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *extras["book"], *extras["test"], *extras["lint"]]
    plain = {re.sub("[-_.]+", "-", name).lower() for name in pins}
    assert {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in wanted} <= plain


def test_every_command_of_the_papers_exists():
    rules = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.M))
    for paper in ("README.md", "CONTRIBUTING.md"):
        targets = re.findall(r"(?:`|^)make ([a-z-]+)", read(paper), re.M)
        assert targets
        assert set(targets) <= rules, paper


def test_the_commands_are_those_that_continuous_integration_runs():
    [commands, *_] = re.findall(r"```console\n(.*?)```", read("README.md"), re.S)
    assert commands.split("\n")[:-1] == ["make book", "make test"]
    workflow = yaml.safe_load(read(".github/workflows/book.yml"))
    steps = "\n".join(step.get("run", "") for step in workflow["jobs"]["check"]["steps"])
    for script in (read(".ci/run"), steps):
        for command in ("make lint", "make test", "make book FLAGS=--all"):
            assert re.search(rf"^{command}$", script, re.M), command


@pytest.mark.parametrize("script", [".ci/run", ".github/workflows/book.yml"])
def test_both_scripts_take_the_reference_packages_at_one_version(script):
    assert all("==" in package for package in PROJECT["optional-dependencies"]["reference"])
    assert '--editable ".[reference]"' in read(script)


def test_the_files_that_the_readme_names_exist():
    readme = read("README.md")
    layout = re.search(r"```text\n(.*?)```", readme, re.S)[1]
    linked = re.findall(r"\]\((?!https:)([^)]+)\)", readme)
    for name in [*linked, *(line.split()[0] for line in layout.splitlines())]:
        assert (ROOT / name).exists(), name


def test_the_makefile_builds_with_warnings_as_errors():
    assert "jupyter-book build . -W -n --keep-going" in read("Makefile")
