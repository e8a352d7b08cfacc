"""`from_pretrained` and `save_pretrained` take what people pass to Hugging Face's, or name what they can't follow."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from albert_lab import AlbertConfig, AlbertForMaskedLM, AlbertForSequenceClassification, AlbertModel
from albert_lab.errors import UserError
from tests.model.peers import AS_HUGGING_FACE, TINY, make_pair, transformers


@pytest.fixture
def saved(tmp_path: Path) -> tuple[AlbertModel, Path]:
    model = AlbertModel(AlbertConfig(**TINY)).eval()
    model.save_pretrained(tmp_path / "saved")
    return model, tmp_path / "saved"


def assert_same_weights(one: torch.nn.Module, two: torch.nn.Module) -> None:
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


@pytest.mark.parametrize(
    "options",
    [
        {"low_cpu_mem_usage": True},
        {"trust_remote_code": True},
        {"use_safetensors": True},
        {"force_download": True},
        {"torch_dtype": "auto"},
        {"torch_dtype": torch.float32},
        {"device_map": "cpu"},
        {"device_map": {"": "cpu"}},
        {"device_map": {"embeddings": "cpu", "encoder": "cpu"}},
        {"device_map": torch.device("cpu")},
        {"quantization_config": None, "load_in_8bit": False},
    ],
)
def test_common_options_load_the_same_model(options: dict[str, Any], saved: tuple[AlbertModel, Path]) -> None:
    model, folder = saved
    assert_same_weights(AlbertModel.from_pretrained(pretrained_model_name_or_path=folder, **options), model)


def test_the_older_name_of_the_type_is_taken(saved: tuple[AlbertModel, Path]) -> None:
    assert AlbertModel.from_pretrained(saved[1], torch_dtype="bfloat16").dtype is torch.bfloat16
    assert AlbertModel.from_pretrained(saved[1], torch_dtype=torch.float16, device_map="cpu").dtype is torch.float16


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"load_in_8bit": True}, r"load_in_8bit=True\) is not supported: load the model, then quantize"),
        ({"from_tf": True}, "from_tf=True.*albert-lab import"),
        ({"device_map": {"embeddings": "cpu", "encoder": "meta"}}, "device_map=.*one device"),
        ({"device_map": "gpu"}, "device_map='gpu' is not a device; nearest: 'cpu'"),
        ({"use_safetensors": False}, "none of pytorch_model.bin, pytorch_model.bin.index.json"),
        ({"variant": "fp16"}, "none of model.fp16.safetensors, model.safetensors.index.fp16.json"),
        ({"subfolder": "inner"}, "inner has no config.json"),
        ({"low_cpu_mem_usge": True}, "no 'low_cpu_mem_usge'"),
    ],
)
def test_what_cannot_be_followed_is_named(options: dict[str, Any], says: str, saved: tuple[AlbertModel, Path]) -> None:
    with pytest.raises(UserError, match=says):
        AlbertModel.from_pretrained(saved[1], **options)


def test_a_subfolder_and_a_variant_are_read(saved: tuple[AlbertModel, Path]) -> None:
    model, folder = saved
    (folder / "model.safetensors").rename(folder / "model.fp16.safetensors")
    loaded = AlbertModel.from_pretrained(folder.parent, subfolder=folder.name, variant="fp16")
    assert_same_weights(loaded, model)


def test_a_pickle_is_read_only_where_it_is_allowed(saved: tuple[AlbertModel, Path]) -> None:
    model, folder = saved
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    assert_same_weights(AlbertModel.from_pretrained(folder, use_safetensors=False), model)
    (folder / "model.safetensors").unlink()
    assert_same_weights(AlbertModel.from_pretrained(folder), model)
    with pytest.raises(UserError, match=r"none of model.safetensors"):
        AlbertModel.from_pretrained(folder, use_safetensors=True)


def test_a_configuration_is_an_object_of_either_library_or_a_folder(saved: tuple[AlbertModel, Path]) -> None:
    model, folder = saved
    theirs = transformers.AlbertConfig.from_pretrained(folder)
    for config in (AlbertConfig.from_pretrained(folder), theirs, folder, str(folder)):
        loaded = AlbertModel.from_pretrained(folder, config=config, output_attentions=True)
        assert loaded.config.output_attentions
        assert_same_weights(loaded, model)


def test_weights_without_a_configuration_are_read_with_one_given(tmp_path: Path) -> None:
    """As Hugging Face's Trainer saves a model that is not one of its own: the state dictionary alone."""
    pair = make_pair("AlbertForSequenceClassification")
    for name, model in (("ours", pair.ours), ("theirs", pair.theirs)):
        (tmp_path / name).mkdir()
        save_file(model.state_dict(), tmp_path / name / "model.safetensors", {"format": "pt"})
        loaded = AlbertForSequenceClassification.from_pretrained(tmp_path / name, config=pair.ours.config)
        assert_same_weights(loaded, pair.ours)
        with pytest.raises(UserError, match=r"has no config\.json"):
            AlbertForSequenceClassification.from_pretrained(tmp_path / name)


