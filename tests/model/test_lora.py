"""Per-depth LoRA: against its formula in plain steps, and as a part of a model that trains, compiles and is stored."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from albert_lab.config.variant import ModelConfig
from albert_lab.errors import UserError
from albert_lab.model.torch.albert import AlbertForPreTraining
from albert_lab.model.torch.layers.encoder import Encoder
from albert_lab.model.torch.layers.lora import LowRank
from tests.variants import build

MakeConfig = Callable[..., ModelConfig]
LINEARS = {"attention": ("query", "key", "value", "output"), "ffn": ("intermediate", "output")}


def build_exact(config: ModelConfig, scheme: str = "all") -> AlbertForPreTraining:
    return build(config, scheme).double()


def in_plain_steps(encoder: Encoder, x: Tensor) -> Tensor:
    """The whole encoder with W' + B A written out as a matrix of every layer's own; no mask, no dropout."""
    for depth, layer in enumerate(encoder.layer_map.layers()):

        def apply(kind: str, name: str, x: Tensor, block: Any, depth: int = depth) -> Tensor:
            pair = getattr(encoder.lora[depth], kind)[name]
            linear = getattr(block, name)
            return x @ (linear.weight + pair.B @ pair.A).T + linear.bias + (0 if pair.bias is None else pair.bias)

        attention, ffn = encoder.attention[layer.attention], encoder.ffn[layer.ffn]
        query, key, value = (
            apply("attention", name, x, attention).unflatten(-1, (4, -1)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        probs = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1)
        mixed = (probs @ value).transpose(1, 2).flatten(2)
        x = encoder.attention_norm[layer.attention_norm](x + apply("attention", "output", mixed, attention))
        inner = nn.functional.gelu(apply("ffn", "intermediate", x, ffn), approximate="tanh")
        x = encoder.ffn_norm[layer.ffn_norm](x + apply("ffn", "output", inner, ffn))
    return x


@pytest.mark.parametrize("scheme", ["all", "none", "attention", "ffn"])
@pytest.mark.parametrize("with_bias", [False, True])
def test_every_linear_map_of_every_layer_has_an_addition(
    make_config: MakeConfig, perturb: Any, scheme: str, with_bias: bool
) -> None:
    model = build_exact(make_config(lora_rank=3, lora_bias=with_bias), scheme).eval()
    perturb(model)
    x, encoder = torch.randn(2, 5, 16, dtype=torch.float64), model.albert.encoder
    torch.testing.assert_close(encoder(x, None).last_hidden_state, in_plain_steps(encoder, x), rtol=0, atol=1e-12)


def test_the_names_say_depth_block_and_map(make_config: MakeConfig) -> None:
    named = {
        name for name, _ in build_exact(make_config(lora_rank=2, lora_bias=True)).named_parameters() if "lora" in name
    }
    assert named == {
        f"albert.encoder.lora.{depth}.{kind}.{linear}.{tensor}"
        for depth in range(6) for kind, linears in LINEARS.items()
        for linear in linears for tensor in ("A", "B", "bias")
    }  # fmt: skip


def test_at_the_start_the_addition_is_zero_and_a_is_drawn(make_config: MakeConfig, batch: Any) -> None:
    model, plain = build_exact(make_config(lora_rank=4, lora_bias=True)).eval(), build_exact(make_config()).eval()
    assert plain.load_state_dict({k: v for k, v in model.state_dict().items() if "lora" not in k}).missing_keys == []
    for ours, theirs in zip(model(**batch._asdict()).values(), plain(**batch._asdict()).values(), strict=True):
        assert torch.equal(ours, theirs)
    pairs = [module for module in model.modules() if isinstance(module, LowRank)]
    assert all(not pair.B.any() and pair.bias is not None and not pair.bias.any() for pair in pairs)
    drawn = torch.cat([pair.A.flatten() for pair in pairs])
    assert 0.85 < drawn.std().item() / (0.02 * 0.88) < 1.15
    assert len({pair.A.sum().item() for pair in pairs}) == len(pairs) == 36


def test_every_pair_gets_a_gradient_of_its_own(make_config: MakeConfig, batch: Any, loss_of: Any, perturb: Any) -> None:
    model = build_exact(make_config(lora_rank=2, lora_bias=True))
    perturb(model)
    loss_of(model(**batch._asdict())).backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # every query's score moves alike under the key's bias, so that it has no gradient beyond rounding
    assert [name for name in missing if "key.bias" not in name] == []
    queries = [model.albert.encoder.get_parameter(f"lora.{depth}.attention.query.A").grad for depth in range(6)]
    assert all(not torch.equal(queries[0], other) for other in queries[1:])


def test_rank_zero_leaves_no_trace(make_config: MakeConfig) -> None:
    model = build_exact(make_config())
    assert not [name for name in model.state_dict() if "lora" in name or "adapter" in name]


def test_gradient_checkpointing_changes_no_bit(make_config: MakeConfig, batch: Any, loss_of: Any, perturb: Any) -> None:
    model = build_exact(make_config(lora_rank=2, adapter_size=3, hidden_dropout_prob=0.1))
    perturb(model)
    results = []
    for recompute in (False, True):
        (model.gradient_checkpointing_enable if recompute else model.gradient_checkpointing_disable)()
        torch.manual_seed(1)
        model.zero_grad()
        loss = loss_of(model(**batch._asdict()))
        loss.backward()
        results.append([loss.detach(), *(p.grad for p in model.parameters())])
    assert all(torch.equal(kept, again) for kept, again in zip(*results, strict=True))


@pytest.mark.parametrize("option", [{"lora_rank": 2, "lora_bias": True}, {"adapter_size": 3}])
def test_options_compile_whole_under_bf16_autocast(
    make_config: MakeConfig, batch: Any, loss_of: Any, perturb: Any, option: dict[str, Any]
) -> None:
    model = build_exact(make_config(num_hidden_layers=2, **option)).float()
    perturb(model)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    losses = []
    for run in (model, compiled):
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            output = run(**batch._asdict())
        assert output.prediction_logits.dtype is torch.bfloat16
        losses.append(loss_of(output))
        losses[-1].backward()
        assert all(p.grad is not None and p.grad.dtype is torch.float32 for p in model.parameters())
    torch.testing.assert_close(losses[0], losses[1], rtol=2e-2, atol=2e-2)


def test_a_model_with_lora_is_saved_and_read_back_bit_by_bit(
    make_config: MakeConfig, perturb: Any, tmp_path: Path
) -> None:
    model = build_exact(make_config(lora_rank=2, lora_bias=True, adapter_size=3))
    perturb(model)
    model.save_pretrained(tmp_path)
    again = AlbertForPreTraining.from_pretrained(tmp_path)
    assert (again.config.lora_rank, again.config.lora_bias, again.config.adapter_size) == (2, True, 3)
    theirs = again.state_dict()
    assert all(torch.equal(tensor, theirs.pop(name)) for name, tensor in model.state_dict().items())
    assert theirs == {}


def test_a_plain_checkpoint_takes_lora_that_starts_at_zero(
    make_config: MakeConfig, batch: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = build_exact(make_config()).eval()
    plain.save_pretrained(tmp_path)
    with caplog.at_level(logging.WARNING):
        model = AlbertForPreTraining.from_pretrained(tmp_path, lora_rank=2)
    assert "encoder.lora.5.ffn.output.B" in caplog.text
    logits = [each(**batch._asdict()).prediction_logits for each in (model, plain)]
    torch.testing.assert_close(*logits, rtol=0, atol=1e-14)  # products round by where a weight lies in memory


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"lora_rank": -1}, "lora_rank=-1 must be at least 0"),
        ({"lora_rank": 17}, "lora_rank=17 must be 0 to 16, the hidden size; nearest: 16"),
        ({"lora_bias": True}, "lora_bias=true needs a model.lora_rank above 0"),
        ({"adapter_size": -2}, "adapter_size=-2 must be at least 0"),
    ],
)
def test_what_cannot_be_is_refused(make_config: MakeConfig, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        build_exact(make_config(**changes))
