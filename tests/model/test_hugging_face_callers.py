"""What Hugging Face's Trainer, pipelines and scripts do with a model works: states, outputs, arguments, gradients."""

import copy
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset

import albert_lab
from albert_lab import AlbertConfig, AlbertForMaskedLM, AlbertForSequenceClassification, AlbertModel, AlbertTokenizer
from albert_lab.errors import UserError
from albert_lab.model.torch.outputs import MaskedLMOutput
from tests.lab import ROOT
from tests.model.peers import TINY, every_head, make_inputs, make_pair, transformers

IDS = torch.arange(1, 11).view(2, 5)


@every_head
@pytest.mark.parametrize("tied", [True, False])
def test_a_state_of_hugging_faces_model_is_loaded(head: str, tied: bool) -> None:
    pair = make_pair(head, num_hidden_layers=4, num_hidden_groups=2, tie_word_embeddings=tied)
    new = type(pair.ours)(pair.ours.config).double().eval()
    found = new.load_state_dict(pair.theirs.state_dict())
    assert not found.missing_keys
    assert not found.unexpected_keys
    inputs = make_inputs(head, pair.ours.config)
    torch.testing.assert_close(new(**inputs)[0], pair.theirs(**inputs)[0], rtol=1e-10, atol=1e-10)


def test_what_a_state_lacks_or_adds_is_an_error_as_in_pytorch() -> None:
    pair = make_pair("AlbertModel")
    state = pair.theirs.state_dict()
    state["more.encoder.albert_layer_groups.weight"] = state.pop("pooler.bias")
    with pytest.raises(RuntimeError, match=r"Missing key.*pooler.bias.*\n?.*Unexpected key.*more"):
        pair.ours.load_state_dict(state)
    assert pair.ours.load_state_dict(state, strict=False).missing_keys == ["pooler.bias"]


def test_an_output_is_a_mapping_whose_items_can_be_set() -> None:
    output = AlbertForMaskedLM(AlbertConfig(**TINY))(IDS)
    assert isinstance(output, Mapping)
    logits = output.logits + 1
    output["logits"] = logits
    output["input_ids"] = IDS  # as pipelines add the inputs
    assert output.logits is output["logits"] is dict(output)["logits"] is output[0] is logits
    assert list(output) == list(dict(**output)) == ["logits", "input_ids"]
    rebuilt = type(output)(dict(output))  # as Accelerate and Lightning do after moving what a mapping holds
    assert isinstance(rebuilt, MaskedLMOutput)
    assert rebuilt.logits is logits
    assert rebuilt.loss is None


@every_head
def test_arguments_of_other_versions_change_nothing(head: str) -> None:
    pair = make_pair(head)
    inputs = make_inputs(head, pair.ours.config)
    more = {"head_mask": None, "use_cache": False}
    assert torch.equal(pair.ours(**inputs, **more)[0], pair.ours(**inputs)[0])
    torch.testing.assert_close(pair.theirs(**inputs, **more)[0], pair.theirs(**inputs)[0])
    with pytest.raises(TypeError, match="unexpected keyword argument 'head_maks'"):
        pair.ours(**inputs, head_maks=None)


HEADS_OF_ITEMS = [
    ("AlbertForMaskedLM", {}),
    ("AlbertForTokenClassification", {}),
    ("AlbertForMultipleChoice", {}),
    ("AlbertForSequenceClassification", {"problem_type": "single_label_classification"}),
    ("AlbertForSequenceClassification", {"problem_type": "multi_label_classification"}),
    ("AlbertForSequenceClassification", {"problem_type": "regression"}),
]


@pytest.mark.parametrize(("head", "changes"), HEADS_OF_ITEMS)
@pytest.mark.parametrize("kind", [int, torch.tensor])
def test_losses_of_several_batches_add_up_to_the_mean_of_all(head: str, changes: dict[str, Any], kind: Any) -> None:
    pair = make_pair(head, num_labels=3, **changes)
    inputs = make_inputs(head, pair.ours.config, sequences=5)
    items = kind(int((inputs["labels"] != -100).sum()))
    parts = [{name: value[rows] for name, value in inputs.items()} for rows in (slice(0, 1), slice(1, 5))]
    losses = [pair.ours(**part, num_items_in_batch=items).loss for part in parts]
    torch.testing.assert_close(sum(losses), pair.ours(**inputs).loss, rtol=1e-10, atol=1e-10)
    assert pair.ours.accepts_loss_kwargs


