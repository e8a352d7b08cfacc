"""A table of the head's own for the logits: RemBERT's decoupled sizes, Hugging Face's `tie_word_embeddings=False`."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from albert_lab.errors import UserError
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.torch.albert import AlbertForMaskedLM
from tests.variants import TINY

WIDTHS = {
    "tied": ({}, 8, True),
    "same": ({"tie_word_embeddings": False}, 8, False),
    "same, given twice": ({"tie_word_embeddings": False, "output_embedding_size": 8}, 8, False),
    "wider": ({"output_embedding_size": 24}, 24, False),
    "narrower": ({"output_embedding_size": 3}, 3, False),
}
every_width = pytest.mark.parametrize(("changes", "width", "tied"), WIDTHS.values(), ids=WIDTHS)


def build(changes: dict[str, Any]) -> AlbertForMaskedLM:
    return AlbertForMaskedLM(AlbertConfig(**(TINY | changes))).eval()


@every_width
def test_the_head_has_the_width_and_the_table_that_the_configuration_says(
    changes: dict[str, Any], width: int, tied: bool, batch: Any, perturb: Any
) -> None:
    model = build(changes).double()
    perturb(model)
    head, table = model.predictions, model.albert.embeddings.word_embeddings.weight
    assert model.config.tie_word_embeddings is tied is (head.decoder is None)
    x = model.albert(batch.input_ids, batch.attention_mask).last_hidden_state
    assert head.dense(x).shape[-1] == width
    rows = table if tied else head.decoder.weight
    gelu = functional.gelu(head.dense(x), approximate="tanh")
    expected = head.LayerNorm(gelu) @ rows.T + head.bias
    torch.testing.assert_close(model(batch.input_ids, batch.attention_mask).logits, expected, rtol=0, atol=1e-12)


@every_width
def test_the_configuration_and_the_weights_come_back_from_disk(
    changes: dict[str, Any], width: int, tied: bool, batch: Any, tmp_path: Path
) -> None:
    model = build(changes)
    model.save_pretrained(tmp_path)
    loaded, info = AlbertForMaskedLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info)
    assert loaded.config.tie_word_embeddings is tied
    assert torch.equal(loaded.get_output_embeddings().weight, model.get_output_embeddings().weight)
    torch.testing.assert_close(loaded(batch.input_ids).logits, model(batch.input_ids).logits)


@every_width
def test_a_longer_vocabulary_keeps_the_old_logits(changes: dict[str, Any], width: int, tied: bool, batch: Any) -> None:
    model = build(changes)
    before = model(batch.input_ids).logits
    model.resize_token_embeddings(53)
    after = model(batch.input_ids).logits
    assert after.shape[-1] == 53
    torch.testing.assert_close(after[..., :50], before)


def test_an_own_table_reads_nothing_of_the_words(batch: Any) -> None:
    model = build({"output_embedding_size": 24})
    model(batch.input_ids).logits.sum().backward()
    never_read = next(id for id in range(50) if id not in batch.input_ids)
    table = model.albert.embeddings.word_embeddings.weight
    assert table.grad is not None
    assert not table.grad[never_read].any()
    assert model.predictions.decoder.weight.grad.abs().sum(1).min() > 0


def test_a_table_without_width_is_refused() -> None:
    with pytest.raises(UserError, match="output_embedding_size=0 must be at least 1"):
        build({"output_embedding_size": 0})
