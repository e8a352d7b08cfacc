"""Models, made-up batches and the training step that the cases of the GPU benchmark share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from albert_lab.config.training import OptimizerConfig
from albert_lab.config.variant import SharingConfig
from albert_lab.cost.counts.flops import count_flops
from albert_lab.cost.memory.step import Pass, StepMemory, predict_step_memory
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import make_layer_map
from albert_lab.model.torch.albert import AlbertForPreTraining
from albert_lab.train.optim.optimizers import make_optimizer
from albert_lab.train.tasks.scores import score
from benchmarks.gpu.machine import Machine, Step

SIZES: dict[str, dict[str, Any]] = {  # ALBERT's paper, table 1; BERT-large has no factorized embedding
    "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
    "xlarge": {"hidden_size": 2048, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 8192},
    "xxlarge": {"hidden_size": 4096, "num_hidden_layers": 12, "num_attention_heads": 64, "intermediate_size": 16384},
}
SIZES["bert_large"] = SIZES["large"] | {"embedding_size": 1024, "embedding_projection": "if_needed"}
TINY = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "embedding_size": 16,
    "vocab_size": 200, "max_position_embeddings": 64,
}  # fmt: skip
MASKED = 0.15
OPTIMIZER = OptimizerConfig(learning_rate=1e-5)
Batch = dict[str, Tensor]


def config_of(machine: Machine, size: str, scheme: str = "all", **changes: Any) -> AlbertConfig:
    """A variant without dropout, which leaves padding out as the lab's runs do."""
    sizes = SIZES[size] if machine.full else SIZES[size] | TINY
    if not machine.full and size == "bert_large":
        sizes = sizes | {"embedding_size": TINY["hidden_size"]}
    layer_map = make_layer_map(SharingConfig(scheme), sizes["num_hidden_layers"])
    fixed = {"remove_padding": True, "classifier_dropout_prob": 0.0, "layer_map": layer_map}
    return AlbertConfig(**(sizes | fixed | changes))


def length_of(machine: Machine) -> int:
    return 512 if machine.full else 64


def made_up_batch(machine: Machine, config: AlbertConfig, size: int, ragged: bool = False) -> Batch:
    """Random tokens, 15 % of them to predict; `ragged`: lengths as pairs of real text have them, about 0.65 of full."""
    draw, length = np.random.default_rng(0), length_of(machine)
    lengths = np.clip(draw.normal(0.65, 0.3, size) * length, 8, length).astype(int) if ragged else [length] * size
    mask = np.arange(length) < np.asarray(lengths)[:, None]
    real = np.flatnonzero(mask)
    places = np.sort(draw.choice(real, round(MASKED * len(real)), replace=False))
    arrays = {
        "input_ids": draw.integers(5, config.vocab_size, mask.shape) * mask,
        "attention_mask": mask,
        "token_type_ids": ((np.arange(length) >= length // 2) & mask).astype(np.int64),
        "masked_positions": places,
        "masked_labels": draw.integers(5, config.vocab_size, len(places)),
        "sentence_labels": draw.integers(0, 2, size),
    }
    return {name: torch.from_numpy(array).to(machine.device) for name, array in arrays.items()}


def flops_of(config: AlbertConfig, batch: Batch) -> float:
    """What the real tokens of a batch need in training; padding, which some compute, doesn't count."""
    lengths, layer_map, masked = batch["attention_mask"].sum(1).tolist(), config.layer_map, len(batch["masked_labels"])
    body = sum(count_flops(config, layer_map, 1, length, 0, True).training for length in lengths)
    head = count_flops(config, layer_map, 1, 1, masked, True).training
    return body + head - count_flops(config, layer_map, 1, 1, 0, True).training


def predicted_memory(machine: Machine, config: AlbertConfig, size: int, recompute: bool = False) -> StepMemory:
    """What `albert-lab cost` says of a step of full sequences in bf16."""
    length = length_of(machine)
    work = Pass(size, length, round(MASKED * size * length), low=True, on_gpu=True, recompute=recompute)
    return predict_step_memory(config, config.layer_map, work, OPTIMIZER)


def first_micro_batch(machine: Machine, config: AlbertConfig, most: int = 64, models: int = 1) -> int:
    """The largest power of two of sequences that should fit, with a fifth of the memory to spare."""
    if not machine.full:
        return 2
    memory, size = machine.memory_bytes() or 0, most
    while size > 1 and models * predicted_memory(machine, config, size).peak > 0.8 * memory:
        size //= 2
    return size


def model_of(machine: Machine, config: AlbertConfig) -> AlbertForPreTraining:
    torch.manual_seed(0)
    with torch.device(machine.device):
        return AlbertForPreTraining(config).train()


def loss_of(model: AlbertForPreTraining, batch: Batch) -> Tensor:
    """The lab's loss: of the words plus of the sentences, as means."""
    scores = score(model, batch)
    return scores.mlm_loss / len(batch["masked_labels"]) + scores.sentence_loss / len(batch["input_ids"])


def training(machine: Machine, model: Any, loss: Callable[[], Tensor]) -> Step:
    """A run's step in bf16: the gradients of the last one live until its backward pass, as with Lightning."""
    optimizer = make_optimizer(model, OPTIMIZER, partitioned=False)

    def step() -> Tensor:
        with torch.autocast(machine.device.type, torch.bfloat16):
            value = loss()
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), OPTIMIZER.gradient_clip_norm)
        optimizer.step()
        return value.detach()

    return step


def ours(machine: Machine, config: AlbertConfig, batch: Batch, recompute: bool = False) -> Step:
    model = model_of(machine, config)
    if recompute:
        model.gradient_checkpointing_enable()
    return training(machine, model, lambda: loss_of(model, batch))


def compiled(machine: Machine, config: AlbertConfig, batch: Batch, cuda_graphs: bool) -> Step:
    """Ours, with `torch.compile`'s kernels in the layers."""
    model = model_of(machine, config)
    model.albert.encoder.compile_layers(cuda_graphs)
    step = training(machine, model, lambda: loss_of(model, batch))

    def marked() -> Tensor:
        torch.compiler.cudagraph_mark_step_begin()
        return step()

    return marked if cuda_graphs else step


def theirs(machine: Machine, config: AlbertConfig, batch: Batch) -> Step:
    """transformers' model of the same weights, on the same batch, by the same optimizer."""
    import transformers

    from albert_lab.model.formats.hf_format import hf_names

    transformers.logging.set_verbosity_error()
    own = model_of(machine, config).state_dict()
    kept = ("vocab_size", "embedding_size", "max_position_embeddings", "classifier_dropout_prob", *SIZES["base"])
    sizes = {name: getattr(config, name) for name in kept}
    plain: dict[str, Any] = {
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "attn_implementation": "sdpa",
    }
    model: Any = transformers.AlbertForPreTraining(transformers.AlbertConfig(**sizes, **plain))
    names = hf_names(config, own)
    missing = model.load_state_dict({names[key]: value for key, value in own.items()}, strict=False)
    assert not missing.unexpected_keys, missing
    model.tie_weights()
    model.to(machine.device).train()
    labels = torch.full(batch["input_ids"].shape, -100, device=machine.device)
    labels.view(-1)[batch["masked_positions"]] = batch["masked_labels"]
    mask = batch["attention_mask"]
    inputs = {name: batch[name] for name in ("input_ids", "token_type_ids")}
    inputs |= {"labels": labels, "sentence_order_label": batch["sentence_labels"]}
    if not bool(mask.all()):
        inputs["attention_mask"] = mask.long()
    return training(machine, model, lambda: model(**inputs).loss)
