"""Every chapter runs without an error and without a warning; what the build has executed is not run again."""

import pytest

import execution
import outline


@pytest.fixture(scope="session")
def results(request):
    """Execute the chapters of the selected tests, two at a time."""
    paths = [item.callspec.params["path"] for item in request.session.items if "results" in item.fixturenames]
    return {result.path: result for result in execution.execute(paths)}


@pytest.mark.parametrize("path", outline.with_cells(), ids=lambda path: path.stem)
def test_chapter(path, results):
    if error := results[path].error:
        pytest.fail(error, pytrace=False)
    nb = execution.executed(path)
    for cell, line in zip(nb.cells, nb.metadata.source_map, strict=True):
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                pytest.fail(f"{path}:{line}: the cell wrote to stderr: {output.text}", pytrace=False)
