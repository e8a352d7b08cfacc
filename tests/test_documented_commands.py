"""Every command that the documentation and the YAML files print is one that the shell and the command line accept."""

import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest

from albert_lab.cli import curves, diff, doctor, export, import_checkpoint, rm, runs
from albert_lab.cli.cost import choose_verb
from albert_lab.cli.help import print_help
from albert_lab.cli.hydra_private import parse_arguments
from albert_lab.cli.main import VERBS
from albert_lab.config.check import check
from albert_lab.config.folders import CONF_FOLDER, SWEEPS_FOLDER
from albert_lab.config.overrides import check_overrides, find_search_path, spell_out
from albert_lab.config.schema import VERBS as SCHEMAS
from albert_lab.config.schema import PretrainConfig, RunConfig
from albert_lab.config.sources import Sources, find_sources
from albert_lab.model.layer_map import make_layer_map
from tests.lab import ROOT, compose_verb

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
YAML_FILES = sorted([*CONF_FOLDER.glob("*/*.yaml"), *SWEEPS_FOLDER.glob("*/*.yaml")])
PLAIN_VERBS = {  # they take arguments, not overrides
    "curves": curves,
    "diff": diff,
    "doctor": doctor,
    "export": export,
    "import": import_checkpoint,
    "rm": rm,
    "runs": runs,
}
FLAGS = {"--force", "--multirun", "-m", "--help", "--cfg", "job", "hydra"}
TARGETS = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
SHELL = {'eval "$(albert-lab -sc install=bash)"', "source .venv/bin/activate"}


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands_in(page: Path) -> list[str]:
    """Lines of the page's bash blocks, and commands within its sentences; not of what a diff there adds first."""
    sections = re.split(r"^### ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = "".join(section for section in sections if "```diff" not in section)
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    inline = re.findall(r"`((?:albert-lab|make|python -m) [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    commands = [re.sub(r"(^|\s+)#.*", "", line) for line in lines] + [" ".join(command.split()) for command in inline]
    return [command for command in dict.fromkeys(commands) if command]


COMMANDS = [(page_name(page), command) for page in PAGES for command in commands_in(page)]


def check_command(command: str) -> None:
    """Composes an `albert-lab` command; of any other one, checks that what it names exists."""
    if command in SHELL:
        return
    words = [word for word in shlex.split(command) if not re.fullmatch(r"[A-Z_]+=\S*", word)]
    program, *arguments = words
    if program == "albert-lab":
        check_overrides_of(arguments)
    elif program == "make":
        assert set(arguments) <= set(TARGETS)
    elif Path(program).name == "python":
        assert arguments[0] == "-m"
        assert importlib.util.find_spec(arguments[1]), f"no module {arguments[1]}"
        paths = [argument for argument in arguments[2:] if "/" in argument]
        assert all((ROOT / path).exists() for path in paths), paths
    else:
        assert Path(sys.executable).with_name(Path(program).name).exists(), f"no program {program}"


def write_files_of(page: Path, folder: Path) -> None:
    """Writes the YAML files that a page prints, each after its name."""
    for name, text in re.findall(
        r"`(\S+\.yaml)`[^`]*:\n\n```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL
    ):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def overrides_of(verb: str, words: list[str]) -> list[str]:
    given = [spell_out(verb, word) for word in words if word not in FLAGS]
    overrides = parse_arguments(given).overrides
    return [f"study={overrides[0]}", *overrides[1:]] if verb == "reproduce" and overrides else overrides


def check_overrides_of(arguments: list[str]) -> None:
    if arguments in (["--help"], ["--version"]):
        return
    verb, *words = arguments
    assert verb in VERBS
    verb = choose_verb(words) if verb == "cost" else verb
    if verb in SCHEMAS and "--help" in words:
        print_help(verb, words)
        return
    if verb in PLAIN_VERBS:
        PLAIN_VERBS[verb].parser().parse_args(words)
        return
    overrides = overrides_of(verb, words)
    config_dir = parse_arguments([w for w in words if w not in FLAGS]).config_dir
    sources = find_sources(config_dir, find_search_path(overrides))
    check_overrides(verb, overrides, sources)
    search_path = f"hydra.searchpath=[{','.join(map(str, sources.added))}]"
    given = [override for override in overrides if not override.startswith("hydra.searchpath=")]
    config = compose_verb(verb, search_path, *map(first_choice, given))
    if isinstance(config, RunConfig):
        check(config)
    if isinstance(config, PretrainConfig):
        make_layer_map(config.sharing, config.model.num_hidden_layers)


def first_choice(override: str) -> str:
    """A sweep's first value."""
    key, _, value = override.partition("=")
    return override if value.startswith(("[", "{")) else f"{key}={value.split(',')[0]}"


def first_command(file: Path) -> str:
    commands = [line.removeprefix("# ") for line in file.read_text().splitlines() if line.startswith("# albert-lab ")]
    assert commands, f"{file.name} doesn't say which command runs it"
    return commands[0]


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_documented_command_is_valid(
    page: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files_of(ROOT / page, tmp_path)
    monkeypatch.chdir(tmp_path)
    check_command(command)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_a_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_a_test_named_on_a_page_exists() -> None:
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))}
    tests = {
        name for file in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text())
    }
    assert named - tests == set()


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent == ROOT / "docs"], ids=page_name)
def test_the_readme_leads_to_every_page(page: Path) -> None:
    assert f"({page_name(page)})" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_the_documentation_shows_every_verb() -> None:
    shown = {shlex.split(command)[1] for _, command in COMMANDS if command.startswith("albert-lab ")}
    assert set(VERBS) <= shown


@pytest.mark.parametrize("file", YAML_FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_yaml_file_names_a_command_that_uses_it(file: Path) -> None:
    _, verb, *words = shlex.split(first_command(file))
    assert any(f"{file.parent.name}={file.stem}" in override for override in overrides_of(verb, words)), words
    check_command(first_command(file))


@pytest.mark.parametrize("file", sorted(CONF_FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_verbs_own_yaml_names_its_command(file: Path) -> None:
    verb = shlex.split(first_command(file))[1]
    assert verb == file.stem or file.stem not in VERBS
    check_command(first_command(file))


def test_every_choice_has_a_file() -> None:
    assert sum(len(Sources().choices(group)) for group in Sources().groups()) == len(YAML_FILES)
