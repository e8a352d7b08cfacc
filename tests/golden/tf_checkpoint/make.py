"""Writes this folder's checkpoint with TensorFlow itself, as Google's pre-training does, and what it should become.

In an environment of its own (1.6 GB): pip install tensorflow-cpu==2.21.0 && python tests/golden/tf_checkpoint/make.py
"""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

FOLDER = Path(__file__).parent
V, E, H, L, G, K, A, F, P = 11, 4, 8, 4, 2, 2, 2, 12, 6
CONFIG = {
    "attention_probs_dropout_prob": 0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0,
    "embedding_size": E,
    "hidden_size": H,
    "initializer_range": 0.02,
    "intermediate_size": F,
    "max_position_embeddings": P,
    "num_attention_heads": A,
    "num_hidden_layers": L,
    "num_hidden_groups": G,
    "net_structure_type": 0,
    "gap_size": 0,
    "num_memory_blocks": 0,
    "inner_group_num": K,
    "down_scale_factor": 1,
    "type_vocab_size": 2,
    "vocab_size": V,
}


def pairs():
    """Google's variable, its shape, Hugging Face's tensor, whether it is transposed; written out, not computed."""
    yield "bert/embeddings/word_embeddings", (V, E), "albert.embeddings.word_embeddings.weight", False
    yield "bert/embeddings/token_type_embeddings", (2, E), "albert.embeddings.token_type_embeddings.weight", False
    yield "bert/embeddings/position_embeddings", (P, E), "albert.embeddings.position_embeddings.weight", False
    yield "bert/embeddings/LayerNorm/beta", (E,), "albert.embeddings.LayerNorm.bias", False
    yield "bert/embeddings/LayerNorm/gamma", (E,), "albert.embeddings.LayerNorm.weight", False
    mapping = "albert.encoder.embedding_hidden_mapping_in"
    yield "bert/encoder/embedding_hidden_mapping_in/kernel", (E, H), f"{mapping}.weight", True
    yield "bert/encoder/embedding_hidden_mapping_in/bias", (H,), f"{mapping}.bias", False
    for g in range(G):
        for k in range(K):
            tf_block = f"bert/encoder/transformer/group_{g}/inner_group_{k}"
            hf_block = f"albert.encoder.albert_layer_groups.{g}.albert_layers.{k}"
            yield f"{tf_block}/attention_1/self/query/kernel", (H, H), f"{hf_block}.attention.query.weight", True
            yield f"{tf_block}/attention_1/self/query/bias", (H,), f"{hf_block}.attention.query.bias", False
            yield f"{tf_block}/attention_1/self/key/kernel", (H, H), f"{hf_block}.attention.key.weight", True
            yield f"{tf_block}/attention_1/self/key/bias", (H,), f"{hf_block}.attention.key.bias", False
            yield f"{tf_block}/attention_1/self/value/kernel", (H, H), f"{hf_block}.attention.value.weight", True
            yield f"{tf_block}/attention_1/self/value/bias", (H,), f"{hf_block}.attention.value.bias", False
            yield f"{tf_block}/attention_1/output/dense/kernel", (H, H), f"{hf_block}.attention.dense.weight", True
            yield f"{tf_block}/attention_1/output/dense/bias", (H,), f"{hf_block}.attention.dense.bias", False
            yield f"{tf_block}/LayerNorm/beta", (H,), f"{hf_block}.attention.LayerNorm.bias", False
            yield f"{tf_block}/LayerNorm/gamma", (H,), f"{hf_block}.attention.LayerNorm.weight", False
            yield f"{tf_block}/ffn_1/intermediate/dense/kernel", (H, F), f"{hf_block}.ffn.weight", True
            yield f"{tf_block}/ffn_1/intermediate/dense/bias", (F,), f"{hf_block}.ffn.bias", False
            yield f"{tf_block}/ffn_1/intermediate/output/dense/kernel", (F, H), f"{hf_block}.ffn_output.weight", True
            yield f"{tf_block}/ffn_1/intermediate/output/dense/bias", (H,), f"{hf_block}.ffn_output.bias", False
            yield f"{tf_block}/LayerNorm_1/beta", (H,), f"{hf_block}.full_layer_layer_norm.bias", False
            yield f"{tf_block}/LayerNorm_1/gamma", (H,), f"{hf_block}.full_layer_layer_norm.weight", False
    yield "bert/pooler/dense/kernel", (H, H), "albert.pooler.weight", True
    yield "bert/pooler/dense/bias", (H,), "albert.pooler.bias", False
    yield "cls/predictions/output_bias", (V,), "predictions.bias", False
    yield "cls/predictions/transform/dense/kernel", (H, E), "predictions.dense.weight", True
    yield "cls/predictions/transform/dense/bias", (E,), "predictions.dense.bias", False
    yield "cls/predictions/transform/LayerNorm/beta", (E,), "predictions.LayerNorm.bias", False
    yield "cls/predictions/transform/LayerNorm/gamma", (E,), "predictions.LayerNorm.weight", False
    yield "cls/seq_relationship/output_weights", (2, H), "sop_classifier.classifier.weight", False
    yield "cls/seq_relationship/output_bias", (2,), "sop_classifier.classifier.bias", False


def main() -> None:
    draw, expected, variables = np.random.default_rng(0), {}, {}
    for google, shape, hf, transposed in pairs():
        values = draw.normal(0, 0.02, shape).astype(np.float32)
        expected[hf] = values.T if transposed else values
        variables[google] = values
        for slot in ("adam_m", "adam_v"):
            variables[f"{google}/{slot}"] = draw.normal(size=shape).astype(np.float32)
    with tempfile.TemporaryDirectory() as scratch:
        save(variables, f"{scratch}/model.ckpt-best")
        for name in ("model.ckpt-best.index", "model.ckpt-best.data-00000-of-00001"):
            shutil.copy(Path(scratch) / name, FOLDER / name)
    (FOLDER / "albert_config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    np.savez_compressed(FOLDER / "expected.npz", **expected)


def save(variables: dict[str, np.ndarray], prefix: str) -> None:
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        v1.train.get_or_create_global_step()
        for name, values in variables.items():
            v1.get_variable(name, initializer=values)
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, prefix, write_meta_graph=False)


if __name__ == "__main__":
    main()