def test_weights_given_replace_those_of_the_folder(saved: tuple[AlbertModel, Path]) -> None:
    _, folder = saved
    pair = make_pair("AlbertModel")
    for state in (pair.ours.state_dict(), pair.theirs.state_dict()):
        assert_same_weights(AlbertModel.from_pretrained(folder, state_dict=state), pair.ours)
        alone = AlbertModel.from_pretrained(None, config=pair.ours.config, state_dict=state)
        assert_same_weights(alone, pair.ours)
    with pytest.raises(UserError, match="needs config= and state_dict="):
        AlbertModel.from_pretrained(None, config=pair.ours.config)


def test_loading_info_is_read_by_name_as_hugging_faces(saved: tuple[AlbertModel, Path]) -> None:
    _, ours = AlbertForSequenceClassification.from_pretrained(saved[1], output_loading_info=True)
    _, theirs = transformers.AlbertForSequenceClassification.from_pretrained(saved[1], output_loading_info=True)
    assert set(ours["missing_keys"]) == set(theirs["missing_keys"]) == {"classifier.weight", "classifier.bias"}
    assert ours["missing_keys"] is ours.missing_keys is ours[0]
    assert dict(ours).keys() == set(ours.keys()) >= {"unexpected_keys", "mismatched_keys", "error_msgs"}


def test_norms_of_first_conversions_are_renamed(tmp_path: Path) -> None:
    first = AlbertForMaskedLM(AlbertConfig(**TINY, **AS_HUGGING_FACE)).eval()
    torch.nn.init.normal_(first.predictions.LayerNorm.weight)
    first.save_pretrained(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    old = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): tensor for name, tensor in state.items()}
    old = {name.replace("LayerNorm.bias", "LayerNorm.beta"): tensor for name, tensor in old.items()}
    save_file(old, tmp_path / "model.safetensors", {"format": "pt"})
    loaded, info = AlbertForMaskedLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info)
    assert_same_weights(loaded, first)


def test_saving_takes_what_scripts_pass(saved: tuple[AlbertModel, Path], tmp_path: Path) -> None:
    model, _ = saved
    model.save_pretrained(
        save_directory=tmp_path / "as a script",
        is_main_process=True,
        save_function=torch.save,
        state_dict=model.state_dict(),
        safe_serialization=True,
        push_to_hub=False,
        max_shard_size="2KB",
    )
    assert_same_weights(AlbertModel.from_pretrained(tmp_path / "as a script"), model)
    assert len(list((tmp_path / "as a script").glob("model-*.safetensors"))) > 1
    model.save_pretrained(tmp_path / "nothing", is_main_process=False)
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"push_to_hub": True}, r"push_to_hub=True\) is not supported: call huggingface_hub.upload_folder"),
        ({"safe_serialization": False}, "safe_serialization=False.*never pickled"),
        ({"variant": "fp16"}, "variant='fp16'"),
        ({"max_shard_sise": 1}, "no 'max_shard_sise'; .*max_shard_size"),
    ],
)
def test_what_saving_cannot_follow_is_named(options: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=says):
        AlbertModel(AlbertConfig(**TINY)).save_pretrained(tmp_path, **options)
    assert not list(tmp_path.iterdir())
