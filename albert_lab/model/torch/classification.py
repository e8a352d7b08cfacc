"""Models that classify: a sequence, each of its tokens, or which of several continuations fits."""
# ruff: noqa: N803 (a shape suffix has the paper's capital letters; legend in albert.py)

from torch import Tensor, nn
from torch.nn import functional

from albert_lab.config.variant import Pooling
from albert_lab.errors import UserError, nearest
from albert_lab.model.configuration import PROBLEM_TYPES, AlbertConfig
from albert_lab.model.torch.albert import AlbertModel
from albert_lab.model.torch.layers.losses import divide_loss, mean_cross_entropy
from albert_lab.model.torch.outputs import (
    MultipleChoiceModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel


class AlbertForSequenceClassification(AlbertPreTrainedModel):
    """Classifies or scores a sequence or pair from its pooled [CLS] (Google's run_classifier.py).

    With `config.classifier_pooling="mean"` it reads the mean of the tokens in its place.
    """

    accepts_loss_kwargs = True  # `num_items_in_batch`

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config)
        self.albert = AlbertModel(self.config)
        self.dropout = nn.Dropout(self.config.classifier_dropout_prob)
        self.classifier = self._initialize(nn.Linear(self.config.hidden_size, self.config.num_labels))

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        num_items_in_batch: Tensor | int | None = None,
    ) -> SequenceClassifierOutput:
        """Logits [B,labels]; see `AlbertModel.forward` for the other arguments.

        Args:
            labels: [B] classes; [B] or [B,labels] numbers for a regression; [B,labels] of 0.0 and 1.0 for several
                labels at once. `config.problem_type` says which; None: from the number and type of the labels.
            num_items_in_batch: labels of all batches that make up an optimizer step; the loss is then the sum over this
                batch divided by it, as Hugging Face's Trainer expects.
        """
        encoded = self.albert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions, output_hidden_states, return_dict=True,
        )  # fmt: skip
        pooled = encoded.pooler_output
        if self.config.classifier_pooling is Pooling.mean:
            pooled = _average_tokens(encoded.last_hidden_state, attention_mask)
        logits = self.classifier(self.dropout(pooled))
        loss = None if labels is None else self._loss(logits, labels, num_items_in_batch)
        output = SequenceClassifierOutput(loss, logits, encoded.hidden_states, encoded.attentions)
        return self._format_output(output, return_dict)

    def _loss(self, logits: Tensor, labels: Tensor, num_items: Tensor | int | None) -> Tensor:
        problem = self.config.problem_type or self._problem_of(labels)
        if problem == "regression":
            return divide_loss(functional.mse_loss, logits, labels.reshape(logits.shape).to(logits.dtype), num_items)
        if problem == "single_label_classification":
            return divide_loss(functional.cross_entropy, logits, labels.view(-1), num_items)
        if problem == "multi_label_classification":
            return divide_loss(functional.binary_cross_entropy_with_logits, logits, labels, num_items)
        raise UserError(f"problem_type={problem!r} is unknown{nearest(problem, PROBLEM_TYPES)}")

    def _problem_of(self, labels: Tensor) -> str:
        if self.config.num_labels == 1:
            return "regression"
        return "multi_label_classification" if labels.is_floating_point() else "single_label_classification"


def _average_tokens(x_BSH: Tensor, mask_BS: Tensor | None) -> Tensor:
    """[B,H]: the mean over the tokens that `mask_BS` keeps, [CLS] and [SEP] included."""
    if mask_BS is None:
        return x_BSH.mean(1)
    weights = mask_BS.to(x_BSH.dtype)[..., None]
    return (x_BSH * weights).sum(1) / weights.sum(1).clamp(min=1)


class AlbertForMultipleChoice(AlbertPreTrainedModel):
    """Which of several continuations fits: each is scored alone, a softmax over them chooses (RACE, SWAG)."""

    accepts_loss_kwargs = True  # `num_items_in_batch`

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config)
        self.albert = AlbertModel(self.config)
        self.dropout = nn.Dropout(self.config.classifier_dropout_prob)
        self.classifier = self._initialize(nn.Linear(self.config.hidden_size, 1))

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        num_items_in_batch: Tensor | int | None = None,
    ) -> MultipleChoiceModelOutput:
        """Logits [B,C] of C choices; every input is [B,C,S] (`inputs_embeds` [B,C,S,E]), `labels` [B] the right one."""
        given = input_ids if input_ids is not None else inputs_embeds
        if given is None:
            raise ValueError("give exactly one of input_ids and inputs_embeds")
        choices = given.shape[1]
        inputs = (input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds)
        encoded = self.albert(
            *(None if each is None else each.flatten(0, 1) for each in inputs),
            output_attentions, output_hidden_states, return_dict=True,
        )  # fmt: skip
        logits = self.classifier(self.dropout(encoded.pooler_output)).view(-1, choices)
        loss = None if labels is None else divide_loss(functional.cross_entropy, logits, labels, num_items_in_batch)
        output = MultipleChoiceModelOutput(loss, logits, encoded.hidden_states, encoded.attentions)
        return self._format_output(output, return_dict)


class AlbertForTokenClassification(AlbertPreTrainedModel):
    """Labels every token, as for named entities."""

    accepts_loss_kwargs = True  # `num_items_in_batch`

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config)
        self.albert = AlbertModel(self.config, add_pooling_layer=False)
        self.dropout = nn.Dropout(self.config.classifier_dropout_prob)
        self.classifier = self._initialize(nn.Linear(self.config.hidden_size, self.config.num_labels))

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        num_items_in_batch: Tensor | int | None = None,
    ) -> TokenClassifierOutput:
        """Logits [B,S,labels]; `labels` [B,S], -100 where a token does not count (0 loss where none does)."""
        encoded = self.albert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions, output_hidden_states, return_dict=True,
        )  # fmt: skip
        logits = self.classifier(self.dropout(encoded.last_hidden_state))
        loss = None if labels is None else mean_cross_entropy(logits, labels, num_items=num_items_in_batch)
        output = TokenClassifierOutput(loss, logits, encoded.hidden_states, encoded.attentions)
        return self._format_output(output, return_dict)
