"""In an environment with transformers==4.57.6 and torch==2.13.0: `python tests/golden/relative_positions.py`.

Writes `relative_positions/`: for every kind of relative position a checkpoint as transformers 4 saves it, and beside it
what the model computes. Float64, random weights everywhere, one sequence padded, one exactly as long as the positions.
"""

from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import AlbertConfig, AlbertForPreTraining

FOLDER = Path(__file__).with_suffix("")
SIZES = {
    "vocab_size": 20,
    "embedding_size": 4,
    "hidden_size": 6,
    "num_hidden_layers": 4,
    "num_hidden_groups": 2,
    "num_attention_heads": 2,
    "intermediate_size": 10,
    "max_position_embeddings": 7,
}


def make(kind: str) -> AlbertForPreTraining:
    config = AlbertConfig(**SIZES, position_embedding_type=kind, attn_implementation="eager")
    model = AlbertForPreTraining(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) / 2)
    return model


def run(model: AlbertForPreTraining) -> dict[str, torch.Tensor]:
    """Inputs, outputs and the gradient of the distances' table in the first group."""
    ids = torch.randint(SIZES["vocab_size"], (2, SIZES["max_position_embeddings"]))
    mask = torch.tensor([[1] * 7, [1] * 4 + [0] * 3])
    positions = torch.arange(7).flip(0)[None]  # of no influence: distances count places in the row
    output = model(ids, mask, position_ids=positions, output_hidden_states=True, output_attentions=True)
    output.prediction_logits.square().sum().backward()
    table = model.albert.encoder.albert_layer_groups[0].albert_layers[0].attention.distance_embedding.weight
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "position_ids": positions,
        "prediction_logits": output.prediction_logits,
        "sop_logits": output.sop_logits,
        "hidden_states": torch.stack(output.hidden_states),
        "attentions": torch.stack(output.attentions),
        "distance_gradient": table.grad,
    }


if __name__ == "__main__":
    assert transformers.__version__ == "4.57.6", transformers.__version__
    torch.manual_seed(0)
    for kind in ("relative_key", "relative_key_query"):
        model = make(kind)
        model.save_pretrained(FOLDER / kind)
        outputs = {name: tensor.detach().contiguous() for name, tensor in run(model).items()}
        save_file(outputs, FOLDER / f"{kind}.safetensors")
