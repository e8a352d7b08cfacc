"""Averages, intervals, and how numbers are printed."""

import math

import pytest

from albert_lab.report import formatting
from albert_lab.report.statistics import (
    SeedAverage,
    SeedSpread,
    average_over_seeds,
    find_collapsed,
    spread_over_seeds,
    wilson_interval,
)
from albert_lab.runs.metrics import Metric


def test_a_single_seed_has_no_spread() -> None:
    assert average_over_seeds([0.25]) == SeedAverage(0.25, None, 1)


def test_spread_is_the_sample_standard_deviation_of_the_values_that_exist() -> None:
    figure = average_over_seeds([0.30, None, math.nan, 0.34])
    assert figure is not None
    assert (figure.mean, figure.n) == (pytest.approx(0.32), 2)
    assert figure.spread == pytest.approx(0.04 / math.sqrt(2))
    assert average_over_seeds([None]) is None


def test_spread_of_seeds_is_median_and_range_of_the_values_that_exist() -> None:
    assert spread_over_seeds([0.9, 0.5, None, math.nan, 0.91]) == SeedSpread(0.9, 0.5, 0.91, 3)
    assert spread_over_seeds([0.9, 0.8]) == SeedSpread(pytest.approx(0.85), 0.8, 0.9, 2)
    assert spread_over_seeds([math.nan]) is None


def test_a_seed_that_is_no_better_than_chance_collapsed() -> None:
    accuracy = Metric("accuracy", "accuracy", "share", True, chance=145 / 275)
    assert find_collapsed(accuracy, [0.7, 145 * (1 / 275), None, 0.4, math.nan]) == [1, 3, 4]
    error = Metric("mean_squared_error", "mean squared error", "", False, chance=2.0)
    assert find_collapsed(error, [1.0, 2.0, 3.0, math.inf]) == [1, 2, 3]
    assert find_collapsed(Metric("loss", "loss", "nats", False), [1.0]) == []


@pytest.mark.parametrize(("correct", "samples"), [(0, 10), (5, 10), (10, 10), (271, 512), (1, 5000)])
def test_wilson_agrees_with_scipy(correct: int, samples: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(correct, samples).proportion_ci(method="wilson")
    assert wilson_interval(correct / samples, samples) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_gives_the_textbook_value() -> None:
    assert wilson_interval(0.1, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    with pytest.raises(ValueError, match="at least one sample"):
        wilson_interval(0.5, 0)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (formatting.format_count(31_112_448), "31.1 M"),
        (formatting.format_count(999_999), "1.00 M"),
        (formatting.format_count(512), "512"),
        (formatting.format_count(0), "0"),
        (formatting.format_count(None), "–"),
        (formatting.format_exact(11_683_584), "11,683,584"),
        (formatting.format_bytes(412_345_678), "412 MB"),
        (formatting.format_bytes(1_234_000_000), "1.23 GB"),
        (formatting.format_speed(18_300), "18.3 k tokens/s"),
        (formatting.format_speed(87.25), "87.2 tokens/s"),
        (formatting.format_tick(2500), "2.5 k"),
        (formatting.format_tick(10_000), "10 k"),
        (formatting.format_tick(400), "400"),
        (formatting.format_average_speed(SeedAverage(18_300, 420, 2)), "18.3 ± 0.4 k tokens/s (n=2)"),
        (formatting.format_average_speed(SeedAverage(912, 8, 3)), "912 ± 8 tokens/s (n=3)"),
        (formatting.format_average_speed(SeedAverage(1_830_000, None, 1)), "1.83 M tokens/s (n=1)"),
    ],
)
def test_numbers_are_printed_with_three_digits_and_their_unit(printed: str, expected: str) -> None:
    assert printed == expected
