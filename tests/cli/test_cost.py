"""`albert-lab cost` as a user runs it: pleasant, quick, useful where something is wrong."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from albert_lab.cli.cost_text import format_comparison, format_page
from albert_lab.config.schema import EstimateConfig
from albert_lab.cost.estimate import CostEstimate
from albert_lab.cost.figures import CostFigures, collect_figures
from albert_lab.report.formatting import format_duration
from tests.lab import Lab, compose_verb, folder_of

H200 = ["hardware=h200", "scale=paper", "trainer.devices=8", "train.precision=bf16"]


def figures_of(*overrides: str) -> CostFigures:
    config = compose_verb("cost", *overrides)
    assert isinstance(config, EstimateConfig)
    return collect_figures(CostEstimate(config))


def test_one_variant_is_a_page(lab: Lab) -> None:
    done = lab("cost", *H200, "sharing=ffn", "hardware.price_per_hour=3")
    assert done.returncode == 0, done.stderr
    page = done.stdout
    for expected in (
        "[ 0] [ 1] [ 2]",
        "1 block, run 12 times",
        "mlm_vocabulary",
        "zero2 + offload",
        "NVIDIA H200 SXM, 141 GB",
        "assumed: 20% to 50% of the peak",
        "kWh",
        "USD",
        " h\n",
    ):
        assert expected in page
    rows = [line.split()[0] for line in page.splitlines() if re.match(r"(ddp|fsdp|zero\d) ", line)]
    assert rows == ["ddp", "fsdp", "zero1", "zero2", "zero3", "zero2"]
    assert max(map(len, page.splitlines())) <= 160


def test_json_holds_every_figure(lab: Lab) -> None:
    printed = json.loads(lab("cost", *H200, "cost.json=true").stdout)
    assert printed["parameters"]["unique"] == 11_813_810
    assert printed["flops"]["per_token"]["training"] == pytest.approx(570e6, rel=0.01)
    assert printed["layers"]["ffn"] == [0] * 12
    assert [row["name"] for row in printed["strategies"]] == ["ddp", "fsdp", "zero1", "zero2", "zero3", "zero2_offload"]
    assert printed["hardware"]["kind"] == "gpu"


def test_a_multirun_is_one_table(lab: Lab) -> None:
    done = lab("cost", "--multirun", *H200, "sharing=all,none,sandwich")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["all", "none", "sandwich"]
    assert done.stdout.count("variant") == 1


def test_a_study_is_one_table_of_its_cells(lab: Lab) -> None:
    done = lab("cost", "study=table4", "scale=tiny", "study.axes={sharing: [all,none]}")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[2:4]] == ["all", "none"]


def test_devices_are_distinguished_in_one_table(lab: Lab) -> None:
    done = lab("cost", "--multirun", "scale=paper", "hardware=h200,l4")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[2:4]] == ["hardware=h200", "hardware=l4"], "and nothing that both share"
    assert lines[2].endswith("NVIDIA H200 SXM")
    assert "hardware differs" in lines[-1]


def test_no_hardware_is_this_machine(lab: Lab) -> None:
    assert "this machine: " in lab("cost", "hardware=[]").stdout


def test_layers_too_many_to_draw_are_counted(lab: Lab) -> None:
    page = lab("cost", "model.num_hidden_layers=100", "sharing=ffn").stdout
    assert "100 layers, too many to draw; blocks: 100 of attention, 1 of ffn" in page
    assert max(map(len, page.splitlines())) <= 160


XEON = "Intel(R) Xeon(R) Platinum 8481C CPU with a name that never ends, as marketing wants it, @ 2.70GHz (Sapphire)"


@pytest.mark.parametrize(
    "facts",
    [
        {"cpu_name": XEON, "usable_cores": 1, "memory_bytes": 2_000_000_000},
        {"cpu_name": XEON, "usable_cores": 128, "memory_bytes": 2_199_023_255_552},
        {"cpu_name": None, "usable_cores": 1, "memory_bytes": None},
        {"cpu_name": "x", "gpu_name": f"NVIDIA {XEON}", "usable_cores": 128},
    ],
    ids=["small", "large", "unknown", "a new GPU"],
)
@pytest.mark.parametrize("scale", ["smoke", "paper"])
def test_pages_hold_on_every_machine(
    facts: dict[str, Any], scale: str, fake_machine: Callable[..., None], tmp_path: Path
) -> None:
    fake_machine(gpu_name=None)
    fake_machine(**facts)
    figures = figures_of(f"scale={scale}", f"paths.runs={tmp_path}")
    page, table = format_page(figures), format_comparison([figures], [["a"]])
    assert max(map(len, f"{page}\n{table}".splitlines())) <= 160
    for fact in ("cpu_name", "gpu_name"):
        assert (facts.get(fact) or "") in " ".join(line.strip() for line in page.splitlines())


def test_a_variant_that_cannot_be_does_not_hide_the_others(lab: Lab) -> None:
    done = lab("cost", "--multirun", "sharing=groups", "sharing.num_hidden_groups=2,13", "model.num_hidden_layers=12")
    assert done.returncode == 2
    assert "groups2" in done.stdout
    assert re.search(r"num_hidden_groups=13.*12", done.stderr)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["hardware=h20"], "no hardware=h20; did you mean 'h200'.*hardware/NAME.yaml"),
        (["hardware=b300"], "no hardware=b300; known: a100.*hardware.memory_bytes=.*hardware/NAME.yaml"),
        (["trainer.devices=0"], "trainer.devices=0 must be at least 1"),
        (["devices=8"], "unknown key 'devices'; here it is trainer.devices"),
        (["trainer.devices=3"], "train.batch_size=32 does not divide among trainer.devices=3; nearest: 33"),
        (["trainer=zero9"], "no trainer=zero9; did you mean 'zero2'"),
        (["trainer.strategy=zero9"], "no trainer.strategy=zero9; did you mean 'zero2'"),
        (["hardware=[h200,a100]"], "no hardware=.h200,a100.: hardware takes one choice; several are --multirun"),
        (["hardware=null"], "no hardware=null; write hardware=.. for none"),
        (["cost.mfu=-1"], "cost.mfu=-1 must be above 0 and at most 1"),
        (["cost.mfu=0"], "cost.mfu=0 must be above 0"),
        (["cost.mfu=nan"], "cost.mfu=nan must be above 0"),
        (["cost.real_tokens=1.5"], "cost.real_tokens=1.5 must be above 0 and at most 1"),
        (["hardware.memory_bytes=inf"], "hardware.memory_bytes=inf must be above 0 and finite, as in"),
        (["hardware=h200", "hardware.bf16_flops_per_second=0"], "bf16_flops_per_second=0 must be above 0"),
        (["train.budget.steps=-1"], "train.budget.steps=-1 must be at least 1"),
        (["train.budget.steps=null"], "train.budget needs exactly one of steps, epochs, tokens, seconds"),
        (["study=search"], "study=search searches by training; give its space as a sweep, as in --multirun"),
        (["task=sst3"], "no task=sst3; did you mean 'sst2'"),
        (["suite=glue", "task=sst2"], "suite=glue task=sst2: a suite has tasks of its own"),
        (["task=classification"], "task.data=table needs task.files.train=FILE"),
        (
            ["task=sst2", "task.max_seq_length=9999"],
            "task.max_seq_length=9999 is longer than the model's .*nearest: 512",
        ),
        (["task=sst2", "data_root=nowhere"], "data_root=nowhere: no such folder"),
        (["task=sst2", "data.corpus=text"], "`albert-lab cost task=TASK` does not take 'data.corpus'"),
        (["task=sst2", "cost.mfu=2"], "cost.mfu=2 must be above 0 and at most 1"),
        (["task=sst2", "train.budget.epochs=1"], "train.budget needs exactly one of steps, epochs, tokens, seconds"),
        (["checkpoint=RUN", "model=large"], "checkpoint=RUN model=large: a checkpoint has a size of its own"),
        (["sharing=custom", "sharing.attention=[0,0,1]", "sharing.ffn=[0,0,0,0]"], "names 3 layers .* has 4; give 4"),
        (["sharing=custom", "sharing.attention=[0,0,-1,1]", "sharing.ffn=[0,0,0,0]"], "has a negative id -1"),
        (["sharing=custom", "sharing.attention=[0,0,0,1000000000000]", "sharing.ffn=[0,0,0,0]"], "never uses block 1;"),
        (["sharing=custom", "sharing.attention=[0,0,2,2]", "sharing.ffn=[0,0,0,0]"], "never uses block 1"),
    ],
)
def test_a_mistake_is_one_useful_line(lab: Lab, arguments: list[str], says: str) -> None:
    done = lab("cost", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(says, done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_suite_is_a_row_a_task_and_their_sum(lab: Lab) -> None:
    done = lab("cost", "suite=glue", "finetune.seeds=5", "hardware=a100", "hardware.price_per_hour=2")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    tasks = ["mnli", "qnli", "qqp", "rte", "sst2", "mrpc", "cola", "stsb", "wnli"]
    assert lines[0] == "glue, 5 seeds a task: all E128 H768 L12, 11.7 M parameters"
    assert [line.split()[0] for line in lines[5:15]] == [*tasks, "all"]
    assert "upper bound" in done.stdout
    assert "published sizes" in done.stdout
    assert max(map(len, lines)) <= 160


def test_a_tasks_json_holds_every_figure(lab: Lab) -> None:
    done = lab("cost", "task=sst2", "hardware=a100", "cost.mfu=0.4", "cost.json=true")
    printed = json.loads(done.stdout)
    (task,) = printed["tasks"]
    assert (task["steps"], task["validations"], task["tokens"]) == (20_935, 211, 20_935 * 32 * 512)
    assert task["one_seed"][0]["hours"] == pytest.approx(
        (task["training_flops"] + task["validation_flops"]) / (0.4 * 19.5e12) / 3600
    )
    assert task["fits"] is True


def test_a_multirun_of_suites_is_one_table(lab: Lab) -> None:
    done = lab("cost", "--multirun", "model=base,large", "suite=glue", "suite.tasks=[cola,rte]", "hardware=h200")
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()[2:4]] == ["glue", "glue"]
    assert done.stdout.count("variant") == 1


def test_texts_are_measured_with_a_checkpoints_tokenizer(lab: Lab, tmp_path: Path) -> None:
    """In files of one's own: two words each, of which an unknown vocabulary makes a few pieces."""
    for name, count in (("train", 36), ("dev", 4)):
        rows = "".join(f"a b,{'xy'[number % 2]}\n" for number in range(count))
        (tmp_path / f"{name}.csv").write_text("text,label\n" + rows)
    run = folder_of(lab("pretrain", "scale=smoke", "train.budget.steps=5", "tracking=none"))
    files = [f"task.files.{name}={tmp_path / name}.csv" for name in ("train", "dev")]
    done = lab("cost", f"checkpoint={run}", "task=classification", *files, "hardware=a100", "cost.json=true")
    assert done.returncode == 0, done.stderr
    (task,) = json.loads(done.stdout)["tasks"]
    assert (task["train_examples"], task["held_out_examples"], task["steps"]) == (36, 4, 4)
    assert task["padding"] == "measured on 36 examples to train on"
    assert 4 <= task["real_tokens"] * task["max_seq_length"] <= 8


