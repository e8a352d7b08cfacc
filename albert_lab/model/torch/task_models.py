"""The models of tasks: classification of sequences and tokens, choices, answers in a text."""
# ruff: noqa: N806 (a shape suffix has the paper's capital letters; legend in albert.py)

from torch import Tensor, nn
from torch.nn import functional

from albert_lab.errors import UserError, nearest
from albert_lab.model.configuration import PROBLEM_TYPES, AlbertConfig
from albert_lab.model.torch.albert import AlbertModel, word_loss
from albert_lab.model.torch.outputs import (
    MultipleChoiceModelOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel


class AlbertForSequenceClassification(AlbertPreTrainedModel):
    """Classifies or scores a sequence or pair from its pooled [CLS] (Google's run_classifier.py)."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config)
        self.albert = AlbertModel(config)
        self.dropout = nn.Dropout(config.classifier_dropout_prob)
        self.classifier = self._initialize(nn.Linear(config.hidden_size, config.num_labels))

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
    ) -> SequenceClassifierOutput:
        """Logits [B,labels]; see `AlbertModel.forward` for the other arguments.

        Args:
            labels: [B] classes; [B] or [B,labels] numbers for a regression; [B,labels] of 0.0 and 1.0 for several
                labels at once. `config.problem_type` says which; None: from the number and type of the labels.
        """
        encoded = self.albert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions, output_hidden_states, return_dict=True,
        )  # fmt: skip
        logits = self.classifier(self.dropout(encoded.pooler_output))
        loss = None if labels is None else self._loss(logits, labels)
        output = SequenceClassifierOutput(loss, logits, encoded.hidden_states, encoded.attentions)
        return self._returned(output, return_dict)

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        problem = self.config.problem_type or self._problem_of(labels)
        if problem == "regression":
            return functional.mse_loss(logits, labels.reshape(logits.shape).to(logits.dtype))
        if problem == "single_label_classification":
            return functional.cross_entropy(logits, labels.view(-1))
        if problem == "multi_label_classification":
            return functional.binary_cross_entropy_with_logits(logits, labels)
        raise UserError(f"problem_type={problem!r} is unknown{nearest(problem, PROBLEM_TYPES)}")

    def _problem_of(self, labels: Tensor) -> str:
        if self.config.num_labels == 1:
            return "regression"
        return "multi_label_classification" if labels.is_floating_point() else "single_label_classification"


class AlbertForMultipleChoice(AlbertPreTrainedModel):
    """Which of several continuations fits: each is scored alone, a softmax over them chooses (RACE, SWAG)."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config)
        self.albert = AlbertModel(config)
        self.dropout = nn.Dropout(config.classifier_dropout_prob)
        self.classifier = self._initialize(nn.Linear(config.hidden_size, 1))

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
        loss = None if labels is None else functional.cross_entropy(logits, labels)
        output = MultipleChoiceModelOutput(loss, logits, encoded.hidden_states, encoded.attentions)
        return self._returned(output, return_dict)


class AlbertForTokenClassification(AlbertPreTrainedModel):
    """Labels every token, as for named entities."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config)
        self.albert = AlbertModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(config.classifier_dropout_prob)
        self.classifier = self._initialize(nn.Linear(config.hidden_size, config.num_labels))

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
    ) -> TokenClassifierOutput:
        """Logits [B,S,labels]; `labels` [B,S], -100 where a token does not count (0 loss where none does)."""
        encoded = self.albert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions, output_hidden_states, return_dict=True,
        )  # fmt: skip
        logits = self.classifier(self.dropout(encoded.last_hidden_state))
        loss = None if labels is None else word_loss(logits, labels)
        output = TokenClassifierOutput(loss, logits, encoded.hidden_states, encoded.attentions)
        return self._returned(output, return_dict)


class AlbertForQuestionAnswering(AlbertPreTrainedModel):
    """Where an answer starts and ends in the text (SQuAD 1.1), each end judged by itself."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config)
        self.albert = AlbertModel(config, add_pooling_layer=False)
        self.qa_outputs = self._initialize(nn.Linear(config.hidden_size, 2))

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> QuestionAnsweringModelOutput:
        """Logits [B,S] of both ends; the loss is the mean of theirs.

        Args:
            start_positions, end_positions: [B] or [B,1]; one beyond S does not count (the answer was cut off).
        """
        encoded = self.albert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions, output_hidden_states, return_dict=True,
        )  # fmt: skip
        starts_BS, ends_BS = self.qa_outputs(encoded.last_hidden_state).unbind(-1)
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = (position_loss(starts_BS, start_positions) + position_loss(ends_BS, end_positions)) / 2
        output = QuestionAnsweringModelOutput(loss, starts_BS, ends_BS, encoded.hidden_states, encoded.attentions)
        return self._returned(output, return_dict)


def position_loss(logits: Tensor, positions: Tensor) -> Tensor:
    """Cross-entropy over the S tokens of logits [B,S]; a position [B] or [B,1] beyond S does not count."""
    length = logits.shape[1]
    return word_loss(logits, positions.view(-1).clamp(0, length), ignored=length)
