"""Pre-LN, DeepNorm, depth signals and relative positions: each against its formula in plain steps."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from albert_lab.config.variant import ModelConfig
from albert_lab.errors import UserError
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.torch.albert import AlbertForPreTraining
from albert_lab.model.torch.layers.depth_signal import sinusoids
from albert_lab.model.torch.layers.encoder import Encoder
from tests.model.block_options import OPTIONS, make_model
from tests.variants import build

MakeConfig = Callable[..., ModelConfig]
OPTIONAL = ("final_norm", "relative", "decoder")  # in the names of weights that only an option makes


def layers_of(encoder: Encoder) -> list[tuple[Any, Any, Any, Any]]:
    """(attention, its LayerNorm, feed-forward block, its LayerNorm) of every layer."""
    return [
        (encoder.attention[a], encoder.attention_norm[an], encoder.ffn[f], encoder.ffn_norm[fn])
        for a, an, f, fn in zip(*(getattr(encoder.layer_map, kind) for kind in KINDS), strict=True)
    ]


KINDS = ("attention", "attention_norm", "ffn", "ffn_norm")


def encoded(model: AlbertForPreTraining, batch: Any, layer: Callable[..., Tensor]) -> Tensor:
    """The hidden states that `layer(x, mask, depth, attention, its norm, ffn, its norm)`, applied L times, makes."""
    x = model.albert.embeddings(batch.input_ids, batch.token_type_ids)
    mask = batch.attention_mask[:, None, None, :]
    for depth, blocks in enumerate(layers_of(model.albert.encoder)):
        x = layer(x, mask, depth, *blocks)
    return x


def hidden(model: AlbertForPreTraining, batch: Any) -> Tensor:
    last = model.albert(batch.input_ids, batch.attention_mask, batch.token_type_ids).last_hidden_state
    assert isinstance(last, Tensor)
    return last


def test_by_default_a_layernorm_follows_the_sum_to_the_bit(batch: Any) -> None:
    def layer(x, mask, depth, attention, attention_norm, ffn, ffn_norm):
        x = attention_norm(x + attention(x, mask)[0])
        return ffn_norm(x + ffn(x))

    model = make_model("post")
    assert torch.equal(hidden(model, batch), encoded(model, batch, layer))
    assert not [name for name in model.state_dict() if any(word in name for word in OPTIONAL)]


def test_pre_ln_normalizes_what_a_block_reads_and_once_at_the_end(batch: Any) -> None:
    def layer(x, mask, depth, attention, attention_norm, ffn, ffn_norm):
        x = x + attention(attention_norm(x), mask)[0]
        return x + ffn(ffn_norm(x))

    model = make_model("pre")
    expected = model.albert.encoder.final_norm(encoded(model, batch, layer))
    torch.testing.assert_close(hidden(model, batch), expected, rtol=0, atol=1e-12)


def test_deepnorm_weighs_the_stream_by_its_logical_depth(batch: Any) -> None:
    alpha = 12**0.25  # (2N)^(1/4), N = 6 layers of one attention block

    def layer(x, mask, depth, attention, attention_norm, ffn, ffn_norm):
        x = attention_norm(alpha * x + attention(x, mask)[0])
        return ffn_norm(alpha * x + ffn(x))

    model = make_model("deepnorm", "attention")
    torch.testing.assert_close(hidden(model, batch), encoded(model, batch, layer), rtol=0, atol=1e-12)


def test_deepnorm_starts_with_smaller_values_outputs_and_feed_forward(make_config: MakeConfig) -> None:
    states = []
    for option in ("post", "deepnorm"):
        torch.manual_seed(1)
        states.append(build(make_config(**OPTIONS[option]), "attention").state_dict())
    scaled = (".value.weight", ".encoder.attention.0.output.weight", ".intermediate.weight")
    for name, usual in states[0].items():
        is_scaled = name.endswith(scaled) or (".encoder.ffn." in name and name.endswith("weight"))
        divisor = 48**0.25 if is_scaled else 1  # (8N)^(1/4)
        torch.testing.assert_close(states[1][name], usual / divisor)
    assert sum(torch.equal(states[0][name], states[1][name]) for name in states[0] if "weight" in name) > 6


def by_hand(position: float, size: int) -> list[float]:
    """tensor2tensor's signal: channel i of each half turns 10000^(-i / (size // 2 - 1)) radians per position."""
    rates = [10000 ** (-i / max(size // 2 - 1, 1)) for i in range(size // 2)]
    angles = [position * rate for rate in rates]
    return [math.sin(a) for a in angles] + [math.cos(a) for a in angles] + [0.0] * (size % 2)


@pytest.mark.parametrize("size", [2, 3, 16, 17])
def test_sinusoids_are_tensor2tensors(size: int) -> None:
    at = torch.tensor([[0, 1, 5], [511, 7, 300]])
    expected = torch.tensor([[by_hand(p, size) for p in row] for row in at.tolist()], dtype=torch.float64)
    torch.testing.assert_close(sinusoids(at, size, torch.float64), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("with_ids", [False, True])
def test_universal_signals_tell_every_layer_its_depth_and_every_token_its_position(batch: Any, with_ids: bool) -> None:
    ids = torch.randint(40, (3, 9)) if with_ids else torch.arange(9).expand(3, 9)

    def layer(x, mask, depth, attention, attention_norm, ffn, ffn_norm):
        signal = [
            [torch.tensor(by_hand(p, 16)) + torch.tensor(by_hand(depth, 16)) for p in row] for row in ids.tolist()
        ]
        x = x + torch.stack([torch.stack(row) for row in signal])
        x = attention_norm(x + attention(x, mask)[0])
        return ffn_norm(x + ffn(x))

    torch.set_default_dtype(torch.float64)
    try:
        model = make_model("universal")
        output = model.albert(
            batch.input_ids, batch.attention_mask, batch.token_type_ids, position_ids=ids if with_ids else None
        )
        expected = encoded(model, batch, layer)
    finally:
        torch.set_default_dtype(torch.float32)
    torch.testing.assert_close(output.last_hidden_state, expected, rtol=0, atol=1e-11)


def test_a_universal_model_takes_any_length() -> None:
    model = make_model("universal")
    assert model(torch.ones(1, 40, dtype=torch.long)).prediction_logits.isfinite().all()
    assert not any("position" in name for name in model.state_dict())


def test_relative_positions_end_where_their_table_does() -> None:
    with pytest.raises(UserError, match=r"13 tokens is longer than .*_embeddings=12; cut it to 12"):
        make_model("relative_key")(torch.ones(1, 13, dtype=torch.long))


def attended_by_hand(block: Any, x: Tensor, length: int, with_key: bool) -> Tensor:
    """One sequence through an attention block with relative positions, pair of tokens by pair of tokens."""
    size, heads = x.shape[-1] // block.num_heads, block.num_heads
    q, k, v = (part(x).view(len(x), heads, size) for part in (block.query, block.key, block.value))
    table, mixed = block.relative.distance_embedding.weight, torch.zeros_like(v)
    for head in range(heads):
        for i in range(len(x)):
            distances = [table[i - j + block.relative.longest - 1] for j in range(length)]
            scores = [
                q[i, head] @ k[j, head] / size**0.5 + q[i, head] @ distances[j] + with_key * (k[j, head] @ distances[j])
                for j in range(length)
            ]
            mixed[i, head] = torch.stack(scores).softmax(0) @ v[:length, head]
    return block.output(mixed.flatten(1))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("option", ["relative_key", "relative_key_query"])
@torch.no_grad()
def test_relative_positions_add_the_products_with_the_distances(batch: Any, option: str, attention: str) -> None:
    model = make_model(option)
    model.set_attn_implementation(attention)
    block = model.albert.encoder.attention[0]
    x = torch.randn(3, 9, 16, dtype=torch.float64)
    attended, _ = block(x, batch.attention_mask[:, None, None, :])
    for row, length in enumerate((9, 7, 4)):
        expected = attended_by_hand(block, x[row], length, option == "relative_key_query")
        torch.testing.assert_close(attended[row], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("field", "value", "nearest"),
    [("norm_placement", "per", "pre"), ("depth_signal", "univrsal", "universal"),
     ("position_embedding_type", "relative_kye", "relative_key")],
)  # fmt: skip
def test_an_unknown_choice_is_refused_with_the_nearest(field: str, value: str, nearest: str) -> None:
    with pytest.raises(UserError, match=f"{field}='{value}' is unknown; did you mean '{nearest}'"):
        AlbertConfig(**{field: value})
