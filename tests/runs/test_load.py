"""The share of the processor that others take is what is neither idle nor this training's own."""

import pytest

from albert_lab.runs import load
from albert_lab.runs.load import CpuTimes, find_trained_folders, read_cpu_times, share_of_others


@pytest.mark.parametrize(
    ("idle", "own", "share"), [(20, 0, 0.0), (0, 20, 0.0), (0, 0, 1.0), (5, 10, 0.25), (0, 21, 0.0)]
)
def test_others_take_what_is_neither_idle_nor_ours(
    idle: float, own: float, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "usable_cores", lambda: 2)
    assert share_of_others(CpuTimes(100, 50, 7), CpuTimes(110, 50 + idle, 7 + own)) == pytest.approx(share)


def test_no_time_has_no_share() -> None:
    moment = CpuTimes(100, 50, 7)
    assert share_of_others(moment, moment) is None


def test_the_systems_times_go_forward() -> None:
    before = read_cpu_times()
    sum(range(10**6))
    after = read_cpu_times()
    assert before is not None
    assert after is not None
    assert after.clock >= before.clock
    assert after.idle >= before.idle
    assert after.own >= before.own > 0


def test_a_run_counts_once_however_many_processes_it_has() -> None:
    python = ["/usr/bin/python3", "-m", "albert_lab.train"]
    commands = [[*python, "runs/one"], [*python, "-u", "runs/one"], [*python, "runs/two"], ["vi", "albert_lab/train"]]
    assert find_trained_folders([*commands, [], ["/usr/bin/albert-lab", "pretrain"]]) == {"runs/one", "runs/two"}
