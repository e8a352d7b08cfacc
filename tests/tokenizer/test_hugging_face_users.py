"""Transformers' Trainer and collators, datasets and scripts treat our tokenizers as their own."""

import copy
import logging
import pickle
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
import transformers
from datasets.fingerprint import Hasher
from tokenizers import AddedToken
from transformers import DataCollatorForLanguageModeling, DataCollatorForTokenClassification, DataCollatorWithPadding

from albert_lab import AlbertConfig, AlbertForSequenceClassification
from albert_lab.errors import UserError
from albert_lab.tokenizer import AlbertTokenizerFast
from tests.model.peers import TINY

TEXTS = ["the quick brown fox", "a b", "jumps over the lazy dog"]


@pytest.fixture
def theirs(either: Any, tmp_path: Path) -> Any:
    """Transformers' tokenizer, of a folder that ours saved."""
    either.save_pretrained(tmp_path / "theirs")
    return transformers.AutoTokenizer.from_pretrained(tmp_path / "theirs")


def test_isinstance_finds_transformers_classes_and_the_type_stays_ours(either: Any, kind: Any) -> None:
    assert isinstance(either, transformers.PreTrainedTokenizerBase)
    assert isinstance(either, transformers.PreTrainedTokenizerFast) == either.is_fast
    assert isinstance(either, kind)
    assert type(either) is kind
    assert not hasattr(either, "apply_chat_template")
    for twin in (pickle.loads(pickle.dumps(either)), copy.copy(either), copy.deepcopy(either)):
        assert type(twin) is kind


def test_another_tokenizer_is_made_from_the_class_that_isinstance_sees(either: Any, kind: Any, theirs: Any) -> None:
    assert type(either.__class__(either.vocab_file)) is kind
    assert type(either.__class__.from_pretrained(theirs.name_or_path)) is kind


def test_trainer_pads_without_a_collator_and_saves_the_tokenizer(fast: AlbertTokenizerFast, tmp_path: Path) -> None:
    model = AlbertForSequenceClassification(
        AlbertConfig(**(TINY | {"vocab_size": len(fast), "max_position_embeddings": 64}))
    )
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "out"), max_steps=1, per_device_train_batch_size=3, report_to=[], use_cpu=True,
        disable_tqdm=True, save_steps=1,
    )  # fmt: skip
    rows = [{**fast(text), "labels": number % 2} for number, text in enumerate(TEXTS)]
    trainer = transformers.Trainer(model=model, args=arguments, train_dataset=rows, processing_class=fast)
    trainer.train()
    assert isinstance(trainer.data_collator, DataCollatorWithPadding)
    reloaded = transformers.AutoTokenizer.from_pretrained(tmp_path / "out" / "checkpoint-1")
    assert reloaded(TEXTS)["input_ids"] == fast(TEXTS)["input_ids"]


def test_collators_make_the_batches_of_transformers_tokenizer(either: Any, theirs: Any) -> None:
    def make_batches(tokenizer: Any) -> list[Any]:
        options = {"return_token_type_ids": True, "return_special_tokens_mask": True}
        rows = [dict(tokenizer(text, **options)) for text in TEXTS]
        labelled = [row | {"labels": list(range(len(row["input_ids"])))} for row in rows]
        return [
            DataCollatorWithPadding(tokenizer, pad_to_multiple_of=8)(rows),
            DataCollatorForTokenClassification(tokenizer)(labelled),
            DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.5, seed=3)([dict(row) for row in rows]),
        ]

    for ours, expected in zip(make_batches(either), make_batches(theirs), strict=True):
        assert ours.keys() == expected.keys()
        assert all(torch.equal(ours[key], expected[key]) for key in expected)


def test_datasets_map_tokenizes_in_processes_and_finds_its_cache_again(either: Any, kind: Any) -> None:
    before = Hasher.hash(either)
    mapped = datasets.Dataset.from_dict({"text": TEXTS}).map(
        lambda batch: either(batch["text"], return_special_tokens_mask=True), batched=True, num_proc=2
    )
    assert mapped["input_ids"][:] == either(TEXTS)["input_ids"]
    either(["1,000 café", TEXTS[0]], padding=True, return_attention_mask=True).encodings  # noqa: B018
    assert before == Hasher.hash(either) == Hasher.hash(kind(either.vocab_file))