def test_only_models_that_divide_by_the_items_ask_for_them() -> None:
    for name in ("AlbertModel", "AlbertForPreTraining", "AlbertForQuestionAnswering", "AlbertForQuestionAnsweringV2"):
        assert not getattr(albert_lab, name).accepts_loss_kwargs


def test_the_embeddings_output_requires_a_gradient_on_request() -> None:
    model = AlbertModel(AlbertConfig(**TINY)).requires_grad_(False)
    assert not model(IDS)[0].requires_grad
    model.enable_input_require_grads()
    model.enable_input_require_grads()
    assert model(IDS)[0].requires_grad
    model.disable_input_require_grads()
    model.disable_input_require_grads()
    assert not model(IDS)[0].requires_grad


@pytest.mark.parametrize("options", [None, {"use_reentrant": True}, {"use_reentrant": False}])
def test_gradient_checkpointing_takes_its_options(options: dict[str, Any] | None) -> None:
    model = AlbertModel(AlbertConfig(**TINY))
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=options)
    assert model.supports_gradient_checkpointing
    assert model.is_gradient_checkpointing
    model.activation_checkpointing_disable()
    assert not model.is_gradient_checkpointing
    with pytest.raises(UserError, match="every_n_layers=2, offload=False is not supported"):
        model.activation_checkpointing_enable(options, every_n_layers=2)


@pytest.mark.parametrize("tied", [True, False])
def test_new_rows_are_near_the_mean_as_hugging_faces(tied: bool) -> None:
    pair = make_pair("AlbertForMaskedLM", tie_word_embeddings=tied)
    mean = pair.ours.get_input_embeddings().weight.mean(0)
    for model in (pair.ours, pair.theirs):
        model.resize_token_embeddings(400)
        table = model.get_input_embeddings().weight
        torch.testing.assert_close(table[29:], mean.expand(371, -1), rtol=0, atol=1e-3)
        noise = table[29:].std(0) / table[:29].std(0)
        torch.testing.assert_close(noise, torch.full_like(noise, 1e-9**0.5), rtol=0.3, atol=0)
        bias = model.predictions.bias
        expected = torch.zeros(371).double() if tied else bias[:29].mean().expand(371)
        torch.testing.assert_close(bias[29:], expected, rtol=0, atol=1e-3)


def test_new_rows_are_drawn_as_for_a_new_model_on_request() -> None:
    pair = make_pair("AlbertForMaskedLM")
    pair.ours.resize_token_embeddings(400, mean_resizing=False)
    assert 0.01 < pair.ours.get_input_embeddings().weight[29:].std() < 0.03
    assert not pair.ours.predictions.bias[29:].any()


class Texts(Dataset):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"input_ids": torch.arange(index, index + 5), "labels": index % 2}


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Hugging Face's Trainer after four steps, with a checkpoint at every second."""
    pytest.importorskip("accelerate")
    config = AlbertConfig(**TINY, num_hidden_groups=2)
    return run_trainer(AlbertForSequenceClassification(config), tmp_path_factory.mktemp("trainer"))


def run_trainer(model: torch.nn.Module, folder: Path, resume: str | None = None) -> Any:
    arguments = transformers.TrainingArguments(
        folder,
        max_steps=4,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        activation_checkpointing=True,
        report_to=[],
        save_strategy="steps",
        eval_strategy="steps",
        save_steps=2,
        eval_steps=2,
        load_best_model_at_end=True,
        push_to_hub=False,
        disable_tqdm=True,
        use_cpu=True,
    )
    tokenizer = AlbertTokenizer(str(next((ROOT / "tests" / "golden").rglob("*.model"))))
    trainer = transformers.Trainer(
        model, arguments, train_dataset=Texts(), eval_dataset=Texts(), processing_class=tokenizer
    )
    trainer.train(resume_from_checkpoint=resume)
    return trainer


def test_hugging_faces_trainer_trains_and_evaluates_a_model(trainer: Any) -> None:
    assert trainer.state.global_step == 4
    assert trainer.model.is_gradient_checkpointing
    assert trainer.evaluate()["eval_loss"] > 0
    assert trainer.predict(Texts()).predictions.shape == (8, 2)


