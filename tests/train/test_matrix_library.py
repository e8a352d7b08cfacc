"""The library of float32 products is measured once per machine, kept, and can be set."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from albert_lab.config.schema import Gemm, PretrainConfig
from albert_lab.config.training import Precision
from albert_lab.model.torch.layers.linear import get_matrix_library, use_matrix_library
from albert_lab.train import matrix_library
from albert_lab.train.matrix_library import choose_matrix_library


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = get_matrix_library()
    use_matrix_library("mkl")
    yield
    use_matrix_library(before)


@pytest.fixture
def config(tmp_path: Path) -> PretrainConfig:
    config = PretrainConfig()
    config.paths.cache = str(tmp_path)
    return config


@pytest.mark.parametrize(("speeds", "faster"), [((100.0, 200.0), "onednn"), ((200.0, 100.0), "mkl")])
def test_the_faster_one_is_measured_once_and_kept(
    config: PretrainConfig, monkeypatch: pytest.MonkeyPatch, speeds: tuple[float, float], faster: str
) -> None:
    calls = []

    def measured() -> tuple[str, dict[str, float]]:
        calls.append(1)
        return faster, dict(zip(("mkl", "onednn"), speeds, strict=True))

    monkeypatch.setattr(matrix_library, "find_fastest_matrix_library", measured)
    for _ in range(2):
        choose_matrix_library(config, on_cpu=True)
        assert get_matrix_library() == faster
    assert len(calls) == 1


def test_a_setting_wins(config: PretrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_library, "find_fastest_matrix_library", lambda: pytest.fail("measured all the same"))
    config.trainer.gemm = Gemm.onednn
    choose_matrix_library(config, on_cpu=True)
    assert get_matrix_library() == "onednn"


def test_without_float32_products_on_the_cpu_there_is_no_choice(
    config: PretrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_library, "find_fastest_matrix_library", lambda: pytest.fail("measured all the same"))
    choose_matrix_library(config, on_cpu=False)
    config.train.precision = Precision.bf16
    choose_matrix_library(config, on_cpu=True)
    assert get_matrix_library() == "mkl"