def test_a_special_token_named_by_the_user_is_added_with_a_warning(
    kind: Any, own_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = AddedToken("<end>", lstrip=True, normalized=False, special=True)
    with caplog.at_level(logging.WARNING):
        tokenizer = kind(str(own_model), eos_token=token)
    assert "lacks eos_token='<end>': added; call model.resize_token_embeddings(901)" in caplog.text
    assert (tokenizer.eos_token_id, len(tokenizer)) == (900, 901)
    assert tokenizer.added_tokens_decoder[900] == token
    assert token in tokenizer.all_special_tokens_extended
    tokenizer.save_pretrained(tmp_path)
    caplog.clear()
    assert kind.from_pretrained(tmp_path).added_tokens_decoder == tokenizer.added_tokens_decoder
    assert "lacks" not in caplog.text


def test_additional_special_tokens_are_set_by_id_and_unset(either: Any) -> None:
    either.additional_special_tokens_ids = [7, 8]
    assert either.additional_special_tokens == either.convert_ids_to_tokens([7, 8])
    assert either.additional_special_tokens_ids == [7, 8]
    either.additional_special_tokens = None
    assert either.additional_special_tokens is None
    assert either.additional_special_tokens_ids == []
    assert either("the [MASK]")["input_ids"][-2] == either.mask_token_id
    with pytest.raises(UserError, match="is one token; give a list"):
        either.add_special_tokens({"additional_special_tokens": "<x>"})


def test_splitting_special_tokens_is_switched_off_for_a_call(kind: Any, own_model: Path) -> None:
    tokenizer = kind(str(own_model), split_special_tokens=True)
    assert "[MASK]" in tokenizer.tokenize("a [MASK]", split_special_tokens=False)
    assert "[MASK]" not in tokenizer.tokenize("a [MASK]")


def test_older_names_still_work(kind: Any, own_model: Path) -> None:
    tokenizer = kind(str(own_model), max_len=9)
    assert tokenizer.model_max_length == 9
    padded = tokenizer.encode_plus("the", max_length=8, truncation=True, pad_to_max_length=True)
    assert padded.data == tokenizer("the", max_length=8, truncation=True, padding="max_length").data
    if tokenizer.is_fast:
        assert padded.words() == padded.word_ids()


def test_columns_renamed_by_model_input_names_are_padded(either: Any) -> None:
    either.model_input_names = ["inputs"] + either.model_input_names[1:]  # noqa: RUF005
    padded = either.pad({"inputs": [[5], [5, 6]]})
    assert padded["inputs"] == [[5, either.pad_token_id], [5, 6]]


def test_what_is_not_text_is_a_type_error_too(either: Any) -> None:
    for call in (either, either.tokenize, either.encode, either.encode_plus, either.batch_encode_plus):
        with pytest.raises(TypeError):
            call(None)


def test_a_subfolder_is_read_and_a_push_refused(either: Any, kind: Any, tmp_path: Path) -> None:
    either.save_pretrained(tmp_path / "tokenizer", push_to_hub=False, save_jinja_files=False)
    assert kind.from_pretrained(tmp_path, subfolder="tokenizer")(TEXTS).data == either(TEXTS).data
    with pytest.raises(UserError, match=r"huggingface_hub\.upload_folder"):
        either.save_pretrained(tmp_path / "tokenizer", push_to_hub=True)


def test_a_renamed_special_token_keeps_its_fields_in_training(kind: Any, own_model: Path) -> None:
    first = kind(str(own_model), sep_token=AddedToken("[SEP]", lstrip=True, special=True, normalized=False))
    trained = first.train_new_from_iterator(TEXTS * 20, 40, special_tokens_map={"[SEP]": "<sep>"})
    assert trained.special_tokens_map_extended["sep_token"].content == "<sep>"
    assert trained.special_tokens_map_extended["sep_token"].lstrip
