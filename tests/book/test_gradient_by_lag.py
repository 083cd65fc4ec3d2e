"""The figure of chapter 10 in a browser: what is left of a gradient is what the library's Jacobians leave."""

import json
from itertools import product

import numpy as np
import pytest

from llmbook.rnn.rnn import rnn
from llmbook.rnn.through_time import chained, jacobians
from mounted import reading, status

pytestmark = pytest.mark.browser


def arrays_of(found):
    tables = json.loads(found.locator("script").text_content())
    return {
        title: np.array([list(row.values()) for row in table.values()]) for title, table in tables.items()
    }


def left_by_lag(arrays, kind, cell, radius, strength):
    """Chain the library's Jacobians: log10 of what is left at each lag, and what is predicted a step."""
    W_h, H = radius * arrays[f"W_h {kind}"], 16
    h0, g = arrays["ends"]
    x = arrays["inputs"] * (strength if cell == "driven" else 0)
    (y, _), _ = rnn(x[None], h0[None], np.eye(H), W_h, np.zeros(H))
    y = np.zeros((1, 100, H)) if cell == "linear" else y[:, 100:]
    left = np.linalg.norm(g @ chained(jacobians(y, W_h))[0], axis=1) / np.linalg.norm(g)
    slope = np.linalg.norm(W_h) / H**0.5 * np.mean((1 - y**2) ** 2) ** 0.5
    return np.log10(left), np.log10(radius if cell == "linear" else slope)


def set_lag(found, kind, cell, radius, strength, lag):
    for value in (kind, cell):
        found.locator(f"input[value={value}]").check()
    for slider, value in zip(("Spectral radius", "Steps back"), (radius, lag), strict=True):
        found.get_by_role("slider", name=slider).fill(str(value))
    if cell == "driven":
        found.get_by_role("slider", name="Input strength").fill(str(strength))


def test_gradients_are_the_chained_jacobians_of_the_library(figure, base):
    found = figure(base, "gradient-by-lag")
    arrays = arrays_of(found)
    for kind in ("orthogonal", "Gaussian"):
        assert abs(np.linalg.eigvals(arrays[f"W_h {kind}"])).max() == pytest.approx(1, abs=1e-8)
    found.get_by_role("button", name="it grows").click()
    kinds, cells = ("orthogonal", "Gaussian"), ("linear", "quiet", "driven")
    for kind, cell, radius, strength in product(kinds, cells, (0.5, 1, 1.5), (0.35, 2)):
        lag = 100 if strength == 2 else 7
        set_lag(found, kind, cell, radius, strength, lag)
        left, slope = left_by_lag(arrays, kind, cell, radius, strength)
        assert reading(found, "measured") == pytest.approx(left[lag], rel=0, abs=1e-6)
        assert reading(found, "predicted") == pytest.approx(lag * slope, rel=0, abs=1e-6)
        assert found.locator(".curve").get_attribute("d").count(",") == 101


def test_the_gradient_is_hidden_until_the_guess_which_is_then_judged(figure, site):
    found = figure(site, "gradient-by-lag")
    status(found, "Guess, and the curve is drawn.")
    assert found.locator(".curve").count() == 0 and found.locator("[data-value]").count() == 0
    assert found.locator("[data-reading]").all_inner_texts() == ["?", "?"]
    left, _ = left_by_lag(arrays_of(found), "orthogonal", "driven", 1, 1)
    assert left[50] < -1  # it vanishes
    found.locator("input[value=Gaussian]").check()
    found.get_by_role("button", name="it grows").click()
    assert "You said that it grows: after 50 steps" in status(found, "so it vanishes")
    assert reading(found, "measured") == pytest.approx(left[50], abs=1e-6)
    found.get_by_role("button", name="it vanishes").click()
    status(found, "You are right: after 50 steps")


def test_no_radius_keeps_the_gradient_until_the_inputs_are_weaker(figure, site):
    found = figure(site, "gradient-by-lag")
    arrays, radii = arrays_of(found), np.arange(10, 31) / 20
    found.get_by_role("button", name="it vanishes").click()
    for kind in ("orthogonal", "Gaussian"):
        left = {
            strength: [left_by_lag(arrays, kind, "driven", radius, strength)[0][50] for radius in radii]
            for strength in (0.2, 1)
        }
        assert max(left[1]) < -1 < max(left[0.2])
        best = np.abs(left[0.2]).argmin()
        set_lag(found, kind, "driven", radii[-1], 1, 50)
        status(found, "it vanishes. Raise the radius, or weaken the inputs.")
        set_lag(found, kind, "driven", radii[best], 0.2, 50)
        status(found, "it keeps its size. Found, with inputs of strength 0.20.")
    assert left_by_lag(arrays, "orthogonal", "driven", 1.5, 0.1)[0][50] > 1
    set_lag(found, "orthogonal", "driven", 1.5, 0.1, 50)
    status(found, "it grows. Lower the radius.")
