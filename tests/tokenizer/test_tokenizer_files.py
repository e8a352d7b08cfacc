"""We read the folders that transformers saves, it reads ours; files of another kind are refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
import transformers
from tokenizers import AddedToken

from albert_lab.errors import UserError
from albert_lab.tokenizer import AlbertTokenizer, AlbertTokenizerFast
from albert_lab.tokenizer.model_proto import read_model, write_model
from albert_lab.tokenizer.tokenizer_json import read_tokenizer_json
from tests.golden.tokenizer_4_57_6 import NASTY, PLAIN

TEXT = "Hello a brand new day [MASK] <x> (ok) 1,000 fish, a-b. ``c''"
SAVED_BY_BOTH = {
    "spiece.model",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
}


def make_changed(kind: Any, model: Path) -> Any:
    tokenizer = kind(str(model), model_max_length=512, truncation_side="left", do_lower_case=False)
    tokenizer.add_tokens(["brand new"])
    tokenizer.add_special_tokens({"additional_special_tokens": [AddedToken("<x>", rstrip=True)]})
    return tokenizer


def test_a_saved_tokenizer_loads_the_same(kind: Any, own_model: Path, tmp_path: Path) -> None:
    saved = make_changed(kind, own_model)
    files = saved.save_pretrained(tmp_path / "a")
    assert {Path(file).name for file in files} == SAVED_BY_BOTH == {file.name for file in (tmp_path / "a").iterdir()}
    for again in (AlbertTokenizer.from_pretrained(tmp_path / "a"), AlbertTokenizerFast.from_pretrained(tmp_path / "a")):
        assert again(TEXT).data == saved(TEXT).data
        assert again.get_added_vocab() == saved.get_added_vocab()
        assert again.special_tokens_map == saved.special_tokens_map
        assert (again.model_max_length, again.truncation_side, again.do_lower_case) == (512, "left", False)
    again.save_pretrained(tmp_path / "b")
    for file in SAVED_BY_BOTH:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_transformers_5_gives_our_ids_from_our_folder(either: Any, tmp_path: Path) -> None:
    """With token types on request; test_tokenizer_deviations.py has the texts on which they differ."""
    either.add_tokens(["brand new"])
    either.save_pretrained(tmp_path)
    theirs = transformers.AlbertTokenizer.from_pretrained(tmp_path)
    for text in [*PLAIN, TEXT, "1,234,567 and 9,9", "Café (x) £5"]:
        assert theirs(text, return_token_type_ids=True).data == either(text).data, text


def test_we_give_transformers_5s_folder_the_ids_of_its_vocabulary(kind: Any, own_model: Path, tmp_path: Path) -> None:
    """It saves `tokenizer.json` alone, with "(" among its extra special tokens."""
    (tmp_path / "given").mkdir()
    shutil.copy(own_model, tmp_path / "given" / "spiece.model")
    theirs = transformers.AlbertTokenizer.from_pretrained(tmp_path / "given")
    theirs.add_tokens(["brand new"])
    theirs.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved" / "spiece.model").exists()
    tokenizer, expected = kind.from_pretrained(tmp_path / "saved"), kind(str(own_model))
    expected.add_tokens(["brand new"])
    for text in [*NASTY, TEXT]:
        assert tokenizer(text).data == expected(text).data, text
    assert tokenizer.all_special_tokens == expected.all_special_tokens


def test_folders_of_4_57_6_are_read(kind: Any, own_model: Path, golden: dict[str, Any], tmp_path: Path) -> None:
    """The files its slow and its fast tokenizer wrote; the fast one lists "(" and its kind as added tokens."""
    for name, case in golden["saved"].items():
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(own_model, folder / "spiece.model")
        for file, content in case["files"].items():
            (folder / file).write_text(json.dumps(content))
        tokenizer = kind.from_pretrained(folder)
        assert tokenizer(TEXT)["input_ids"] == golden["saved"]["slow"]["ids"], name
        assert tokenizer.model_max_length == 77


def test_older_folders_are_read(kind: Any, own_model: Path, tmp_path: Path) -> None:
    """Before 4.34: no list of added tokens in the configuration, but files of their own."""
    shutil.copy(own_model, tmp_path / "spiece.model")
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": true, "max_len": 64, "name_or_path": "x"}')
    special = {"mask_token": {"content": "[MASK]", "lstrip": True, "rstrip": False, "single_word": False}}
    (tmp_path / "special_tokens_map.json").write_text(json.dumps(special | {"additional_special_tokens": ["<x>"]}))
    (tmp_path / "added_tokens.json").write_text('{"brand new": 900, "<x>": 901}')
    tokenizer = kind.from_pretrained(tmp_path)
    assert tokenizer.model_max_length == 64
    assert tokenizer.get_added_vocab()["brand new"] == 900
    assert tokenizer.tokenize("a brand new  [MASK]<x>") == ["▁", "a", "brand new", "[MASK]", "<x>"]


def test_settings_given_at_loading_replace_saved_ones(kind: Any, own_model: Path, tmp_path: Path) -> None:
    make_changed(kind, own_model).save_pretrained(tmp_path)
    tokenizer = kind.from_pretrained(tmp_path, do_lower_case=True, model_max_length=9, sep_token="<x>")
    assert (tokenizer.do_lower_case, tokenizer.model_max_length, tokenizer.sep_token) == (True, 9, "<x>")


def test_the_vocabulary_alone_is_saved_as_it_was(either: Any, own_model: Path, tmp_path: Path) -> None:
    (file,) = either.save_vocabulary(tmp_path, "mine")
    assert file == str(tmp_path / "mine-spiece.model")
    assert Path(file).read_bytes() == own_model.read_bytes()


def test_a_prefix_and_the_older_format_are_followed(either: Any, tmp_path: Path) -> None:
    files = either.save_pretrained(tmp_path, legacy_format=True, filename_prefix="p")
    assert {Path(file).name for file in files} == {
        "p-spiece.model", "p-tokenizer_config.json", "p-special_tokens_map.json",
    }  # fmt: skip


def test_a_model_rebuilt_from_tokenizer_json_splits_as_the_original(own_model: Path, tmp_path: Path) -> None:
    fast = AlbertTokenizerFast(str(own_model))
    fast.save_pretrained(tmp_path)
    again = AlbertTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    assert again(NASTY, return_offsets_mapping=True).data == fast(NASTY, return_offsets_mapping=True).data
    first, second = read_model(own_model.read_bytes()), read_model(read_tokenizer_json(tmp_path / "tokenizer.json"))
    assert first == second
    assert read_model(write_model(first)) == first


def test_backend_tokenizer_is_what_tokenizer_json_holds(fast: AlbertTokenizerFast, tmp_path: Path) -> None:
    fast.save_pretrained(tmp_path)
    assert json.loads(fast.backend_tokenizer.to_str()) == json.loads((tmp_path / "tokenizer.json").read_text())
    assert fast.backend_tokenizer.encode("the quick fox").ids == fast("the quick fox")["input_ids"]


def test_another_models_vocabulary_is_refused_with_what_it_lacks(kind: Any, tmp_path: Path) -> None:
    file = tmp_path / "other.model"
    with open(file, "wb") as stream:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c d", "b a d c"]), model_writer=stream, vocab_size=9, minloglevel=2
        )
    with pytest.raises(UserError, match=r"is another model's: it lacks bos_token='\[CLS\]'"):
        kind(str(file))
    own = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>"}
    tokenizer = kind(str(file), **own, pad_token=None, mask_token=None)
    assert tokenizer("a b")["input_ids"][0] == tokenizer.cls_token_id == 1


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x80\x04\x95cos\nsystem\n", b"\x0a\xff\xff\xff\xff"])
def test_bytes_of_another_kind_are_refused(kind: Any, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "spiece.model"
    file.write_bytes(content)
    with pytest.raises(UserError, match="is not a SentencePiece model"):
        kind(str(file))
    with pytest.raises(UserError, match="can't be read"):
        kind(str(tmp_path / "absent.model"))
    with pytest.raises(UserError, match="needs a vocab_file"):
        kind()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tokenizer_config.json", "{", "is not JSON"),
        ("tokenizer_config.json", "[]", "holds a list where a JSON object is expected"),
        ("tokenizer_config.json", '{"do_lower_case": "rm -rf"}', "do_lower_case='rm -rf' is neither true nor false"),
        ("tokenizer_config.json", '{"model_max_length": "long"}', "model_max_length='long' is of the wrong type"),
        ("tokenizer_config.json", '{"padding_side": "up"}', "padding_side='up'; known: left, right"),
        ("tokenizer_config.json", '{"added_tokens_decoder": {"x": {}}}', "aren't valid"),
        ("tokenizer_config.json", '{"cls_token": 5}', "aren't valid"),
        ("added_tokens.json", '{"a": "b"}', "aren't valid"),
    ],
)
def test_invalid_settings_are_refused(
    kind: Any, own_model: Path, tmp_path: Path, name: str, content: str, message: str
) -> None:
    shutil.copy(own_model, tmp_path / "spiece.model")
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError) as raised:
        kind.from_pretrained(tmp_path)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"model": {"type": "BPE"}, "added_tokens": []}',
        '{"model": {"type": "Unigram", "unk_id": 0, "vocab": [[1, 2]]}, "added_tokens": []}',
    ],
)
def test_a_tokenizer_json_of_another_kind_is_refused(kind: Any, tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(UserError, match=r"is not JSON|holds a list|is not a unigram tokenizer\.json|aren't valid"):
        kind.from_pretrained(tmp_path)


def test_a_folder_without_a_tokenizer_and_a_misspelt_setting_are_refused(
    kind: Any, own_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"has neither spiece\.model nor tokenizer\.json"):
        kind.from_pretrained(tmp_path)
    with pytest.raises(UserError, match="no folder"):
        kind.from_pretrained(tmp_path / "nowhere")
    with pytest.raises(UserError, match="did you mean 'padding_side'"):
        kind(str(own_model), paddingside="left")


def test_saving_onto_a_file_is_refused_and_a_failed_save_leaves_the_folder_as_it_was(
    either: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file; a tokenizer is saved into a folder"):
        either.save_pretrained(tmp_path / "file")
    write_bytes = Path.write_bytes

    def fail_at_the_vocabulary(path: Path, data: bytes) -> int:
        if path.name == "spiece.model":
            raise OSError("the disk is gone")
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", fail_at_the_vocabulary)
    with pytest.raises(OSError, match="the disk is gone"):
        either.save_pretrained(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
