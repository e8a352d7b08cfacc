"""What a variant is and which weights it starts from: `model`, `sharing` and `warm_start` of the schema."""

from dataclasses import dataclass
from enum import StrEnum


class NormSharing(StrEnum):
    with_block = "with_block"  # a LayerNorm goes with its block (Google's code, the paper's parameter counts)
    per_layer = "per_layer"  # every logical layer has its own two, whatever its blocks


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


class Pooling(StrEnum):
    cls = "cls"  # the pooler's output at [CLS]
    mean = "mean"  # the mean of the encoder's output over the tokens


class BlockStart(StrEnum):
    first = "first"  # the first layer that uses the block (the other direction is Google's init_from_group0)
    average = "average"  # the mean of all that use it
    stepwise = "stepwise"  # layers at even steps from the first to the last


class LoraStart(StrEnum):
    zero = "zero"  # nothing: layers start as they are shared
    svd = "svd"  # what the source's layer has beyond the block, as well as its rank allows


@dataclass(kw_only=True)
class ModelConfig:
    """A variant's shape; Hugging Face's ALBERT names, the paper's letters in the comments."""

    vocab_size: int = 30000  # V, pieces
    embedding_size: int = 128  # E
    hidden_size: int = 768  # H
    num_hidden_layers: int = 12  # L, applications of a block
    num_attention_heads: int = 12  # A
    intermediate_size: int = 3072  # width of the feed-forward block, 4H in the paper
    hidden_act: Activation = Activation.gelu_new  # activation of the feed-forward block
    hidden_dropout_prob: float = 0.0  # 0 as in the released v2 models
    attention_probs_dropout_prob: float = 0.0  # on the attention weights
    ffn_dropout: bool = True  # dropout after the feed-forward output (Google has it, Hugging Face leaves it out)
    classifier_dropout_prob: float = 0.1  # before the classifier of a task
    sop_dropout: bool = False  # the same before the sentence classifier (Hugging Face has it, Google none)
    max_position_embeddings: int = 512  # tokens
    type_vocab_size: int = 2  # segments
    position_embedding_type: PositionEmbedding = PositionEmbedding.absolute  # how a layer knows positions
    embedding_projection: ProjectionRule = ProjectionRule.if_needed  # when there is a map from E to H
    output_embedding_size: int | None = None  # width of an own table for the logits; null: the word embeddings, tied
    norm_placement: NormPlacement = NormPlacement.post  # where a block's LayerNorm is
    depth_signal: DepthSignal = DepthSignal.none  # what tells a shared block its depth
    lora_rank: int = 0  # of a low-rank addition to every linear map of a block, one per layer; 0: none
    lora_bias: bool = False  # with a bias of each layer's own (2410.20672 has none, nor have its models)
    adapter_size: int = 0  # inner width of a bottleneck adapter before every block, one per layer; 0: none
    initializer: Initializer = Initializer.truncated_normal  # distribution of initial weights
    initializer_range: float = 0.02  # standard deviation before truncation
    freeze_pad_embedding: bool = False  # the padding row stays 0 (Hugging Face); else it is drawn and trained (Google)
    layer_norm_eps: float = 1e-12  # added to the variance


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
    """Another model's weights to start from, instead of random ones (`model/torch/warm_start.py`)."""

    checkpoint: str | None = None  # a run's folder, or any folder or hub name of a checkpoint; null: random weights
    blocks: BlockStart | None = None  # which of the source's layers a block starts from; must be set with checkpoint
    lora: LoraStart = LoraStart.zero  # what per-depth LoRA starts from
