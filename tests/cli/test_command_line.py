"""The command line answers at once, and a mistake costs one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from albert_lab.cli.main import VERBS

ROOT = Path(__file__).parents[2]


def lab(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "albert_lab", *arguments]
    return subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True)


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    """The message of a user's mistake: exit code 2, one line, no traceback, nothing on standard output."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


MISTAKES = {
    "misspelt key": (["pretrain", "model.hiden_size=64"], "did you mean 'model.hidden_size'"),
    "plus with an unknown key": (["pretrain", "+model.typo=1"], "the schema is closed"),
    "hidden_size=770": (["pretrain", "model=base", "model.hidden_size=770", "model.num_attention_heads=12"], "768"),
    "groups=13": (
        ["pretrain", "sharing=groups", "sharing.num_hidden_groups=13", "model.num_hidden_layers=12"],
        "num_hidden_groups=13.*12",
    ),
    "missing file": (["pretrain", "data=text", "data.files=[nowhere.txt]"], "nowhere.txt"),
    "unknown study": (["reproduce", "table9"], "no study 'table9'.*table4"),
    "wrong type": (["pretrain", "model.hidden_size=wide"], "model.hidden_size: .*wide"),
    "wrong choice": (["pretrain", "objective.sentence=sops"], "objective.sentence: .*sop, nsp, none"),
    "unknown verb": (["pretrian"], "did you mean 'pretrain'"),
    "unknown flag": (["pretrain", "--fast"], "unknown option '--fast'"),
    "report without runs": (["report"], "no runs under"),
    "dashboard without runs": (["dashboard"], "no runs under"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_costs_one_line_that_names_a_remedy(arguments: list[str], message: str, tmp_path: Path) -> None:
    import re

    assert re.search(message, one_line(lab(*arguments, cwd=tmp_path)))
    assert not list(tmp_path.rglob("*.json")), "a refused command leaves nothing behind"


def test_help_lists_every_verb_without_heavy_imports(tmp_path: Path) -> None:
    probe = (
        "import sys; from albert_lab.cli import main; main(['--help']); "
        "print(sorted({'torch', 'hydra', 'numpy', 'mlflow', 'lightning'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=tmp_path)
    assert all(verb in result.stdout for verb in VERBS)
    assert result.stdout.strip().endswith("[]")


def test_the_driver_needs_no_torch(tmp_path: Path) -> None:
    probe = "import sys; import albert_lab.runs.launch, albert_lab.cli.pretrain; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert result.stdout.strip() == "False"


def test_cfg_job_prints_the_composed_configuration(tmp_path: Path) -> None:
    result = lab("pretrain", "scale=smoke", "sharing=ffn", "--cfg", "job", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "scheme: ffn" in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("albert-lab pre", ["pretrain"]),
        ("albert-lab pretrain sharing=f", ["sharing=ffn"]),
        ("albert-lab pretrain model.hidden_s", ["model.hidden_size="]),
    ],
)
def test_tab_completes_verbs_groups_and_keys(line: str, expected: list[str], tmp_path: Path) -> None:
    result = lab("-sc", "query=bash", cwd=tmp_path, COMP_LINE=line, COMP_POINT=str(len(line)))
    assert result.stdout.split() == expected


@pytest.mark.parametrize(("shell", "registers"), [
    ("bash", "-F hydra_bash_completion albert-lab"),
    ("zsh", "-F hydra_bash_completion albert-lab"),
    ("fish", "complete -c albert-lab -x -a '(hydra_fish_completion)'"),
])  # fmt: skip
def test_a_shell_completes_the_program_however_it_was_started(shell: str, registers: str, tmp_path: Path) -> None:
    as_module = lab("-sc", f"install={shell}", cwd=tmp_path)
    assert as_module.stdout.strip().splitlines()[-1].endswith(registers)


def test_python_m_albert_lab_is_albert_lab(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("albert-lab")
    for arguments in (["--help"], ["dashboard", "--help"], ["-sc", "install=bash"], ["export"], ["pretrian"]):
        as_program = subprocess.run([program, *arguments], cwd=tmp_path, capture_output=True, text=True)
        as_module = lab(*arguments, cwd=tmp_path)
        assert (as_module.returncode, as_module.stdout, as_module.stderr) == (
            as_program.returncode,
            as_program.stdout,
            as_program.stderr,
        )


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_answers_help(verb: str, tmp_path: Path) -> None:
    result = lab(verb, "--help", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"usage: albert-lab {verb}")
