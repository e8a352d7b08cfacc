"""The typed schema of a run: every setting, its unit and one line of meaning.

Groups in `RESULT_GROUPS` can change a result and make up a run's fingerprint; the others (`trainer`, `tracking`,
`study`, `hardware`, `cost`, `paths`) change only where, how fast and how visibly it runs.
"""

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any


class NormSharing(StrEnum):
    with_block = "with_block"  # a LayerNorm goes with its block (Google's code, the paper's parameter counts)
    per_layer = "per_layer"  # every logical layer has its own two, whatever its blocks


class SentenceObjective(Enum):
    sop = "sop"  # sentence-order prediction, ALBERT (paper section 3.1)
    nsp = "nsp"  # next-sentence prediction, BERT
    none = "none"  # masked language modelling alone


class ProjectionRule(StrEnum):
    if_needed = "if_needed"  # E -> H projection only where E != H (Google's code)
    always = "always"  # also where E == H (Hugging Face)


class NormPlacement(StrEnum):
    post = "post"  # after the sum: LN(x + f(x)) (ALBERT)
    pre = "pre"  # before the block: x + f(LN(x)), and one LayerNorm after the last layer (arXiv 2002.04745)
    deepnorm = "deepnorm"  # LN(alpha x + f(x)) and smaller initial weights (arXiv 2203.00555)


class DepthSignal(StrEnum):
    none = "none"
    universal = "universal"  # sinusoids of position and depth, before every layer (arXiv 1807.03819)


class PositionEmbedding(StrEnum):
    absolute = "absolute"  # a table of E per position, added to the words
    relative_key = "relative_key"  # query times a vector per distance, added to the scores (Shaw et al., 1803.02155)
    relative_key_query = "relative_key_query"  # key times it too (Huang et al., 2009.13658, method 4)
    none = "none"  # no weights for positions: for depth_signal=universal


class Initializer(StrEnum):
    truncated_normal = "truncated_normal"  # redrawn beyond two standard deviations (Google's code)
    normal = "normal"  # Hugging Face


class Activation(StrEnum):
    gelu_new = "gelu_new"  # tanh approximation: Google's "gelu", Hugging Face's "gelu_new"
    gelu_pytorch_tanh = "gelu_pytorch_tanh"  # the same
    gelu = "gelu"  # exact, erf
    relu = "relu"
    silu = "silu"
    tanh = "tanh"


class SingleSentence(Enum):
    drop = "drop"  # a chunk of one sentence has no order: leave it out
    random_b = "random_b"  # Google's quirk: pair it with a random B, label 1, even under sentence order


class BlockStart(StrEnum):
    first = "first"  # the first layer that uses the block (the way back is Google's init_from_group0)
    average = "average"  # the mean of all that use it
    stepwise = "stepwise"  # layers at even steps from the first to the last


class LoraStart(StrEnum):
    zero = "zero"  # nothing: layers start as they are shared
    svd = "svd"  # what the source's layer has beyond the block, as well as the rank can say it


class CorpusKind(Enum):
    docstrings = "docstrings"  # prose of the docstrings of the installed scientific Python stack
    text = "text"  # local files
    hub = "hub"  # a dataset of the Hugging Face hub


class TextFormat(Enum):
    sentences = "sentences"  # a sentence per line, a blank line between documents (Google's input)
    paragraphs = "paragraphs"  # a paragraph per line, split into sentences; a document per file or record


class OptimizerName(Enum):
    adamw = "adamw"
    lamb = "lamb"


class WarmupRule(Enum):
    google = "google"  # decay counts from step 0, so the rate drops a little where warm-up ends
    continuous = "continuous"  # decay starts from the peak where warm-up ends (Hugging Face)


class Precision(Enum):
    fp32 = "fp32"
    bf16 = "bf16"  # autocast: bfloat16 products, float32 weights


class DeviceKind(Enum):
    gpu = "gpu"  # a process has a device of its own
    cpu = "cpu"  # processes share the cores and memory of the machine


class Gemm(Enum):
    auto = "auto"  # the faster of the two, measured once per machine
    mkl = "mkl"  # PyTorch's own choice
    onednn = "onednn"  # much faster on AMD processors


class Strategy(Enum):
    auto = "auto"  # one process
    ddp = "ddp"  # data parallel, all state replicated
    zero2 = "zero2"  # DeepSpeed ZeRO stage 2: optimizer state and gradients sharded


