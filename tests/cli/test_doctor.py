"""What `albert-lab doctor` says of machines that lack something; nothing here depends on this one."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from albert_lab.cli import doctor, doctor_checks
from albert_lab.cli.doctor_checks import Finding


def test_one_broken_thing_makes_the_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    findings = [
        Finding("gpu", "lacks", "no driver"),
        Finding("packages", "broken", "torch is missing " * 9, "pip install"),
    ]
    monkeypatch.setattr(doctor, "check_all", lambda *_: findings[:1])
    assert doctor.run([]) == 0
    monkeypatch.setattr(doctor, "check_all", lambda *_: findings)
    assert doctor.run([]) == 1
    out = capsys.readouterr().out
    assert "> pip install" in out
    assert out.endswith("Needs mending: packages.\n")
    assert max(map(len, out.splitlines())) <= 100


def test_everything_is_looked_at_without_heavy_imports(tmp_path: Path) -> None:
    probe = (
        "import sys; from albert_lab.cli.main import main; main(['doctor', 'paths.cache=cache']); "
        "print({'torch', 'mlflow', 'lightning', 'pandas', 'hydra'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert result.stdout.endswith("set()\n")
    for name in ("system", "python", "memory", "gpu", "packages", "constraints", "runs", "cache", "mlflow", "hub"):
        assert f"  {name} " in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_package_out_of_bounds_or_missing_is_broken_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["numpy>=999", "no-such-package>=1", "psutil>=1", "onnx-no-such ; extra == 'onnx'"]
    monkeypatch.setattr(doctor_checks, "requires", lambda _: wanted)
    needed, onnx = doctor_checks.check_packages()
    assert needed.state == "broken"
    assert "numpy" in needed.text
    assert "no-such-package is missing (needs >=1)" in needed.text
    assert "psutil" not in needed.text
    assert "pip install" in needed.mend
    assert (onnx.state, onnx.text) == ("lacks", "onnx-no-such not installed: for exporting to ONNX")


def test_a_gpu_needs_a_driver_and_a_build_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_checks, "gpu_name", lambda: "NVIDIA H200")
    states = []
    for has_driver, build in ((False, "CPUs"), (True, "CPUs"), (True, "CUDA 12.8")):
        monkeypatch.setattr(doctor_checks, "has_gpu_driver", lambda has_driver=has_driver: has_driver)
        monkeypatch.setattr(doctor_checks, "_torch_build", lambda build=build: build)
        states.append(doctor_checks.check_gpu().state)
    assert states == ["lacks", "lacks", "works"]


def test_a_damaged_database_is_recognised(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    assert doctor_checks.check_mlflow(file).state == "works"
    file.write_bytes(b"no database " * 99)
    assert doctor_checks.check_mlflow(file).state == "lacks"
    file.unlink()
    with sqlite3.connect(file) as database:
        for table in doctor_checks.TABLES_OF_MLFLOW - {"metrics"}:
            database.execute(f"CREATE TABLE {table} (lifecycle_stage)")
    assert "damaged" in doctor_checks.check_mlflow(file).text
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE metrics (x)")
        database.execute("INSERT INTO runs VALUES ('active')")
    assert "1 runs" in doctor_checks.check_mlflow(file).text


def test_a_folder_that_cannot_be_written_is_broken(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert doctor_checks.check_folder("runs", "paths.runs", tmp_path / "file" / "runs").state == "broken"
    assert doctor_checks.check_folder("runs", "paths.runs", tmp_path / "new").state != "broken"


def test_a_check_that_hangs_is_not_waited_for() -> None:
    start = time.monotonic()
    assert not doctor_checks.within_seconds(0.05, lambda: time.sleep(30))
    assert time.monotonic() - start < 25
    assert doctor_checks.within_seconds(60, lambda: None)


def test_damaged_runs_are_named_with_the_command_that_removes_them(tmp_path: Path) -> None:
    (tmp_path / "pretrain" / "torn").mkdir(parents=True)
    assert doctor_checks.check_runs(tmp_path).mend == "albert-lab rm torn"
