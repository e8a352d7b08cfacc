"""Averages, intervals, and how numbers are printed."""

import math

import pytest

from albert_lab.report import statistics as show
from albert_lab.report.statistics import Estimate, estimate, wilson


def test_a_single_seed_has_no_spread() -> None:
    assert estimate([0.25]) == Estimate(0.25, None, 1)


def test_spread_is_the_sample_standard_deviation_of_the_values_that_exist() -> None:
    figure = estimate([0.30, None, math.nan, 0.34])
    assert figure is not None
    assert (figure.mean, figure.n) == (pytest.approx(0.32), 2)
    assert figure.spread == pytest.approx(0.04 / math.sqrt(2))
    assert estimate([None]) is None


@pytest.mark.parametrize(("correct", "samples"), [(0, 10), (5, 10), (10, 10), (271, 512), (1, 5000)])
def test_wilson_agrees_with_scipy(correct: int, samples: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(correct, samples).proportion_ci(method="wilson")
    assert wilson(correct / samples, samples) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_gives_the_textbook_value() -> None:
    assert wilson(0.1, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    with pytest.raises(ValueError, match="at least one sample"):
        wilson(0.5, 0)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (show.count(31_112_448), "31.1 M"),
        (show.count(999_999), "1.00 M"),
        (show.count(512), "512"),
        (show.count(0), "0"),
        (show.count(None), "–"),
        (show.exact(11_683_584), "11,683,584"),
        (show.size(412_345_678), "412 MB"),
        (show.size(1_234_000_000), "1.23 GB"),
        (show.rate(18_300), "18.3 k tokens/s"),
        (show.rate(87.25), "87.2 tokens/s"),
        (show.tick(2500), "2.5 k"),
        (show.tick(10_000), "10 k"),
        (show.tick(400), "400"),
        (show.speed(Estimate(18_300, 420, 2)), "18.3 ± 0.4 k tokens/s (n=2)"),
        (show.speed(Estimate(912, 8, 3)), "912 ± 8 tokens/s (n=3)"),
        (show.speed(Estimate(1_830_000, None, 1)), "1.83 M tokens/s (n=1)"),
    ],
)
def test_numbers_are_printed_with_three_digits_and_their_unit(printed: str, expected: str) -> None:
    assert printed == expected