@dataclass(kw_only=True)
class ModelConfig:
    """A variant's shape; Hugging Face's ALBERT names, the paper's letters in the comments."""

    vocab_size: int = 30000  # V, pieces
    embedding_size: int = 128  # E
    hidden_size: int = 768  # H
    num_hidden_layers: int = 12  # L, applications of a block
    num_attention_heads: int = 12  # A
    intermediate_size: int = 3072  # width of the feed-forward block, 4H in the paper
    hidden_act: Activation = Activation.gelu_new
    hidden_dropout_prob: float = 0.0  # 0 as in the released v2 models
    attention_probs_dropout_prob: float = 0.0
    ffn_dropout: bool = True  # dropout after the feed-forward output (Google has it, Hugging Face leaves it out)
    classifier_dropout_prob: float = 0.1  # before the classifier of a task
    sop_dropout: bool = False  # the same before the sentence classifier (Hugging Face has it, Google none)
    max_position_embeddings: int = 512  # tokens
    type_vocab_size: int = 2  # segments
    position_embedding_type: PositionEmbedding = PositionEmbedding.absolute
    embedding_projection: ProjectionRule = ProjectionRule.if_needed
    output_embedding_size: int | None = None  # width of an own table for the logits; null: the word embeddings, tied
    norm_placement: NormPlacement = NormPlacement.post
    depth_signal: DepthSignal = DepthSignal.none
    lora_rank: int = 0  # of a low-rank addition to every linear map of a block, one per layer; 0: none
    lora_bias: bool = False  # with a bias of each layer's own (2410.20672 has none, nor have its models)
    adapter_size: int = 0  # inner width of a bottleneck adapter before every block, one per layer; 0: none
    initializer: Initializer = Initializer.truncated_normal
    initializer_range: float = 0.02  # standard deviation before truncation
    freeze_pad_embedding: bool = False  # the padding row stays 0 (Hugging Face); else it is drawn and trained (Google)
    layer_norm_eps: float = 1e-12


@dataclass
class SharingConfig:
    """Which logical layers use which block: a scheme by name, or the integers themselves."""

    scheme: str = "all"  # a name in model/schemes.py: all | none | attention | ffn | groups | cycle | ... | custom
    num_hidden_groups: int = 1  # G, for scheme=groups
    inner_group_num: int = 1  # K, for scheme=groups: blocks run in sequence in each of the L layers, L*K in all
    num_blocks: int | None = None  # U, unique blocks; for sequence, cycle, cycle_reversed and middle_*
    repeats: int = 2  # scheme=immediate: how often a block runs in a row
    norms: NormSharing | None = None  # null: the scheme's own, with_block but for sandwich
    attention: list[int] | None = None  # scheme=custom: attention block of every layer
    ffn: list[int] | None = None  # scheme=custom: feed-forward block of every layer
    attention_norm: list[int] | None = None  # LayerNorm after attention, per layer; null: as `norms` says
    ffn_norm: list[int] | None = None  # LayerNorm after the feed-forward block; null: as `norms` says


@dataclass
class WarmStartConfig:
    """Another model's weights to start from, in place of drawn ones (`model/warm_start.py`)."""

    checkpoint: str | None = None  # a run's folder, or any folder or hub name of a checkpoint; null: drawn weights
    blocks: BlockStart | None = None  # which of the source's layers a block starts from; to be set with checkpoint
    lora: LoraStart = LoraStart.zero  # what per-depth LoRA starts from


@dataclass
class ObjectiveConfig:
    """What the model is trained to predict, and how a sample is cut and masked."""

    sentence: SentenceObjective = SentenceObjective.sop
    max_seq_length: int = 512  # tokens, with [CLS] and two [SEP]
    short_seq_prob: float = 0.1  # share of samples cut to a random shorter length
    single_sentence: SingleSentence = SingleSentence.drop
    masked_lm_prob: float = 0.15  # share of a sample's tokens to predict
    max_predictions_per_seq: int | None = None  # cap on them; null: none (Google's code: 20, also at 512)
    ngram: int = 3  # longest masked n-gram, whole words; length n has probability proportional to 1/n
    mask_token_prob: float = 0.8  # of the predicted tokens: share shown as [MASK]
    random_token_prob: float = 0.1  # share shown as a random piece; the rest stay as they are


@dataclass
class DataConfig:
    """Where the text comes from and which documents are held out."""

    corpus: CorpusKind = CorpusKind.docstrings
    files: list[str] = field(default_factory=list)  # text: paths or globs; .txt .jsonl .parquet, also .gz .xz .zst
    format: TextFormat = TextFormat.sentences  # text and hub: how lines make sentences and documents
    text_key: str = "text"  # the field that holds the text in .jsonl, .parquet and hub records
    document_pattern: str | None = None  # paragraphs: a line matching this regular expression starts a document
    dataset: str | None = None  # hub: a name on the Hugging Face hub
    dataset_config: str | None = None  # hub: its configuration
    split: str = "train"  # hub
    revision: str | None = None  # hub: a commit, so that the run can be repeated
    streaming: bool = True  # hub: read without storing the whole set first
    max_documents: int | None = None  # stop after this many; null: all
    held_out: float = 0.02  # share of documents never trained on


