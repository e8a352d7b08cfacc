"""How many examples a task has and how long they are: what fine-tuning costs follows from that (no torch)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from albert_lab.config.schema import FinetuneConfig
from albert_lab.config.training import TaskKind
from albert_lab.cost.counts.weights import TaskHead
from albert_lab.data.tasks.benchmark import Benchmark, open_benchmark
from albert_lab.data.tasks.examples import ChoiceExample, Examples


class Size(NamedTuple):
    """Examples of a benchmark's splits."""

    train: int
    held_out: tuple[int, ...]  # of each split that a run is judged by
    choices: int = 1


# As the hub counts them: nyu-mll/glue, rajpurkar/squad, rajpurkar/squad_v2, ehovy/race, aps/super_glue (COPA),
# tau/commonsense_qa, allenai/swag, eriktks/conll2003, unimelb-nlp/wikiann (English)
SOURCE = "the benchmark's published sizes"
ONE_WINDOW = ", a window each"  # of questions on long contexts: how many windows there are takes a tokenizer
PUBLISHED = {
    "cola": Size(8_551, (1_043,)),
    "sst2": Size(67_349, (872,)),
    "mrpc": Size(3_668, (408,)),
    "stsb": Size(5_749, (1_500,)),
    "qqp": Size(363_846, (40_430,)),
    "mnli": Size(392_702, (9_815, 9_832)),
    "qnli": Size(104_743, (5_463,)),
    "rte": Size(2_490, (277,)),
    "wnli": Size(635, (71,)),
    "squad1": Size(87_599, (10_570,)),
    "squad2": Size(130_319, (11_873,)),
    "race": Size(87_866, (4_887,), choices=4),
    "race_middle": Size(25_421, (1_436,), choices=4),
    "race_high": Size(62_445, (3_451,), choices=4),
    "copa": Size(400, (100,), choices=2),
    "commonsenseqa": Size(9_741, (1_221,), choices=5),
    "swag": Size(73_546, (20_006,), choices=4),
    "conll2003": Size(14_041, (3_250,)),
    "wikiann": Size(20_000, (10_000,)),
}
HEADS = {  # a file of train/heads/ -> how its model is counted
    "classification": TaskHead.sequence_classification,
    "choice": TaskHead.multiple_choice,
    "tokens": TaskHead.token_classification,
    "spans": TaskHead.question_answering,
}


@dataclass(frozen=True)
class TaskData:
    """What the cost of a task follows from. A feature is an example, or a window on a question's long context."""

    head: TaskHead
    labels: int
    train: int  # features
    held_out: int  # features of all splits that a run is judged by, as many as it is judged by
    sequences: int  # of a feature: the choices
    source: str  # of these numbers
    lengths: Mapping[int, int] | None = None  # tokens -> how many sequences to train on have so many; None: not known
    held_out_lengths: Mapping[int, int] | None = None
    measured: int = 0  # examples behind these lengths


class TaskExamples(NamedTuple):
    """A benchmark's examples, read."""

    benchmark: Benchmark
    train: Examples[Any]
    held_out: list[Examples[Any]]


def find_published_data(config: FinetuneConfig) -> TaskData | None:
    """From the published sizes, where nothing says where the task's files are; None where they must be read."""
    task, size = config.task, PUBLISHED.get(config.task.name)
    if size is None or config.data_root is not None or task.data == "table" or any(vars(task.files).values()):
        return None
    most = config.train.validation_samples
    held_out = sum(count if most is None else min(count, most) for count in size.held_out)
    benchmark = open_benchmark(config)
    source = SOURCE + (ONE_WINDOW if benchmark.head == "spans" else "")
    return TaskData(
        find_head(config, benchmark), count_labels(config, benchmark), size.train, held_out, size.choices, source
    )


def read_task_examples(config: FinetuneConfig) -> TaskExamples:
    """Raises: UserError where they can't be read."""
    benchmark, most = open_benchmark(config), config.train.validation_samples
    held_out = [benchmark.load(split) for split in benchmark.held_out]
    cut = [Examples(examples.rows[:most], examples.left_out) for examples in held_out]
    return TaskExamples(benchmark, benchmark.load("train"), cut)


def count_task_data(config: FinetuneConfig, examples: TaskExamples) -> TaskData:
    """From the examples themselves: one feature each."""
    first = examples.train.rows[0] if examples.train.rows else None
    return TaskData(
        find_head(config, examples.benchmark),
        count_labels(config, examples.benchmark),
        len(examples.train.rows),
        sum(len(split.rows) for split in examples.held_out),
        len(first.endings) if isinstance(first, ChoiceExample) else 1,
        "the task's own files" + (ONE_WINDOW if examples.benchmark.head == "spans" else ""),
    )


def find_head(config: FinetuneConfig, benchmark: Benchmark) -> TaskHead:
    """How the model of a benchmark's head is counted."""
    head = HEADS[benchmark.head]
    return TaskHead.question_answering_v2 if head is HEADS["spans"] and config.task.no_answer else head


def count_labels(config: FinetuneConfig, benchmark: Benchmark) -> int:
    """The outputs of a classifier."""
    return 1 if config.task.kind is TaskKind.regression else max(1, len(benchmark.label_names))
