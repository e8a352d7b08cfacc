"""The variables of Google's TensorFlow ALBERT, and the tensors of Hugging Face's that they are.

From github.com/google-research/albert modeling.py and run_pretraining.py. TensorFlow keeps a dense layer's kernel as
[in, out], PyTorch as [out, in]; the sentence-order head multiplies by a transpose in both and is stored alike.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any, NamedTuple

OPTIONAL_PARTS = {  # what published checkpoints may lack: where its variables begin -> what to call it
    "bert/pooler/": "the pooler",
    "cls/predictions/": "the masked-language-model head",
    "cls/seq_relationship/": "the sentence-order head",
}
BLOCK_VARIABLES = 16


class Variable(NamedTuple):
    """What becomes of one of Google's variables."""

    hf_name: str
    shape: tuple[int, ...]  # Google's
    transposed: bool = False


def google_variables(config: Mapping[str, Any]) -> dict[str, Variable]:
    """All variables of the pre-training model of a configuration with Hugging Face's keys."""
    vocab, size, hidden = config["vocab_size"], config["embedding_size"], config["hidden_size"]
    rows = {"word": vocab, "position": config["max_position_embeddings"], "token_type": config["type_vocab_size"]}
    found = {
        f"bert/embeddings/{table}_embeddings": Variable(f"albert.embeddings.{table}_embeddings.weight", (count, size))
        for table, count in rows.items()
    }
    found |= _norm("bert/embeddings/LayerNorm", "albert.embeddings.LayerNorm", size)
    if size != hidden:
        mapping = "encoder/embedding_hidden_mapping_in"
        found |= _dense(f"bert/{mapping}", f"albert.{mapping.replace('/', '.')}", size, hidden)
    for group, inner in product(range(config["num_hidden_groups"]), range(config["inner_group_num"])):
        google = f"bert/encoder/transformer/group_{group}/inner_group_{inner}"
        hf = f"albert.encoder.albert_layer_groups.{group}.albert_layers.{inner}"
        found |= _block(google, hf, hidden, config["intermediate_size"])
    found |= _dense("bert/pooler/dense", "albert.pooler", hidden, hidden)
    return found | _heads(vocab, size, hidden)


def _block(google: str, hf: str, hidden: int, intermediate: int) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    for name in ("query", "key", "value"):
        found |= _dense(f"{google}/attention_1/self/{name}", f"{hf}.attention.{name}", hidden, hidden)
    found |= _dense(f"{google}/attention_1/output/dense", f"{hf}.attention.dense", hidden, hidden)
    found |= _norm(f"{google}/LayerNorm", f"{hf}.attention.LayerNorm", hidden)
    found |= _dense(f"{google}/ffn_1/intermediate/dense", f"{hf}.ffn", hidden, intermediate)
    found |= _dense(f"{google}/ffn_1/intermediate/output/dense", f"{hf}.ffn_output", intermediate, hidden)
    found |= _norm(f"{google}/LayerNorm_1", f"{hf}.full_layer_layer_norm", hidden)
    assert len(found) == BLOCK_VARIABLES
    return found


def _heads(vocab: int, size: int, hidden: int) -> dict[str, Variable]:
    found = _dense("cls/predictions/transform/dense", "predictions.dense", hidden, size)
    found |= _norm("cls/predictions/transform/LayerNorm", "predictions.LayerNorm", size)
    return found | {
        "cls/predictions/output_bias": Variable("predictions.bias", (vocab,)),
        "cls/seq_relationship/output_weights": Variable("sop_classifier.classifier.weight", (2, hidden)),
        "cls/seq_relationship/output_bias": Variable("sop_classifier.classifier.bias", (2,)),
    }


def _dense(google: str, hf: str, inputs: int, outputs: int) -> dict[str, Variable]:
    kernel = Variable(f"{hf}.weight", (inputs, outputs), transposed=True)
    return {f"{google}/kernel": kernel, f"{google}/bias": Variable(f"{hf}.bias", (outputs,))}


def _norm(google: str, hf: str, size: int) -> dict[str, Variable]:
    return {f"{google}/gamma": Variable(f"{hf}.weight", (size,)), f"{google}/beta": Variable(f"{hf}.bias", (size,))}