@dataclass
class TokenizerConfig:
    """A SentencePiece unigram vocabulary, trained on the corpus or given."""

    model_file: str | None = None  # a trained .model; null: train one on the corpus
    vocab_size: int = 30000  # pieces, special ones included
    do_lower_case: bool = True
    keep_accents: bool = False
    character_coverage: float = 0.99995  # share of characters that must have a piece (Google's value)
    training_sentences: int = 1_000_000  # sentences the vocabulary is trained on, at most


@dataclass
class OptimizerConfig:
    """The update and its learning rate over time (Google's optimization.py and lamb_optimizer.py by default)."""

    name: OptimizerName = OptimizerName.adamw
    learning_rate: float = 1e-3  # peak
    weight_decay: float = 0.01  # not on biases and LayerNorms
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-6
    bias_correction: bool = False  # Google's code has none; true: the standard form
    gradient_clip_norm: float = 1.0  # global norm
    warmup_steps: int = 0
    warmup_rule: WarmupRule = WarmupRule.google
    decay_power: float = 1.0  # polynomial decay to 0


@dataclass
class BudgetConfig:
    """How long to train; exactly one of steps, tokens, seconds."""

    steps: int | None = None  # optimizer steps
    tokens: int | None = None  # positions fed: steps = tokens / (batch_size * max_seq_length)
    seconds: float | None = None  # wall-clock of training; such a run can't give the same bits twice


@dataclass
class TrainConfig:
    """How the variant is trained and judged."""

    seed: int = 0  # initial weights, order of samples, masks and dropout
    batch_size: int = 32  # sequences in an optimizer step, over all processes
    precision: Precision = Precision.fp32
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    validate_every_steps: int = 200
    validation_samples: int = 512  # held-out samples, the same ones for every seed


@dataclass
class TrainerConfig:
    """Where and how fast it runs; nothing here changes a result beyond rounding."""

    accelerator: str = "auto"  # cpu | gpu | auto
    devices: int = 1  # processes on this machine
    strategy: Strategy = Strategy.auto
    gradient_checkpointing: bool = False  # keep only a layer's input and run it again in the backward pass; same bits
    micro_batch_size: int | None = None  # sequences in one pass of one process; null: all of its share
    gemm: Gemm = Gemm.auto  # float32 matrix products on a CPU
    threads: int | None = None  # CPU threads a process; null: the cores divided among the processes
    workers: int = 0  # processes that make batches
    checkpoint_every_seconds: float | None = 60.0
    checkpoint_every_steps: int | None = None
    log_every_steps: int = 10
    progress_bar: bool = True
    health_check_step: int = 200  # when to judge the loss against the unigram entropy; 0: never


@dataclass
class TrackingConfig:
    """Where metrics go besides the run's folder."""

    mlflow: bool = True
    uri: str | None = None  # an MLflow server or database; null: sqlite:///<paths.runs>/mlflow.db
    experiment: str = "albert_lab"
    run_name: str | None = None  # null: made from the variant
    port: int = 5000  # of the dashboard


@dataclass
class StudyConfig:
    """One question: the cells that answer it and how a reader should take them. A group of YAMLs in `sweeps/study/`."""

    name: str | None = None  # null: no study, a single run
    title: str = ""
    question: str = ""
    caption: str = ""  # what its table can and can't tell
    axes: dict[str, list[Any]] = field(default_factory=dict)  # override -> values, at the paper's size
    proportional: dict[str, str] = field(default_factory=dict)  # these axes keep their ratio to that size at any scale
    seeds: list[int] = field(default_factory=lambda: [0])  # every cell is run with each
    jobs: int | None = None  # runs at a time; null: one per core
    measures: list[str] = field(default_factory=lambda: ["validation/mlm_loss"])  # what a sweeper is told of a run


@dataclass
class HardwareConfig:
    """One device, and what joins several; null is unknown, and what would follow from it stays blank."""

    name: str | None = None  # null: this machine, as far as it can be known
    kind: DeviceKind = DeviceKind.gpu
    matches: str | None = None  # regular expression over what a machine calls the device
    fp32_flops_per_second: float | None = None  # peak of dense products, a multiply-add counted as two
    bf16_flops_per_second: float | None = None
    memory_bytes: float | None = None
    memory_bytes_per_second: float | None = None
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
    runs: str = "runs"  # runs, studies and the MLflow store
    cache: str = "${oc.env:ALBERT_LAB_CACHE,${albert_lab.user_cache:}}"  # corpora, vocabularies, token stores


@dataclass
class Config:
    """Everything a pre-training run needs to know."""

    model: ModelConfig = field(default_factory=ModelConfig)
    sharing: SharingConfig = field(default_factory=SharingConfig)
    warm_start: WarmStartConfig = field(default_factory=WarmStartConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    data: DataConfig = field(default_factory=DataConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    study: StudyConfig = field(default_factory=StudyConfig)
    hardware: HardwareConfig = field(default_factory=HardwareConfig)
    cost: CostConfig = field(default_factory=CostConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)


RESULT_GROUPS = ("model", "sharing", "warm_start", "objective", "data", "tokenizer", "optimizer", "train")
