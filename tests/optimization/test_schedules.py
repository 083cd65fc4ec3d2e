import numpy as np
import pytest

from llmbook.optimization.schedules import constant, warmup_cosine, warmup_inverse_sqrt


def test_constant_is_one():
    assert {constant()(step) for step in (1, 10, 10**6)} == {1.0}


def test_inverse_sqrt_is_the_formula_of_the_paper_and_peaks_at_seven_ten_thousandths():
    d_model, warmup = 512, 4000
    peak, schedule = (d_model * warmup) ** -0.5, warmup_inverse_sqrt(warmup)
    t = np.arange(1.0, 20_000)
    paper = d_model**-0.5 * np.minimum(t**-0.5, t * warmup**-1.5)
    np.testing.assert_allclose([peak * schedule(step) for step in range(1, 20_000)], paper, rtol=1e-12)
    assert t[paper.argmax()] == warmup
    assert peak * schedule(warmup) == pytest.approx(7.0e-4, abs=0.05e-4)


def test_cosine_rises_in_a_line_and_falls_to_the_floor():
    schedule = warmup_cosine(10, 110, floor=0.1)
    np.testing.assert_allclose([schedule(t) for t in (1, 5, 10)], [0.1, 0.5, 1.0])
    np.testing.assert_allclose(
        [schedule(t) for t in (35, 60, 110, 500)], [0.1 + 0.9 * 0.8535534, 0.55, 0.1, 0.1]
    )
    falling = [schedule(t) for t in range(10, 111)]
    assert falling == sorted(falling, reverse=True)


def test_cosine_without_warmup_begins_near_the_peak():
    assert warmup_cosine(0, 100)(1) > 0.999
    assert warmup_cosine(0, 100)(100) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: warmup_cosine(-1, 10), r"warmup is -1; it must be in \[0, 10\)"),
        (lambda: warmup_cosine(10, 10), "warmup is 10"),
        (lambda: warmup_cosine(1, 10, floor=1.5), r"floor is 1.5; it must be in \[0, 1\]"),
        (lambda: warmup_inverse_sqrt(0), "warmup is 0; it must be at least 1"),
    ],
)
def test_out_of_range_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
