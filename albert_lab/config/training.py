"""What a model is trained on and how: `objective`, `task`, `data`, `tokenizer`, `optimizer`, `train` of the schema."""

from dataclasses import dataclass, field
from enum import Enum

from albert_lab.config.variant import Pooling


class SentenceObjective(Enum):
    sop = "sop"  # sentence-order prediction, ALBERT (paper section 3.1)
    nsp = "nsp"  # next-sentence prediction, BERT
    none = "none"  # masked language modelling alone


class SingleSentence(Enum):
    drop = "drop"  # a chunk of one sentence has no order: leave it out
    random_b = "random_b"  # Google's quirk: pair it with a random B, label 1, even under sentence order


class TextFormat(Enum):
    sentences = "sentences"  # a sentence per line, a blank line between documents (Google's input)
    paragraphs = "paragraphs"  # a paragraph per line, split into sentences; a document per file or record


class OptimizerName(Enum):
    adamw = "adamw"  # Adam with decoupled weight decay
    lamb = "lamb"  # the same with a trust ratio per tensor, for large batches


class WarmupRule(Enum):
    google = "google"  # decay counts from step 0, so the rate drops a little where warm-up ends
    continuous = "continuous"  # decay starts from the peak where warm-up ends (Hugging Face)


class Precision(Enum):
    fp32 = "fp32"  # float32 throughout
    bf16 = "bf16"  # autocast: bfloat16 products, float32 weights


class TaskKind(Enum):
    single_label = "single_label"  # a text or a pair is of one class
    multi_label = "multi_label"  # of any number of classes
    regression = "regression"  # has a score
    tokens = "tokens"  # every word is of a class
    choice = "choice"  # one of several ways to go on is right


class BadRows(Enum):
    refuse = "refuse"  # the run doesn't start; the message names file and line
    leave_out = "leave_out"  # they are counted, and listed in the run's left_out.jsonl


class Keep(Enum):
    last = "last"  # of the last step
    best = "best"  # of the validation with the best value of the task's first metric


@dataclass
class ObjectiveConfig:
    """What the model is trained to predict, and how a sample is cut and masked."""

    sentence: SentenceObjective = SentenceObjective.sop  # what is asked of a pair of segments
    max_seq_length: int = 512  # tokens, with [CLS] and two [SEP]
    short_seq_prob: float = 0.1  # share of samples cut to a random shorter length
    single_sentence: SingleSentence = SingleSentence.drop  # what becomes of a chunk of one sentence
    masked_lm_prob: float = 0.15  # share of a sample's tokens to predict
    max_predictions_per_seq: int | None = None  # cap on them; null: none (Google's code: 20, also at 512)
    ngram: int = 3  # longest masked n-gram, whole words; length n has probability proportional to 1/n
    mask_token_prob: float = 0.8  # of the predicted tokens: share shown as [MASK]
    random_token_prob: float = 0.1  # share shown as a random piece; the rest stay as they are

    @property
    def has_sentence_task(self) -> bool:
        """Whether the model has a sentence head, and the pooler under it."""
        return self.sentence is not SentenceObjective.none


@dataclass
class TaskFiles:
    """Files in place of those that a benchmark finds in `data_root`; null: those."""

    train: str | None = None  # the examples to train on
    dev: str | None = None  # those that a run is judged by
    test: str | None = None  # those that are answered for a leaderboard


@dataclass
class TaskConfig:
    """What a trained model is fine-tuned for."""

    name: str = "docstring_packages"  # what the run is called after
    data: str | None = None  # a file of data/tasks/; null: the one called as the task
    files: TaskFiles = field(default_factory=TaskFiles)
    kind: TaskKind = TaskKind.single_label  # task.data=table: what the rows are
    text: str = "text"  # task.data=table: the column with the text, its words, or what the choices go on from
    pair: str | None = None  # task.data=table: the column with the second text of a pair
    label: str = "label"  # task.data=table: the column with the label, or the labels
    id: str | None = None  # task.data=table: the column that names a row; null: its number
    choices: list[str] = field(default_factory=list)  # task.data=table task.kind=choice: a column each, or one of lists
    bad_rows: BadRows = BadRows.refuse  # what becomes of a malformed row
    pooling: Pooling = Pooling.cls  # what a text's classifier reads
    max_seq_length: int | None = None  # tokens; null: as many as the model has positions
    max_query_length: int = 64  # spans: tokens of a question; choice: of question and answer together, from the end
    doc_stride: int = 128  # spans: tokens from one window of a long context to the next
    no_answer: bool = False  # spans: the context may not hold the answer (SQuAD 2.0), and Google's head that says so
    n_best: int = 20  # spans: answers of a question that are kept
    max_answer_length: int = 30  # spans: tokens
    dropout: float | None = None  # of the encoder: hidden states and attention; null: the checkpoint's own
    classifier_dropout: float | None = None  # of the head; null: the checkpoint's own
    group_by_length: bool = False  # make batches of texts of similar length
    freeze_encoder: bool = False  # train the classifier alone: a probe of what the encoder knows


@dataclass
class DataConfig:
    """Where the text comes from and which documents are held out."""

    corpus: str = "docstrings"  # docstrings | text | hub: a file of `albert_lab/data/corpora`
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
    do_lower_case: bool = True  # lower-case the text
    keep_accents: bool = False  # keep accents of letters
    character_coverage: float = 0.99995  # share of characters that must have a piece (Google's value)
    training_sentences: int = 1_000_000  # sentences the vocabulary is trained on, at most


@dataclass
class OptimizerConfig:
    """The update and its learning rate over time (Google's optimization.py and lamb_optimizer.py by default)."""

    name: OptimizerName = OptimizerName.adamw  # the update rule
    learning_rate: float = 1e-3  # peak
    weight_decay: float = 0.01  # not on biases and LayerNorms
    beta1: float = 0.9  # decay of the mean of gradients
    beta2: float = 0.999  # decay of the mean of their squares
    eps: float = 1e-6  # added to the root of that mean
    bias_correction: bool = False  # Google's code has none; true: the standard form
    gradient_clip_norm: float = 1.0  # global norm
    warmup_steps: int = 0  # steps of linear warm-up
    warmup_share: float | None = None  # in place of them, a share of all steps; null: warmup_steps
    warmup_rule: WarmupRule = WarmupRule.google  # where the decay counts from
    decay_power: float = 1.0  # polynomial decay to 0


@dataclass
class BudgetConfig:
    """How long to train; exactly one of steps, epochs, tokens, seconds."""

    steps: int | None = None  # optimizer steps
    epochs: float | None = None  # passes over the training samples, the last step's batch filled up
    tokens: int | None = None  # positions fed: steps = tokens / (batch_size * max_seq_length)
    seconds: float | None = None  # wall-clock of training; such a run can't give the same bits twice


@dataclass
class TrainConfig:
    """How the variant is trained and judged."""

    seed: int = 0  # initial weights, order of samples, masks and dropout
    batch_size: int = 32  # sequences in an optimizer step, over all processes
    precision: Precision = Precision.fp32  # of the layers' products
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    validate_every_steps: int = 200  # steps from one validation to the next
    validation_samples: int | None = 512  # held-out samples, the same ones for every seed; null: all
    keep: Keep = Keep.last  # which weights the run ends with
    patience: int | None = None  # stop after this many validations without a better value; null: never
