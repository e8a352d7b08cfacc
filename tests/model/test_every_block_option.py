"""What holds for every block option: gradients, padding, masks, precision, compiling, exporting, checkpoints."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from albert_lab.config.variant import ModelConfig
from albert_lab.model.torch.albert import AlbertForPreTraining
from tests.model.block_options import OPTIONS, every_option, make_model
from tests.variants import build

MakeConfig = Callable[..., ModelConfig]


@every_option
def test_every_weight_gets_a_gradient(batch: Any, loss_of: Any, option: str) -> None:
    model = make_model(option)
    loss_of(model(**batch._asdict())).backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []
    moved = {name for name, parameter in model.named_parameters() if parameter.grad.abs().max() > 1e-12}
    still = {f"albert.encoder.attention.{id}.key.bias" for id in range(6)}  # shifts all scores of a query alike
    assert set(dict(model.named_parameters())) - moved <= still


@every_option
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_padding_changes_nothing(batch: Any, option: str, attention: str) -> None:
    model = make_model(option)
    model.set_attn_implementation(attention)
    other = batch._replace(input_ids=torch.where(batch.attention_mask, batch.input_ids, 7))
    for one, two in zip(model(**batch._asdict()).values(), model(**other._asdict()).values(), strict=True):
        assert torch.equal(one, two)


@every_option
def test_fused_and_plain_attention_agree_forward_and_backward(batch: Any, loss_of: Any, option: str) -> None:
    model, gradients = make_model(option), []
    for attention in ("sdpa", "eager"):
        model.zero_grad()
        model.set_attn_implementation(attention)
        loss_of(model(**batch._asdict())).backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-11)


@every_option
def test_a_mask_of_numbers_to_add_equals_a_mask_of_truths(batch: Any, option: str) -> None:
    model = make_model(option)
    added = torch.zeros(3, 1, 1, 9, dtype=torch.float64).masked_fill(~batch.attention_mask[:, None, None, :], -1e30)
    one, two = (model(**batch._replace(attention_mask=m)._asdict()) for m in (batch.attention_mask, added))
    torch.testing.assert_close(one.prediction_logits, two.prediction_logits, rtol=0, atol=1e-12)


@every_option
def test_a_pickled_model_computes_the_same(batch: Any, option: str) -> None:
    model = make_model(option)
    copy = pickle.loads(pickle.dumps(model))
    assert torch.equal(copy(**batch._asdict()).prediction_logits, model(**batch._asdict()).prediction_logits)


@every_option
def test_hidden_states_end_with_what_the_heads_read(batch: Any, option: str) -> None:
    output = make_model(option).albert(batch.input_ids, batch.attention_mask, output_hidden_states=True)
    assert len(output.hidden_states) == 7
    assert torch.equal(output.hidden_states[-1], output.last_hidden_state)


@every_option
def test_forward_is_one_graph_without_breaks(batch: Any, option: str) -> None:
    model = make_model(option, num_hidden_layers=2)
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    expected = model(**batch._asdict()).prediction_logits
    torch.testing.assert_close(compiled(**batch._asdict()).prediction_logits, expected, rtol=0, atol=1e-12)


@every_option
def test_exported_for_any_length_it_computes_the_same(batch: Any, option: str) -> None:
    model = make_model(option, num_hidden_layers=2).albert
    tokens = torch.export.Dim("tokens", min=2, max=12)
    shapes = ({1: tokens}, {1: tokens})
    exported = torch.export.export(model, (batch.input_ids, batch.attention_mask), dynamic_shapes=shapes).module()
    shorter = (batch.input_ids[:, :5], batch.attention_mask[:, :5])
    expected = model(*shorter).last_hidden_state
    torch.testing.assert_close(exported(*shorter).last_hidden_state, expected, rtol=0, atol=1e-12)


@every_option
def test_the_meta_device_gives_shapes(make_config: MakeConfig, batch: Any, option: str) -> None:
    with torch.device("meta"):
        model = build(make_config(**OPTIONS[option]))
    output = model(**{name: part.to("meta") for name, part in batch._asdict().items()})
    assert output.prediction_logits.shape == (5, 50)


@every_option
def test_bfloat16_stays_near_float32(make_config: MakeConfig, batch: Any, option: str) -> None:
    model = build(make_config(**OPTIONS[option])).eval()
    exact = model(**batch._asdict()).prediction_logits
    with torch.autocast("cpu", torch.bfloat16):
        low = model(**batch._asdict()).prediction_logits
    assert low.dtype is torch.bfloat16
    torch.testing.assert_close(low.float(), exact, rtol=0.05, atol=0.02)
    model.bfloat16()
    torch.testing.assert_close(model(**batch._asdict()).prediction_logits.float(), exact, rtol=0.05, atol=0.02)


@every_option
def test_gradient_checkpointing_changes_no_bit(batch: Any, loss_of: Any, option: str) -> None:
    model, results = make_model(option).train(), []
    for switch in (model.gradient_checkpointing_disable, model.gradient_checkpointing_enable):
        switch()
        model.zero_grad()
        loss = loss_of(model(**batch._asdict()))
        loss.backward()
        results.append([loss.detach(), *(parameter.grad for parameter in model.parameters())])
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))


@every_option
def test_a_checkpoint_folder_brings_back_the_same_model(batch: Any, tmp_path: Path, option: str) -> None:
    model = make_model(option)
    model.save_pretrained(tmp_path)
    loaded, info = AlbertForPreTraining.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info)
    assert loaded.config == model.config
    assert all(torch.equal(one, two) for one, two in zip(loaded.parameters(), model.parameters(), strict=True))
    one, two = (each(**batch._asdict()).prediction_logits for each in (loaded, model))
    torch.testing.assert_close(one, two, rtol=0, atol=1e-12)


@pytest.mark.parametrize("option", ["relative_key", "pre, universal, relative_key"])
@pytest.mark.usefixtures("one_onnx_registry")
@torch.no_grad()  # with gradients the exporter takes another attention kernel in each of its two passes, and fails
def test_onnx_computes_the_same_for_any_length(batch: Any, tmp_path: Path, option: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = make_model(option, num_hidden_layers=2).float().albert
    tokens, mask = torch.export.Dim("tokens", min=2, max=12), batch.attention_mask.long()
    shapes = ({1: tokens}, {1: tokens})
    program = torch.onnx.export(model, (batch.input_ids, mask), dynamo=True, dynamic_shapes=shapes, verbose=False)
    program.save(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    names = [each.name for each in session.get_inputs()]
    given = [tensor[:, :5].numpy() for tensor in (batch.input_ids, mask)]
    computed = session.run(None, dict(zip(names, given, strict=True)))[0]
    expected = model(batch.input_ids[:, :5], mask[:, :5]).last_hidden_state
    torch.testing.assert_close(torch.from_numpy(computed), expected, rtol=0, atol=1e-5)
