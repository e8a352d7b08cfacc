"""Per-depth bottleneck adapters: against MiniALBERT's layer in plain steps."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from albert_lab.config.variant import ModelConfig
from albert_lab.model.torch.albert import AlbertForPreTraining
from albert_lab.model.torch.layers.encoder import Encoder
from tests.variants import build

MakeConfig = Callable[..., ModelConfig]


def build_exact(config: ModelConfig, scheme: str = "all") -> AlbertForPreTraining:
    return build(config, scheme).double()


def normalized(x: Tensor, norm: Any) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-12).sqrt() * norm.weight + norm.bias


def adapted(x: Tensor, adapter: Any) -> Tensor:
    """x + W2 gelu(W1 x), normalized; gelu by the error function."""
    inner = x @ adapter.down.weight.T + adapter.down.bias
    inner = inner * 0.5 * (1 + torch.erf(inner / 2**0.5))
    return normalized(x + inner @ adapter.up.weight.T + adapter.up.bias, adapter.LayerNorm)


def in_plain_steps(encoder: Encoder, x: Tensor) -> Tensor:
    """MiniALBERT's loop: adapter, attention with its residual, adapter, feed-forward block with its residual."""
    for adapters, layer in zip(encoder.adapters, encoder.layer_map.layers(), strict=True):
        x = adapted(x, adapters.attention)
        x = normalized(x + encoder.attention[layer.attention](x, None)[0], encoder.attention_norm[layer.attention_norm])
        x = adapted(x, adapters.ffn)
        block = encoder.ffn[layer.ffn]
        output = block.output(functional.gelu(block.intermediate(x), approximate="tanh"))
        x = normalized(x + output, encoder.ffn_norm[layer.ffn_norm])
    return x


@pytest.mark.parametrize("scheme", ["all", "none", "ffn"])
def test_an_adapter_stands_before_every_block(make_config: MakeConfig, perturb: Any, scheme: str) -> None:
    model = build_exact(make_config(adapter_size=3), scheme).eval()
    perturb(model)
    x = torch.randn(2, 5, 16, dtype=torch.float64)
    encoder = model.albert.encoder
    torch.testing.assert_close(encoder(x, None).last_hidden_state, in_plain_steps(encoder, x), rtol=0, atol=1e-12)


def test_every_layer_has_its_own(make_config: MakeConfig) -> None:
    named = {name for name, _ in build_exact(make_config(adapter_size=3)).named_parameters() if "adapter" in name}
    assert named == {
        f"albert.encoder.adapters.{depth}.{kind}.{module}.{tensor}"
        for depth in range(6) for kind in ("attention", "ffn")
        for module in ("down", "up", "LayerNorm") for tensor in ("weight", "bias")
    }  # fmt: skip


def test_every_adapter_gets_a_gradient(make_config: MakeConfig, batch: Any, loss_of: Any, perturb: Any) -> None:
    model = build_exact(make_config(adapter_size=3))
    perturb(model)
    loss_of(model(**batch._asdict())).backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert [name for name in missing if "key.bias" not in name] == []  # which has none beyond rounding


@pytest.mark.parametrize("options", [{"norm_placement": "pre"}, {"depth_signal": "universal"}, {"lora_rank": 2}])
def test_adapters_work_with_the_other_options(
    make_config: MakeConfig, batch: Any, loss_of: Any, options: dict[str, Any]
) -> None:
    both, one = build_exact(make_config(adapter_size=3, **options)), build_exact(make_config(**options))
    loss = loss_of(both(**batch._asdict()))
    loss.backward()
    assert torch.isfinite(loss)
    assert len(list(both.parameters())) - len(list(one.parameters())) == 6 * 2 * 6