def test_what_does_not_fit_names_what_does(lab: Lab) -> None:
    done = lab("cost", "scale=paper", "hardware.memory_bytes=8e9")
    assert re.search(r"one process is .* too large.*what fits: trainer.micro_batch_size=\d+", done.stdout)


def test_one_variant_takes_few_function_calls_and_no_torch(tmp_path: Path) -> None:
    """Imports included; 1.8 million calls are about 0.8 s, and their number is the same on every machine."""
    code = (
        "import cProfile, sys; profile = cProfile.Profile(); profile.enable(); "
        "from albert_lab.cli.main import main; main(['cost', 'model=xlarge', 'scale=paper', "
        "'sharing=none', 'hardware=h200', 'trainer.devices=8']); profile.disable(); "
        "assert 'torch' not in sys.modules; print(sum(entry.callcount for entry in profile.getstats()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) < 3_000_000


def test_durations_have_the_unit_that_reads_best() -> None:
    assert [format_duration(hours) for hours in (None, 26298.0, 60.0, 3.0, 0.5, 0.001, 0.0001)] == [
        "–", "3.00 years", "2.50 days", "3.00 h", "30.0 min", "3.60 s", "360 ms",
    ]  # fmt: skip


def test_variants_of_equal_name_go_by_their_overrides(tmp_path: Path) -> None:
    figures = figures_of(*H200, f"paths.runs={tmp_path}")
    assert figures.variant in format_page(figures)
    named = format_comparison([figures, figures], [["a", "c"], ["b", "c"]])
    assert [line.split()[0] for line in named.splitlines()[2:4]] == ["a", "b"]
