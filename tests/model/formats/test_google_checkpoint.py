"""Google's TensorFlow checkpoints become Hugging Face's model, and a checkpoint of something else becomes nothing."""

import json
import logging
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AlbertConfig, AlbertForPreTraining

import albert_lab
from albert_lab.cli.import_checkpoint import import_checkpoint
from albert_lab.errors import UserError
from albert_lab.model.formats.google_checkpoint import read_google_checkpoint
from albert_lab.model.formats.google_config import read_google_config
from albert_lab.model.formats.google_names import google_variables
from albert_lab.model.formats.tensor_bundle import TensorBundle
from tests.model.formats.bundle_writer import write_bundle

GOLDEN = Path(__file__).parents[2] / "golden" / "tf_checkpoint"  # written by TensorFlow 2.21, see its make.py
TIED = {"predictions.decoder.weight", "predictions.decoder.bias"}
PREFIX = "model.ckpt-best"


@pytest.fixture
def google_config() -> dict[str, Any]:
    loaded = json.loads((GOLDEN / "albert_config.json").read_text())
    assert isinstance(loaded, dict)
    return loaded


def write(folder: Path, config: dict[str, Any], drop: str = "?", prefix: str = "", **more: Any) -> dict[str, Any]:
    """A checkpoint of the model of `config` without the variables that start with `drop`; what was drawn."""
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "albert_config.json").write_text(json.dumps(config))
    draw = np.random.default_rng(0)
    shapes = {name: variable.shape for name, variable in google_variables(config).items() if not name.startswith(drop)}
    arrays = {name: draw.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    write_bundle(folder / PREFIX, {prefix + name: array for name, array in arrays.items()} | more)
    return arrays


def test_what_tensorflow_wrote_becomes_hugging_faces_tensors_to_the_byte() -> None:
    state = read_google_checkpoint(GOLDEN).state
    expected = dict(np.load(GOLDEN / "expected.npz"))
    assert set(state) == set(expected)
    assert [name for name, values in expected.items() if not np.array_equal(state[name], values)] == []
    assert all(array.flags.c_contiguous for array in state.values())


def test_the_imported_model_is_complete_for_hugging_face() -> None:
    checkpoint = read_google_checkpoint(GOLDEN)
    assert (checkpoint.missing, checkpoint.unused) == ((), ())
    model = AlbertForPreTraining(AlbertConfig(**checkpoint.config))
    missing, unknown = model.load_state_dict(
        {name: torch.from_numpy(array) for name, array in checkpoint.state.items()}, strict=False
    )
    assert (set(missing), unknown) == (TIED, [])
    model.tie_weights()
    assert torch.isfinite(model(torch.arange(6)[None]).prediction_logits).all()


def test_the_import_command_writes_a_model_that_loads(tmp_path: Path) -> None:
    import_checkpoint(str(GOLDEN), tmp_path / "model")
    model = albert_lab.AlbertForPreTraining.from_pretrained(tmp_path / "model")
    expected = np.load(GOLDEN / "expected.npz")
    assert np.array_equal(model.albert.pooler.weight.detach().numpy(), expected["albert.pooler.weight"])


def test_a_configuration_becomes_hugging_faces_with_the_activation_that_google_trained() -> None:
    config = read_google_checkpoint(GOLDEN).config
    assert config["hidden_act"] == "gelu_new"
    assert (config["num_hidden_groups"], config["inner_group_num"], config["num_hidden_layers"]) == (2, 2, 4)
    assert not {"net_structure_type", "gap_size", "num_memory_blocks", "down_scale_factor"} & set(config)
    assert AlbertConfig(**config).layer_norm_eps == 1e-12


@pytest.mark.parametrize("name", ["", PREFIX, f"{PREFIX}.index", f"{PREFIX}.data-00000-of-00001", f"{PREFIX}.meta"])
def test_a_checkpoint_may_be_named_by_its_folder_prefix_or_file(name: str) -> None:
    assert len(read_google_checkpoint(GOLDEN / name).state) == 80


def test_googles_best_is_taken_of_several(tmp_path: Path, google_config: dict[str, Any]) -> None:
    write(tmp_path, google_config)
    for part in ("index", "data-00000-of-00001"):
        shutil.copy(tmp_path / f"{PREFIX}.{part}", tmp_path / f"model.ckpt-125000.{part}")
    assert read_google_checkpoint(tmp_path).missing == ()
    (tmp_path / f"{PREFIX}.index").rename(tmp_path / "model.ckpt-100.index")
    with pytest.raises(UserError, match=r"several checkpoints; name one: model.ckpt-100, model.ckpt-125000"):
        read_google_checkpoint(tmp_path)


def test_a_hub_module_is_read_without_its_prefix(tmp_path: Path, google_config: dict[str, Any], caplog) -> None:
    arrays = write(tmp_path / "variables", google_config, drop="cls/seq_relationship", prefix="module/")
    (tmp_path / "assets").mkdir()
    (tmp_path / "variables" / "albert_config.json").rename(tmp_path / "assets" / "albert_config.json")
    checkpoint = read_google_checkpoint(tmp_path)
    assert checkpoint.missing == ("the sentence-order head",)
    assert "has no weights of the sentence-order head" in caplog.text
    table = checkpoint.state["albert.embeddings.word_embeddings.weight"]
    assert np.array_equal(table, arrays["bert/embeddings/word_embeddings"])


def test_a_fine_tuned_checkpoint_reports_what_is_missing_and_what_is_left_out(
    tmp_path: Path, google_config: dict[str, Any], caplog
) -> None:
    classifier = {"output_weights": np.ones((3, 8), np.float32), "output_bias": np.zeros(3, np.float32)}
    write(tmp_path, google_config, drop="cls/", **classifier)
    checkpoint = read_google_checkpoint(tmp_path)
    assert checkpoint.missing == ("the masked-language-model head", "the sentence-order head")
    assert checkpoint.unused == ("output_bias", "output_weights")
    assert "which is left out: output_bias, output_weights" in caplog.text


def test_at_equal_sizes_there_is_no_projection_and_the_configuration_says_so(
    tmp_path: Path, google_config: dict[str, Any]
) -> None:
    write(tmp_path, google_config | {"embedding_size": 8})
    checkpoint = read_google_checkpoint(tmp_path)
    assert checkpoint.config["albert_lab"] == {"embedding_projection": "if_needed"}
    assert not any("embedding_hidden_mapping_in" in name for name in checkpoint.state)
    assert "albert_lab" not in read_google_checkpoint(GOLDEN).config


@pytest.mark.parametrize(
    ("drop", "message"),
    [
        ("bert/embeddings/LayerNorm/beta", "lacks bert/embeddings/LayerNorm/beta, which"),
        ("bert/encoder/embedding_hidden", "lacks bert/encoder/embedding_hidden_mapping_in/bias, bert/encoder"),
        ("bert/encoder/transformer/group_1/inner_group_0/ffn_1", "group_1/inner_group_0/ffn_1/intermediate/dense/bias"),
        ("cls/predictions/output_bias", "lacks cls/predictions/output_bias, which"),
        ("bert/pooler/dense/bias", "lacks bert/pooler/dense/bias, which"),
    ],
)
def test_half_a_model_is_refused(tmp_path: Path, google_config: dict[str, Any], drop: str, message: str) -> None:
    write(tmp_path, google_config, drop=drop)
    with pytest.raises(UserError) as raised:
        read_google_checkpoint(tmp_path)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_hidden_groups": 1}, "has bert/encoder/transformer/group_1/inner_group_0/LayerNorm/beta, "),
        ({"num_hidden_groups": 4}, "too few variables for num_hidden_groups=4 times inner_group_num=2"),
        ({"inner_group_num": 10**9}, "too few variables for num_hidden_groups=2 times inner_group_num=1000000000"),
        ({"hidden_size": 16}, "should have (4, 16)"),
        ({"vocab_size": 12}, "has the shape (11, 4), but by albert_config.json it should have (12, 4)"),
        ({"embedding_size": 8}, "has bert/encoder/embedding_hidden_mapping_in/bias, "),
    ],
)
def test_a_configuration_of_another_model_is_refused(
    tmp_path: Path, google_config: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    write(tmp_path, google_config)
    (tmp_path / "albert_config.json").write_text(json.dumps(google_config | change))
    with pytest.raises(UserError) as raised:
        read_google_checkpoint(tmp_path)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": "rm -rf"}, "hidden_size='rm -rf' is not a whole number above 0"),
        ({"hidden_size": 8.0}, "hidden_size=8.0 is not a whole number above 0"),
        ({"hidden_size": True}, "hidden_size=True is not"),
        ({"vocab_size": None}, "vocab_size=None is not"),
        ({"hidden_dropout_prob": -1}, "hidden_dropout_prob=-1 is not a rate"),
        ({"hidden_act": "gelu_fast"}, "hidden_act='gelu_fast' can't be read; did you mean 'gelu'?"),
        ({"hidden_act": ["gelu"]}, "hidden_act=['gelu'] can't be read"),
        ({"num_hidden_layers": 22, "num_hidden_groups": 22}, "layer 15 uses group 14, Hugging Face's so that it uses"),
        ({"num_hidden_groups": 5}, "num_hidden_layers=4 doesn't fit num_hidden_groups=5; nearest: 5"),
        ({"num_hidden_layers": 10**12}, "num_hidden_layers=1000000000000 doesn't fit"),
    ],
)
def test_an_impossible_configuration_is_named(
    tmp_path: Path, google_config: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    file = tmp_path / "albert_config.json"
    file.write_text(json.dumps(google_config | change))
    with pytest.raises(UserError) as raised:
        read_google_config(file)
    assert f"{file}: " in str(raised.value)
    assert message in str(raised.value)


def test_googles_defaults_are_xxlarges_and_unknown_keys_are_reported(tmp_path: Path, caplog) -> None:
    file = tmp_path / "albert_config.json"
    file.write_text('{"vocab_size": 30000, "hiden_size": 8}')
    with caplog.at_level(logging.WARNING):
        config = read_google_config(file)
    assert (config["hidden_size"], config["num_attention_heads"], config["intermediate_size"]) == (4096, 64, 16384)
    assert "settings that Google's code doesn't know: hiden_size" in caplog.text


def test_what_is_not_there_is_named(tmp_path: Path, google_config: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"holds no TensorFlow checkpoint, such as model.ckpt-best.index"):
        read_google_checkpoint(tmp_path)
    with pytest.raises(UserError, match=r"there is no TensorFlow checkpoint .*nowhere: nowhere.index is missing"):
        read_google_checkpoint(tmp_path / "nowhere")
    write(tmp_path / "model", google_config)
    (tmp_path / "model" / f"{PREFIX}.data-00000-of-00001").unlink()
    with pytest.raises(UserError, match=r"data-00000-of-00001 can't be read: No such file"):
        read_google_checkpoint(tmp_path / "model")
    (tmp_path / "model" / "albert_config.json").unlink()
    with pytest.raises(UserError, match=r"has no albert_config.json, which says how large the model is"):
        read_google_checkpoint(tmp_path / "model")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("albert_config.json", f"{PREFIX}.index", f"{PREFIX}.data-00000-of-00001"):
        shutil.copy(GOLDEN / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
def test_a_damaged_bit_is_named_or_changes_nothing(copy: Path, part: str) -> None:
    draw, file = random.Random(0), copy / f"{PREFIX}.{part}"
    content, whole, named = file.read_bytes(), read_google_checkpoint(GOLDEN).state, 0
    for _ in range(60):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        file.write_bytes(damaged)
        try:
            state = read_google_checkpoint(copy).state
        except UserError as error:
            named += str(file) in str(error)
        else:  # it hit padding, or a slot of the optimizer
            named += all(np.array_equal(state[name], array) for name, array in whole.items())
    assert named == 60


@pytest.mark.parametrize("file", [f"{PREFIX}.index", f"{PREFIX}.data-00000-of-00001"])
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.99])
def test_a_truncated_checkpoint_is_named(copy: Path, file: str, kept: float) -> None:
    content = (copy / file).read_bytes()
    (copy / file).write_bytes(content[: int(kept * len(content))])
    with pytest.raises(UserError, match=rf"{file} (is cut short|is not a whole index)"):
        read_google_checkpoint(copy)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"compression": 1}, "its blocks are compressed"),
        ({"big": 1}, "it was written on a big-endian machine"),
        ({"slices": "table"}, "'table' is stored in slices"),
    ],
)
def test_a_bundle_of_a_kind_that_is_not_read_says_so(tmp_path: Path, how: dict[str, Any], message: str) -> None:
    write_bundle(tmp_path / "a", {"table": np.ones((2, 3), np.float32)}, **how)
    with pytest.raises(UserError) as raised:
        TensorBundle(tmp_path / "a").read("table")
    assert message in str(raised.value)


def test_other_types_are_read_or_named(tmp_path: Path) -> None:
    write_bundle(tmp_path / "a", {"half": np.float16([1, 2]), "count": np.array(7), "flag": np.array(True)})
    bundle = TensorBundle(tmp_path / "a")
    assert bundle.read("half").tolist() == [1.0, 2.0]
    assert (bundle.read("count").item(), bundle.shape("count")) == (7, ())
    with pytest.raises(UserError, match=r"'flag' has TensorFlow's data type number 10"):
        bundle.read("flag")


def test_an_index_of_many_blocks_is_read(tmp_path: Path) -> None:
    arrays = {f"variable_{i:03}": np.float32([i, -i]) for i in range(100)}
    write_bundle(tmp_path / "a", arrays, blocks=7)
    bundle = TensorBundle(tmp_path / "a")
    assert bundle.names == sorted(arrays)
    assert all(bundle.read(name).tolist() == [i, -i] for i, name in enumerate(bundle.names))
