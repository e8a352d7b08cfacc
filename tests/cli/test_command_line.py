"""The command line answers at once, and a mistake costs one line."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from albert_lab.cli.help import EXAMPLES
from albert_lab.cli.main import VERBS, main
from albert_lab.config.meanings import list_settings
from albert_lab.config.overrides import list_groups
from albert_lab.config.schema import VERBS as SCHEMAS
from albert_lab.config.schema import WRITTEN
from tests.test_documented_commands import check_command

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
    "suite in a multirun": (
        ["finetune", "--multirun", "suite=glue", "train.seed=0,1"],
        "--multirun runs one task a job, and suite=glue sev",
    ),
    "suite of no checkpoint": (["finetune", "suite=glue"], "finetune needs checkpoint=RUN"),
    "no seeds": (["finetune", "checkpoint=.", "suite=glue", "finetune.seeds=0"], "finetune.seeds=0 must be at least 1"),
    "suite of a missing checkpoint": (["finetune", "checkpoint=nowhere", "suite=glue"], "no folder 'nowhere'"),
    "suite against a missing one": (
        ["finetune", "checkpoint=.", "suite=glue", "finetune.against=nowhere"],
        "no folder 'nowhere'",
    ),
    "suite with a task": (["finetune", "checkpoint=.", "suite=glue", "task=cola"], "a suite has tasks of its own"),
    "suite of unknown tasks": (
        ["finetune", "checkpoint=.", "suite=glue", "suite.tasks=[colla]"],
        "no task=colla; did you mean 'cola'",
    ),
    "unknown study": (["reproduce", "table9"], "no study=table9; did you mean 'table[34]'"),
    "wrong type": (["pretrain", "model.hidden_size=wide"], "model.hidden_size: .*wide"),
    "wrong choice": (["pretrain", "objective.sentence=sops"], "objective.sentence: .*sop, nsp, none"),
    "unknown verb": (["pretrian"], "did you mean 'pretrain'"),
    "unknown flag": (["pretrain", "--fast"], "unknown option '--fast'"),
    "report without runs": (["report"], "no runs under"),
    "dashboard without runs": (["dashboard"], "no runs under"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_costs_one_line_that_names_a_remedy(arguments: list[str], message: str, tmp_path: Path) -> None:
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
        ("albert-lab pre", ["pretrain", "predict"]),
        ("albert-lab pretrain sharing=f", ["sharing=ffn"]),
        ("albert-lab pretrain model.hidden_s", ["model.hidden_size="]),
        ("albert-lab reproduce ", ["search", "table3", "table4"]),
        ("albert-lab reproduce table4 scale=t", ["scale=tiny"]),
        ("albert-lab pretrain --help opt", ["optimizer"]),
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
    environment = dict(os.environ)  # without the COLUMNS that readline may set for child processes
    for arguments in (["--help"], ["dashboard", "--help"], ["-sc", "install=bash"], ["export"], ["pretrian"]):
        as_program = subprocess.run(
            [program, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
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


def help_of(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main([*arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("verb", SCHEMAS)
@pytest.mark.parametrize("columns", [60, 100, 140])
def test_help_explains_every_setting_within_the_terminal(
    verb: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    written = WRITTEN.get(verb, verb).replace("TASK", "sst2").split()
    text = help_of(*written, "--help", capsys=capsys)
    assert [line for line in text.splitlines() if len(line) > columns and " " in line.strip()] == []
    for setting in list_settings(SCHEMAS[verb]):
        assert re.search(rf"^  {re.escape(setting.key)}=", text, re.MULTILINE)
    assert all(group in text for group in list_groups(verb))


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_every_setting_says_what_it_means(schema: type) -> None:
    assert [setting.key for setting in list_settings(schema) if not setting.meaning] == []


def test_help_shows_values_as_they_are_with_the_overrides_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert " model.hidden_size=48 " in help_of("pretrain", "scale=smoke", "--help", capsys=capsys)


def test_help_of_a_group_explains_its_choices_and_all_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of("pretrain", "--help", "optimizer", capsys=capsys)
    assert re.search("optimizer=lamb +LAMB as ALBERT was trained", text)
    assert re.search("continuous +decay starts from the peak", text)
    assert "model." not in text
    assert help_of("help", "pretrain", "optimizer", capsys=capsys) == text
    assert "optimizer.eps=" in help_of("pretrain", "--help", "optimizer.eps", capsys=capsys)


def test_help_of_an_unknown_group_names_the_nearest(tmp_path: Path) -> None:
    assert "no group or setting 'optimiser' of `albert-lab pretrain`; did you mean 'optimizer'" in one_line(
        lab("pretrain", "--help", "optimiser", cwd=tmp_path)
    )


@pytest.mark.parametrize("command", [command for commands in EXAMPLES.values() for command in commands])
def test_an_example_of_the_help_is_a_valid_command(command: str) -> None:
    check_command(command)


def test_verb_help_needs_no_torch(tmp_path: Path) -> None:
    probe = "import sys; from albert_lab.cli import main; main(['pretrain', '--help']); print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert result.stdout.splitlines()[-1] == "False"