def test_what_the_trainer_saves_is_loaded_by_both_libraries_alone(trainer: Any, tmp_path: Path) -> None:
    trainer.save_model(tmp_path)
    ours = AlbertForSequenceClassification.from_pretrained(tmp_path)
    expected = trainer.model.eval()(IDS).logits
    assert torch.equal(ours(IDS).logits, expected)
    theirs, info = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    torch.testing.assert_close(theirs(IDS).logits, expected)
    assert AlbertTokenizer.from_pretrained(tmp_path).vocab_size == trainer.processing_class.vocab_size


@pytest.mark.parametrize("changes", [{"num_hidden_groups": 2}, {"norm_placement": "pre"}])
def test_the_trainer_resumes_from_its_checkpoint_with_the_same_bits(changes: dict[str, Any], tmp_path: Path) -> None:
    """Also a variant that is stored in the lab's own format."""
    pytest.importorskip("accelerate")
    models = [AlbertForSequenceClassification(AlbertConfig(**TINY, **changes)) for _ in range(2)]
    run_trainer(models[0], tmp_path)
    resumed = run_trainer(models[1], tmp_path, resume=str(tmp_path / "checkpoint-2"))
    assert resumed.state.global_step == 4
    states = [model.state_dict() for model in models]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_model_is_an_instance_of_hugging_faces_base_only_for_isinstance(trainer: Any) -> None:
    model = trainer.model
    assert isinstance(model, transformers.PreTrainedModel)
    assert type(model) is AlbertForSequenceClassification
    assert not issubclass(AlbertForSequenceClassification, transformers.PreTrainedModel)
    for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), model.__class__(model.config)):
        assert type(copied) is AlbertForSequenceClassification
    assert torch.equal(pickle.loads(pickle.dumps(model.eval()))(IDS).logits, model(IDS).logits)


@every_head
def test_weights_are_drawn_again_on_request(head: str) -> None:
    ours = make_pair(head).ours
    with torch.device("meta"):
        model = type(ours)(ours.config)
    model.to_empty(device="cpu")
    torch.manual_seed(5)
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 9)
    model.init_weights()
    model.tie_weights()
    assert all(parameter.abs().max() <= 1 for parameter in model.parameters())
    assert model(**make_inputs(head, model.config))[0].isfinite().all()
    assert model.vocab_size == model.config.vocab_size
    assert not model.can_generate()


@every_head
def test_a_model_is_made_from_hugging_faces_configuration(head: str) -> None:
    pair = make_pair(head)
    config = transformers.AlbertConfig(**(TINY | {"num_hidden_groups": 2, "attn_implementation": "eager"}))
    model = type(pair.ours)(config)
    assert isinstance(model.config, AlbertConfig)
    assert model.config is model.base_model.config
    assert model.config.attn_implementation == "eager"
    assert model.config.layer_map == AlbertConfig(**TINY, num_hidden_groups=2).layer_map


def test_a_configuration_switches_gradient_checkpointing_on() -> None:
    config = AlbertConfig(**TINY)
    assert not AlbertModel(config).is_activation_checkpointing
    config.gradient_checkpointing = True
    assert AlbertForMaskedLM(config).is_activation_checkpointing
    assert "gradient_checkpointing" not in config.to_dict()


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize(
    ("task", "head"),
    [
        ("fill-mask", "AlbertForMaskedLM"),
        ("text-classification", "AlbertForSequenceClassification"),
        ("token-classification", "AlbertForTokenClassification"),
        ("feature-extraction", "AlbertModel"),
    ],
)
def test_pipelines_run_with_models_and_tokenizers_of_ours(task: str, head: str, ours: bool, tmp_path: Path) -> None:
    tokenizer = AlbertTokenizer(str(next((ROOT / "tests" / "golden").rglob("*.model"))))
    tokenizer.save_pretrained(tmp_path)
    model = getattr(albert_lab, head)(AlbertConfig(**(TINY | {"vocab_size": len(tokenizer)}))).eval()
    model.save_pretrained(tmp_path)
    theirs = getattr(transformers, head).from_pretrained(tmp_path)
    their_tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    pipe = transformers.pipeline(task, model=model, tokenizer=tokenizer if ours else their_tokenizer)
    found = pipe("a [MASK] b")
    expected = transformers.pipeline(task, model=theirs, tokenizer=their_tokenizer)("a [MASK] b")
    if task == "feature-extraction":
        torch.testing.assert_close(torch.tensor(found), torch.tensor(expected))
    else:
        assert [set(one) for one in found] == [set(one) for one in expected]
        scores = [[one["score"] for one in each] for each in (found, expected)]
        assert scores[0] == pytest.approx(scores[1], rel=1e-4)
