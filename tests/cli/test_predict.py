"""A fine-tuned run answers a file or a split: every row in its place, all answers or none, mistakes in one line."""

import io
import json
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from albert_lab import AlbertConfig, AlbertForQuestionAnsweringV2, AlbertForSequenceClassification
from albert_lab.cli.main import main
from albert_lab.config.compose import save
from albert_lab.data.tasks.benchmark import open_benchmark
from albert_lab.data.tasks.docstring_packages import DocstringPackages
from albert_lab.errors import UserError
from albert_lab.scoring.predictions import read_predictions
from albert_lab.scoring.submission import SHEETS, write_submission
from albert_lab.tokenizer import AlbertTokenizerFast
from albert_lab.train import light_imports
from albert_lab.train.glue_answers import SOURCES, answer_glue
from albert_lab.train.predict import Predictor, predict_split
from tests.lab import ROOT, compose_verb
from tests.synthetic_runs import record

TEXTS = ["fine", "a joy to watch from its first minute to its very last", "dull and long", "x", "oh , no"]
PAIRS = ["sentence1\tsentence2", "It rains .\tIt is wet .", "Oh .\tAh , that is how it was .", "A cat .\tNo cat ."]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder; what a command changes in torch is changed back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALBERT_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(light_imports, "import_lightning", lambda compiler: None)  # other tests need all of it
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    yield tmp_path
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(mode)


def make_run(
    runs: Path,
    task: str,
    labels: tuple[str, ...] = (),
    *overrides: str,
    finished: bool = True,
    threshold: float | None = None,
) -> Path:
    """A run of `finetune task=TASK`, its model as it was drawn, with this null threshold in its record."""
    folder = runs / "finetune" / f"{task}-seed-0-0123456789"
    config = compose_verb("finetune", "checkpoint=source", f"task={task}", "trainer.gemm=mkl", *overrides)
    config.train.batch_size = 2
    save(config, folder / "config.yaml")
    options: dict[str, Any] = {"id2label": dict(enumerate(labels))} if labels else {}
    if task == "stsb":
        options = {"problem_type": "regression", "num_labels": 1}
    model = AlbertForQuestionAnsweringV2 if task == "squad2" else AlbertForSequenceClassification
    tokenizer = AlbertTokenizerFast(str(ROOT / "tests/golden/own.model"))
    torch.manual_seed(0)
    model(
        AlbertConfig(
            vocab_size=len(tokenizer), embedding_size=16, hidden_size=32, num_attention_heads=2, num_hidden_layers=2,
            intermediate_size=64, max_position_embeddings=64, initializer_range=0.5, hidden_dropout_prob=0.5, **options,
        )
    ).save_pretrained(folder)  # fmt: skip
    tokenizer.save_pretrained(folder)
    if finished:
        (folder / "result.json").write_text(json.dumps({**record(null_threshold=threshold), "verb": "finetune"}))
    return folder


@pytest.fixture(scope="module")
def sst2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs"), "sst2", ("0", "1"))


