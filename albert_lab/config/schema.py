"""The typed schema: every setting, its unit and one line of meaning, and the configuration class of every verb.

The groups of `variant.py` and `training.py` can change a result and make up a run's fingerprint; those written out here
change only where, how fast and how visibly it runs.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, NamedTuple

from albert_lab.config.training import (
    BadRows,
    DataConfig,
    ObjectiveConfig,
    OptimizerConfig,
    TaskConfig,
    TokenizerConfig,
    TrainConfig,
)
from albert_lab.config.variant import ModelConfig, SharingConfig, WarmStartConfig


class DeviceKind(Enum):
    gpu = "gpu"  # a process has a device of its own
    cpu = "cpu"  # processes share the cores and memory of the machine


class Gemm(Enum):
    auto = "auto"  # the faster of the two, measured once per machine
    mkl = "mkl"  # PyTorch's own choice
    onednn = "onednn"  # much faster on AMD processors


class StepSplit(NamedTuple):
    """How an optimizer step's sequences are spread over processes and passes."""

    share: int  # sequences of one process
    micro_batch: int  # sequences in one pass of one process
    passes: int  # of one process


@dataclass
class TrainerConfig:
    """Where and how fast it runs; nothing here changes a result beyond rounding."""

    accelerator: str = "auto"  # cpu | gpu | auto
    devices: int = 1  # processes on this machine
    strategy: str = "single"  # how processes share work and state: a file of train/distributed/
    gradient_checkpointing: bool = False  # keep only a layer's input and run it again in the backward pass; same bits
    compile: bool = False  # torch.compile makes the layers' kernels: for GPUs; needs a compiler, and rounds otherwise
    micro_batch_size: int | None = None  # sequences in one pass of one process; null: all of its share
    gemm: Gemm = Gemm.auto  # float32 matrix products on a CPU
    threads: int | None = None  # CPU threads a process; null: the cores divided among the processes
    workers: int = 0  # processes that make batches
    checkpoint_every_seconds: float | None = 60.0  # null: by steps alone
    checkpoint_every_steps: int | None = None  # null: by time alone
    log_every_steps: int = 10  # steps from one line of metrics to the next
    progress_bar: bool = True  # show one on a terminal
    health_check_step: int = 200  # when to judge the loss against chance, not before warm-up ends; 0: never

    def split_step(self, batch_size: int) -> StepSplit:
        share = batch_size // self.devices
        micro_batch = self.micro_batch_size or share
        return StepSplit(share, micro_batch, share // micro_batch)


@dataclass
class TrackingConfig:
    """Where metrics go besides the run's folder."""

    mlflow: bool = True  # send metrics to MLflow
    uri: str | None = None  # an MLflow server or database; null: sqlite:///<paths.runs>/mlflow.db
    experiment: str = "albert_lab"  # the MLflow experiment
    run_name: str | None = None  # null: made from the variant
    port: int = 5000  # of the dashboard


@dataclass
class StudyConfig:
    """One question: the cells that answer it and how a reader should take them. A group of YAMLs in `sweeps/study/`."""

    name: str | None = None  # null: no study, a single run
    title: str = ""  # heading of its report
    question: str = ""  # what it asks, in one sentence
    caption: str = ""  # what its table can and can't tell
    axes: dict[str, list[Any]] = field(default_factory=dict)  # override -> values, at the paper's size
    proportional: dict[str, str] = field(default_factory=dict)  # these axes keep their ratio to that size at any scale
    seeds: list[int] = field(default_factory=lambda: [0])  # every cell is run with each
    jobs: int | None = None  # runs at a time; null: one per core
    downstream: list[str] = field(default_factory=list)  # tasks that every finished cell is fine-tuned on
    downstream_with_data: list[str] = field(default_factory=list)  # further ones, where data_root is given
    downstream_overrides: list[str] = field(default_factory=list)  # of each, as in experiment=probe
    measures: list[str] | None = None  # figures that a sweeper optimizes; null: the metric that judges the task


@dataclass
class SuiteConfig:
    """Several tasks that a checkpoint is judged by together. A group of YAMLs in `conf/suite/`."""

    name: str | None = None  # null: no suite, a single task
    title: str = ""  # heading of its report
    tasks: list[str] = field(default_factory=list)  # choices of the group `task`
    warm_start_task: str | None = None  # the task whose model, of the same seed, some others start from
    warm_started: list[str] = field(default_factory=list)  # those others


@dataclass
class RepeatConfig:
    """How often a task or a suite is run, and what is made of it."""

    seeds: int = 1  # runs of each task, with train.seed and the numbers that follow it
    jobs: int | None = None  # runs at a time; null: one per core
    against: str | None = None  # another checkpoint: it is fine-tuned too, and the two are compared task by task
    submission: bool = False  # answer the test sets too, and pack the answers for the GLUE leaderboard


@dataclass
class HardwareConfig:
    """One device, and what joins several; null is unknown, and what would follow from it stays blank."""

    name: str | None = None  # null: this machine, as far as it can be known
    kind: DeviceKind = DeviceKind.gpu  # whether processes share the device
    matches: str | None = None  # regular expression over what a machine calls the device
    fp32_flops_per_second: float | None = None  # peak of dense products, a multiply-add counted as two
    bf16_flops_per_second: float | None = None  # the same in bfloat16
    memory_bytes: float | None = None  # of one device
    memory_bytes_per_second: float | None = None  # between the device and its memory
    link_bytes_per_second: float | None = None  # between devices of a machine, one direction
    floor_bytes: float | None = None  # what a process holds before there is a model: context, libraries
    watts: float | None = None  # at full load
    price_per_hour: float | None = None  # of one device, US dollars


@dataclass
class CostConfig:
    """What `albert-lab cost` has to assume, and how it answers."""

    mfu: float | None = None  # share of the peak that training reaches; null: from past runs here, else 0.4
    real_tokens: float | None = None  # share of positions that hold a token; null: from past runs, else 1
    json: bool = False  # print one JSON object in place of tables


@dataclass
class PathsConfig:
    """Where results and prepared data are kept."""

    runs: str = "runs"  # runs, studies and the MLflow store
    cache: str = "${oc.env:ALBERT_LAB_CACHE,${albert_lab.user_cache:}}"  # corpora, vocabularies, token stores


@dataclass
class RunConfig:
    """What every run needs, whatever its task: the engine, launching and tracking read these groups alone."""

    verb: ClassVar[str]  # the command that makes such a run, and the folder under `paths.runs` where it lies
    result_groups: ClassVar[tuple[str, ...]]  # the groups that can change its result: they make up its fingerprint
    trained_by: ClassVar[str]  # the file of `train/tasks/` that says what such a run trains

    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    study: StudyConfig = field(default_factory=StudyConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)

    @property
    def task_name(self) -> str:
        """The task that the record names."""
        raise NotImplementedError


@dataclass
class PretrainConfig(RunConfig):
    """`albert-lab pretrain`: a variant, what it reads and what it learns."""

    verb = "pretrain"
    result_groups = ("model", "sharing", "warm_start", "objective", "data", "tokenizer", "optimizer", "train")
    trained_by = "pretraining"

    model: ModelConfig = field(default_factory=ModelConfig)
    sharing: SharingConfig = field(default_factory=SharingConfig)
    warm_start: WarmStartConfig = field(default_factory=WarmStartConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    data: DataConfig = field(default_factory=DataConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)

    @property
    def task_name(self) -> str:
        return "pretraining"


@dataclass
class FinetuneConfig(RunConfig):
    """`albert-lab finetune`: a trained model and the task that it learns; size and vocabulary are the model's own."""

    verb = "finetune"
    result_groups = ("task", "optimizer", "train")
    trained_by = "finetuning"

    checkpoint: str | None = None  # a run's folder, or any folder or hub name of a checkpoint; must be set
    data_root: str | None = "${oc.env:ALBERT_LAB_DATA,null}"  # where benchmarks' files are; hub: download them
    task: TaskConfig = field(default_factory=TaskConfig)
    suite: SuiteConfig = field(default_factory=SuiteConfig)
    finetune: RepeatConfig = field(default_factory=RepeatConfig)

    @property
    def task_name(self) -> str:
        return self.task.name


@dataclass
class EstimateConfig(PretrainConfig):
    """`albert-lab cost`, and the studies of `reproduce` and `report`: a pre-training run and the hardware for it."""

    hardware: HardwareConfig = field(default_factory=HardwareConfig)
    cost: CostConfig = field(default_factory=CostConfig)

    @property
    def task_name(self) -> str:
        return "pretraining"


@dataclass
class TaskEstimateConfig(FinetuneConfig):
    """`albert-lab cost task=TASK|suite=SUITE`: what fine-tuning takes, of a checkpoint or of a model that isn't there.

    Without a `checkpoint`, `model` and `sharing` say how large the model is.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    sharing: SharingConfig = field(default_factory=SharingConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    hardware: HardwareConfig = field(default_factory=HardwareConfig)
    cost: CostConfig = field(default_factory=CostConfig)


@dataclass
class StudyVerbConfig(EstimateConfig):
    """`albert-lab reproduce`, and the studies of `report` and `status`: a study's runs, and what else it reads."""

    data_root: str | None = "${oc.env:ALBERT_LAB_DATA,null}"  # where benchmarks' files are; hub: download them


@dataclass
class VocabularyConfig:
    """`albert-lab vocabulary`: the corpus and the vocabulary to train on it."""

    data: DataConfig = field(default_factory=DataConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)


@dataclass
class PredictTaskConfig:
    """Whose examples are answered."""

    name: str | None = None  # a task with the same labels, as ax for a run of mnli; null: the run's own
    bad_rows: BadRows | None = None  # what becomes of a malformed row; null: as when the run was trained


@dataclass
class PredictTrainerConfig:
    """Where and how fast it runs; null: as the run was trained."""

    accelerator: str | None = None  # cpu | gpu | auto
    micro_batch_size: int | None = None  # examples in one pass; null: as many as train.batch_size of the run
    threads: int | None = None  # CPU threads
    gemm: Gemm | None = None  # float32 matrix products on a CPU


@dataclass
class PredictConfig:
    """`albert-lab predict`: a fine-tuned run and the examples that it answers."""

    checkpoint: str | None = None  # a finished run of finetune: its folder, its name or the beginning; must be set
    input: str | None = None  # a file in the format of the task's own, labelled or not; -: standard input
    split: str | None = None  # in place of input, a split of the benchmark's own files: test, dev
    output: str | None = None  # where the answers go, a JSON line each; null: to standard output
    data_root: str | None = "${oc.env:ALBERT_LAB_DATA,null}"  # where benchmarks' files are; null: where they were
    task: PredictTaskConfig = field(default_factory=PredictTaskConfig)
    trainer: PredictTrainerConfig = field(default_factory=PredictTrainerConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)


@dataclass
class DashboardConfig:
    """`albert-lab dashboard`: where the runs are."""

    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)


VERBS = {  # a verb that takes overrides -> its configuration; `conf/VERB.yaml` has its defaults
    "pretrain": PretrainConfig,
    "finetune": FinetuneConfig,
    "cost": EstimateConfig,
    "cost_of_tasks": TaskEstimateConfig,
    "reproduce": StudyVerbConfig,
    "report": StudyVerbConfig,
    "status": StudyVerbConfig,
    "vocabulary": VocabularyConfig,
    "predict": PredictConfig,
    "dashboard": DashboardConfig,
}
WRITTEN = {"cost_of_tasks": "cost task=TASK"}  # a verb that a user writes as another with further words
RESULT_GROUPS = frozenset(group for kind in (PretrainConfig, FinetuneConfig) for group in kind.result_groups)
RUN_CONFIGS: dict[str, type[RunConfig]] = {kind.verb: kind for kind in (PretrainConfig, FinetuneConfig)}
SPEED_SETTINGS = tuple(
    f"trainer.{key}"
    for key in (
        "accelerator",
        "devices",
        "strategy",
        "gradient_checkpointing",
        "compile",
        "micro_batch_size",
        "threads",
        "workers",
    )
)  # can't change what a run learns, but its speed and memory; other settings of these groups change no figure
