"""Relative positions as transformers 4.57.6 has them, read from its own checkpoints; `golden/relative_positions.py`."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from albert_lab.model.torch.albert import AlbertForPreTraining

FOLDER = Path(__file__).parents[1] / "golden" / "relative_positions"


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", ["relative_key", "relative_key_query"])
def test_a_checkpoint_of_transformers_4_computes_the_same_here(kind: str, attention: str) -> None:
    golden = load_file(FOLDER / f"{kind}.safetensors")
    model, info = AlbertForPreTraining.from_pretrained(FOLDER / kind, output_loading_info=True)
    assert not info.missing_keys
    assert info.unexpected_keys == {"albert.embeddings.position_embeddings.weight"}  # made there, and never read
    model.set_attn_implementation(attention)
    inputs = {name: golden[name] for name in ("input_ids", "attention_mask", "position_ids")}
    output = model(**inputs, output_hidden_states=True)
    output.prediction_logits.square().sum().backward()
    ours = {
        "prediction_logits": output.prediction_logits,
        "sop_logits": output.sop_logits,
        "hidden_states": torch.stack(output.hidden_states),
        "distance_gradient": model.albert.encoder.attention[0].relative.distance_embedding.weight.grad,
        "attentions": torch.stack(model(**inputs, output_attentions=True).attentions),
    }
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, golden[name], rtol=0, atol=1e-10, msg=lambda text, name=name: name + text)