def write_lines(file: Path, *lines: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line of a mistake, before which nothing was printed."""
    capsys.readouterr()
    assert main(["predict", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.strip().splitlines()
    return line


def test_every_row_is_answered_in_its_place_as_if_it_were_alone(
    sst2: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_lines(here / "new.tsv", "index\tsentence", *(f"{i + 7}\t{text}" for i, text in enumerate(TEXTS)))
    assert main(["predict", f"checkpoint={sst2}", f"input={file}", "output=out/answers.jsonl"]) == 0
    assert capsys.readouterr().out == f"{here / 'out/answers.jsonl'}\n"
    answers = read_predictions(here / "out/answers.jsonl")
    assert [(each.id, each.text, each.gold, each.loss) for each in answers] == [
        (str(i + 7), text, None, None) for i, text in enumerate(TEXTS)
    ]
    model = AlbertForSequenceClassification.from_pretrained(sst2).eval()
    tokenizer = AlbertTokenizerFast.from_pretrained(sst2)
    for each in answers:
        expected = model(**tokenizer(each.text, return_tensors="pt")).logits.softmax(-1)[0].tolist()
        assert list(each.scores.values()) == pytest.approx(expected, abs=1e-5)
        assert each.prediction == max(each.scores, key=lambda name: each.scores[name])
    assert len({each.prediction for each in answers}) == 2, "the drawn model tells them apart"


def test_standard_input_and_output_are_lines_and_metrics_are_logged_where_labels_are(
    sst2: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"sentence": text, "label": number % 2} for number, text in enumerate(TEXTS)]
    table = ["sentence\tlabel", *("\t".join(map(str, row.values())) for row in rows)]
    printed = []
    for each in (table, [json.dumps(row) for row in rows]):
        content = io.BytesIO("".join(f"{line}\n" for line in each).encode())
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
        with caplog.at_level(logging.INFO):
            assert main(["predict", f"checkpoint={sst2}", "input=-"]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    answers = [json.loads(line) for line in printed[0].splitlines()]
    right = sum(answer["gold"] == answer["prediction"] for answer in answers)
    assert "5 examples answered, 5 of them labelled" in caplog.text
    assert f"accuracy {100 * right / 5:.1f} %" in caplog.text


def test_a_shortened_name_will_do_and_settings_of_where_and_how_fast_change_no_answer(
    sst2: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_lines(here / "new.tsv", "sentence", *TEXTS)
    assert main(["predict", f"paths.runs={sst2.parents[1]}", "checkpoint=sst", f"input={file}"]) == 0
    usual = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (
        main(
            ["predict", f"checkpoint={sst2}", f"input={file}", "trainer.micro_batch_size=1", "trainer.accelerator=cpu"]
        )
        == 0
    )
    alone = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for one, other in zip(usual, alone, strict=True):
        assert one.pop("scores") == pytest.approx(other.pop("scores"), abs=1e-6)
        assert one == other


def test_a_malformed_row_stops_it_with_file_and_line_or_is_left_out_and_told(
    sst2: Path, here: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    file = write_lines(here / "bad.tsv", "sentence\tlabel", "fine\t1", "dull", "good\t2", "bad\t0")
    assert "bad.tsv:3: 1 field, but the file has 2 columns" in mistake(
        capsys, f"checkpoint={sst2}", f"input={file}", "output=answers.jsonl"
    )
    assert not Path("answers.jsonl").exists()
    with caplog.at_level(logging.INFO):
        assert main(["predict", f"checkpoint={sst2}", f"input={file}", "task.bad_rows=leave_out"]) == 0
    assert [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()] == ["fine", "bad"]
    assert [line.split("bad.tsv:")[1][0] for line in caplog.messages if "left out: " in line] == ["3", "4"]
    assert "2 malformed rows left out" in caplog.text


def test_a_run_of_mnli_answers_the_diagnostic_set_and_a_run_with_other_labels_does_not(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mnli = make_run(here / "runs", "mnli", ("contradiction", "entailment", "neutral"))
    write_lines(here / "glue/AX/diagnostic.tsv", *PAIRS)
    write_lines(here / "glue/MNLI/test_matched.tsv", *PAIRS)
    asked = ["split=test", "task=ax", f"data_root={here}"]
    assert main(["predict", f"checkpoint={mnli}", *asked]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["text"] for answer in answers] == [row.replace("\t", " [SEP] ") for row in PAIRS[1:]]
    same = predict_split(mnli, "test_ax", str(here)), predict_split(mnli, "test", str(here), "ax")
    assert [[vars(each) for each in one] for one in same] == [answers, answers]
    rte = make_run(here / "runs", "rte", ("entailment", "not_entailment"))
    assert (
        "was trained with the labels entailment, not_entailment, but task=ax has the labels contradiction"
        in mistake(capsys, f"checkpoint={rte}", *asked)
    )
    score = make_run(here / "runs", "stsb")
    assert "task.kind=regression doesn't fit task.name=ax" in mistake(capsys, f"checkpoint={score}", *asked)
    assert "task.name=axe is no task of task.data=glue" in mistake(capsys, f"checkpoint={mnli}", *asked, "task=axe")


def test_runs_of_glue_answer_their_test_sets_for_the_leaderboard(here: Path, sst2: Path) -> None:
    mnli = make_run(here / "runs", "mnli", ("contradiction", "entailment", "neutral"))
    for file in ("AX/diagnostic.tsv", "MNLI/test_matched.tsv"):
        write_lines(here / "glue" / file, *PAIRS)
    write_lines(here / "glue/SST-2/test.tsv", "index\tsentence", *(f"{i}\t{text}" for i, text in enumerate(TEXTS)))
    answers, missing = answer_glue({"sst2": sst2, "mnli": mnli}, str(here))
    assert {name: len(each) for name, each in answers.items()} == {"SST-2": 5, "MNLI-m": 3, "AX": 3}
    assert set(SOURCES) == set(SHEETS)
    assert {line.split(":")[0] for line in missing} == set(SHEETS) - set(answers)
    assert "CoLA: no finished run of task=cola" in missing
    assert any(line.startswith("MNLI-mm: ") and "has no test_mismatched.tsv" in line for line in missing)
    problems = write_submission(here / "glue.zip", answers)
    assert "SST-2.tsv: it has 5 rows, but the test set has 1,821" in problems
    assert not any("index" in problem or " is not " in problem for problem in problems)


def test_a_score_is_predicted_as_a_number(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_lines(here / "pairs.tsv", *PAIRS)
    assert main(["predict", f"checkpoint={make_run(here / 'runs', 'stsb')}", f"input={file}"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len({answer["prediction"] for answer in answers}) == 3
    assert all(isinstance(answer["prediction"], float) for answer in answers)


def test_a_question_is_answered_by_the_threshold_that_the_run_chose(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = [{"id": name, "question": f"{name} ?"} for name in ("who", "where", "when")]
    paragraph = {"context": "She went home at noon . He stayed .", "qas": questions}
    file = here / "new.json"
    file.write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}))
    size = ("task.max_seq_length=64", "task.max_query_length=16")
    nulls, answered = {}, {}
    for threshold in (1e9, -1e9, 0.0):
        run = make_run(here / "runs", "squad2", (), *size, threshold=threshold)
        assert main(["predict", f"checkpoint={run}", f"input={file}"]) == 0
        answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        nulls = {answer["id"]: answer["scores"]["null"] for answer in answers}
        answered[threshold] = {answer["id"] for answer in answers if answer["prediction"]}
    assert answered[1e9] == {"who", "where", "when"}
    assert answered[-1e9] == set()
    assert answered[0.0] == {name for name, null in nulls.items() if null <= 0}


def test_a_run_on_a_users_tags_needs_no_training_file_to_read_more(here: Path) -> None:
    task = ("task=conll", "task.files.train=gone.txt", "task.files.dev=gone.txt")
    benchmark = open_benchmark(compose_verb("finetune", "checkpoint=source", *task))
    benchmark.take_labels(["O", "B-LOC", "I-LOC"])
    (row,) = benchmark.read(write_lines(here / "new.txt", "Rome B-LOC", "sleeps O")).rows
    assert row.labels == (1, 0)
    with pytest.raises(UserError, match=r"new.txt:1: .*PER"):
        benchmark.read(write_lines(here / "new.txt", "Rome B-PER", "sleeps O"))


def test_a_run_on_a_users_table_needs_no_training_file_to_answer(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(
        here / "runs", "classification", ("blue", "red", "10"), "task.files.train=gone.csv", "task.text=what"
    )
    file = write_lines(here / "new.csv", "what,label", "sky,blue", "blood,red", '"grass, wet",10')
    assert main(["predict", f"checkpoint={run}", f"input={file}"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["gold"] for answer in answers] == ["blue", "red", "10"]
    write_lines(file, "what,label", "sky,green")
    assert "new.csv:2: label 'green' is no known label" in mistake(capsys, f"checkpoint={run}", f"input={file}")
    write_lines(file, "which", "sky")
    assert "task.text=what: " in mistake(capsys, f"checkpoint={run}", f"input={file}")


def test_a_passage_a_line_is_what_the_default_task_reads(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = DocstringPackages(compose_verb("finetune", "checkpoint=source").task, None, here).label_names
    run = make_run(here / "runs", "docstring_packages", names)
    file = write_lines(here / "passages.txt", *TEXTS)
    assert main(["predict", f"checkpoint={run}", f"input={file}"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(TEXTS)
    assert "has no split 'test'; known: dev, train" in mistake(capsys, f"checkpoint={run}", "split=test")
    assert "a run of task=docstring_packages answers that task alone" in mistake(
        capsys, f"checkpoint={run}", "task=ax", "split=test"
    )
    other = make_run(here / "runs", "docstring_packages", (*names[:-1], "another"))
    assert "was trained with the labels" in mistake(capsys, f"checkpoint={other}", f"input={file}")


MISTAKES = {
    "": r"predict needs input=FILE, or split=test of the task's benchmark",
    "input=new.tsv split=test": r"one of the two",
    "input=nowhere.tsv": r"input=nowhere.tsv: no such file",
    "input=.": r"input=.: no such file",
    "input=empty.tsv": r"empty.tsv is empty",
    "input=header.tsv": r"input=header.tsv holds no example",
    "input=all_bad.tsv task.bad_rows=leave_out": r"holds no example; the first malformed row: .*all_bad.tsv:2",
    "input=columns.tsv": r"columns.tsv has no column 'sentence'; it has text, label",
    "input=new.doc": r"'new.doc' has an unknown extension",
    "input=new.tsv output=.": r"output=. is a folder",
    "input=new.tsv output=new.tsv": r"output=new.tsv is the input",
    "input=new.tsv output=new.tsv/below": r"output=new.tsv/below can't be written",
    "input=new.tsv output=/proc/nowhere/answers": r"output=/proc/nowhere/answers can't be written",
    "input=new.tsv trainer.micro_batch_size=0": r"trainer.micro_batch_size=0 must be at least 1",
    "input=new.tsv trainer.accelerator=gpus": r"no trainer.accelerator=gpus; did you mean 'gpu'",
    "input=new.tsv trainer.strategy=ddp": r"`albert-lab predict` does not take 'trainer.strategy'",
    "split=tset data_root=.": r"task=sst2 has no split 'tset'; did you mean 'test'",
    "split=test data_root=nowhere": r"data_root=nowhere: no such folder",
    "split=test data_root=.": r"none of .*SST-2.* is in data_root=.",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_costs_one_line_and_writes_nothing(
    words: str, sst2: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(here / "new.tsv", "sentence", *TEXTS)
    write_lines(here / "empty.tsv")
    write_lines(here / "header.tsv", "sentence")
    write_lines(here / "all_bad.tsv", "sentence", "", "\ttwo")
    write_lines(here / "columns.tsv", "text\tlabel", "fine\t1")
    write_lines(here / "new.doc", "sentence")
    before = {file: file.read_bytes() for file in here.rglob("*") if file.is_file()}
    assert re.search(MISTAKES[words], mistake(capsys, f"checkpoint={sst2}", *words.split()))
    assert {file: file.read_bytes() for file in here.rglob("*") if file.is_file()} == before


def test_what_is_no_finished_fine_tuned_run_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unfinished = make_run(here / "runs", "rte", ("entailment", "not_entailment"), finished=False)
    assert "is stopped 0/800; predict needs a finished run" in mistake(capsys, f"checkpoint={unfinished}", "split=dev")
    pretrained = here / "runs/pretrain/all-seed-0-0123456789"
    save(compose_verb("pretrain"), pretrained / "config.yaml")
    (pretrained / "result.json").write_text(json.dumps({**record(), "verb": "pretrain"}))
    assert "is of `albert-lab pretrain`; predict needs" in mistake(capsys, "checkpoint=all", "split=dev")
    plain = shutil.copytree(unfinished, here / "plain", ignore=shutil.ignore_patterns("config.yaml"))
    for word in (str(plain), "albert/albert-base-v2"):
        assert "is no run of `albert-lab finetune`" in mistake(capsys, f"checkpoint={word}", "split=dev")
    (pretrained / "result.json").write_text("{")
    assert "result.json is not JSON" in mistake(capsys, "checkpoint=all", "split=dev")
    assert "predict needs checkpoint=RUN" in mistake(capsys, "split=dev")


def test_an_interrupted_command_leaves_the_old_answers(
    sst2: Path, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lines(here / "new.tsv", "sentence", *TEXTS)
    old = write_lines(here / "out/answers.jsonl", "old")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Predictor, "answer", stop)
    assert main(["predict", f"checkpoint={sst2}", "input=new.tsv", f"output={old}"]) == 130
    assert capsys.readouterr().out == ""
    assert [file.read_text() for file in old.parent.iterdir()] == ["old\n"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
def test_a_full_disk_under_standard_output_costs_one_line() -> None:
    probe = "from albert_lab.cli import predict\n"
    probe += "try: predict.print_answers('{}')\nexcept ValueError as error: exit(f'{error}')"
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-c", probe]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert result.stderr == "standard output can't be written: No space left on device; output=FILE names a file\n"


def test_help_needs_no_torch() -> None:
    probe = (
        "import sys; from albert_lab.cli.main import main; main(['predict', '--help']); print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "checkpoint=null" in result.stdout
    assert result.stdout.splitlines()[-1] == "False"
