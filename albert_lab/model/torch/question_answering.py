"""Models that find an answer in a text: one that is always there (SQuAD 1.1), or may not be (SQuAD 2.0).

Hugging Face has no ALBERT for the second, `AlbertForQuestionAnsweringV2`; it is Google's run_squad_v2.py. Its parts are
XLNet's (Yang et al., 2019): the end is judged given the start, and a classifier says whether there is an answer at all.
"""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in albert.py)

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.export import register_dataclass
from torch.nn import functional

from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.torch.albert import AlbertModel
from albert_lab.model.torch.layers.losses import mean_cross_entropy
from albert_lab.model.torch.outputs import ModelOutput, QuestionAnsweringModelOutput
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel

LOWEST_LOGIT = -1e30  # Google's logit of a token that can't be an answer


class AlbertForQuestionAnswering(AlbertPreTrainedModel):
    """Where an answer starts and ends in the text (SQuAD 1.1), each end judged by itself."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__(config)
        self.albert = AlbertModel(self.config, add_pooling_layer=False)
        self.qa_outputs = self._initialize(nn.Linear(self.config.hidden_size, 2))

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
        return self._format_output(output, return_dict)


def position_loss(logits: Tensor, positions: Tensor) -> Tensor:
    """Cross-entropy over the S tokens of logits [B,S]; a position [B] or [B,1] beyond S does not count."""
    length = logits.shape[1]
    return mean_cross_entropy(logits, positions.view(-1).clamp(0, length), ignored=length)


def position_losses(logits: Tensor, positions: Tensor) -> Tensor:
    """The same of each example, [B]; 0 where the position does not count."""
    length = logits.shape[1]
    labels = positions.view(-1).clamp(0, length)
    return functional.cross_entropy(logits, labels, ignore_index=length, reduction="none")


@dataclass
class AnswerOutput(ModelOutput):
    """The loss, or the beam: T starts, and U ends for each of them; or both."""

    loss: Tensor | None = None
    start_top_log_probs: Tensor | None = None  # [B,T], best first
    start_top_index: Tensor | None = None  # [B,T] positions
    end_top_log_probs: Tensor | None = None  # [B,T,U], best first
    end_top_index: Tensor | None = None  # [B,T,U] positions
    cls_logits: Tensor | None = None  # [B], high where the text holds no answer
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    losses: Tensor | None = None  # [B], each example's own


register_dataclass(AnswerOutput)


class EndGivenStart(nn.Module):
    """Logits of the end from every token and one start: 2H -> H, tanh, LayerNorm, H -> 1."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(2 * config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.classifier = nn.Linear(config.hidden_size, 1)

    def forward(self, x_BSH: Tensor, starts_BTH: Tensor) -> Tensor:
        """Logits [B,T,S] for T starts whose states are given."""
        shape = (-1, starts_BTH.shape[1], x_BSH.shape[1], -1)
        pairs = torch.cat([x_BSH[:, None].expand(*shape), starts_BTH[:, :, None].expand(*shape)], dim=-1)
        return self.classifier(self.LayerNorm(self.dense(pairs).tanh())).squeeze(-1)


class NoAnswer(nn.Module):
    """The logit of "no answer" from the expected start state and [CLS]: 2H -> H, tanh, dropout, H -> 1 without bias."""

    def __init__(self, config: AlbertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(2 * config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.classifier_dropout_prob)
        self.classifier = nn.Linear(config.hidden_size, 1, bias=False)

    def forward(self, x_BSH: Tensor, start_probs_BS: Tensor) -> Tensor:
        """Logits [B]."""
        expected_BH = (start_probs_BS[:, None] @ x_BSH).squeeze(1)
        pair = torch.cat([expected_BH, x_BSH[:, 0]], dim=-1)
        return self.classifier(self.dropout(self.dense(pair).tanh())).squeeze(-1)


class AlbertForQuestionAnsweringV2(AlbertPreTrainedModel):
    """Start, end given start, and whether there is an answer at all (Google's run_squad_v2.py)."""

    def __init__(self, config: AlbertConfig, start_n_top: int = 5, end_n_top: int = 5) -> None:
        super().__init__(config)
        self.start_n_top, self.end_n_top = start_n_top, end_n_top
        self.albert = AlbertModel(self.config, add_pooling_layer=False)
        self.start_logits = self._initialize(nn.Linear(self.config.hidden_size, 1))
        self.end_logits = self._initialize(EndGivenStart(self.config))
        self.answer_class = self._initialize(NoAnswer(self.config))

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        is_impossible: Tensor | None = None,
        p_mask: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        return_beam: bool = False,
    ) -> AnswerOutput:
        """The loss, given both positions; else the beam. See `AlbertModel.forward` for the other arguments.

        Args:
            start_positions, end_positions: [B]; 0, the [CLS], where the text holds no answer.
            is_impossible: [B], 1 where the text holds no answer; with it the loss is the mean of both positions'
                losses plus half the answer classifier's.
            p_mask: [B,S], 1 where no answer can be: the question, [SEP], padding.
            return_beam: given both positions, return the beam as well.
        """
        encoded = self.albert(
            input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds,
            output_attentions, output_hidden_states, return_dict=True,
        )  # fmt: skip
        x_BSH = encoded.last_hidden_state
        starts_BS = _mask_logits(self.start_logits(x_BSH).squeeze(-1), p_mask)
        no_answer_B = self.answer_class(x_BSH, starts_BS.softmax(-1))
        wants_beam = return_beam or start_positions is None or end_positions is None
        output = self._beam(x_BSH, starts_BS, p_mask) if wants_beam else AnswerOutput()
        if start_positions is not None and end_positions is not None:
            ends_BS = self._ends_given_starts(x_BSH, start_positions, p_mask)
            output.loss = (position_loss(starts_BS, start_positions) + position_loss(ends_BS, end_positions)) / 2
            both_B = position_losses(starts_BS, start_positions) + position_losses(ends_BS, end_positions)
            output.losses = both_B / 2
            if is_impossible is not None:
                target = is_impossible.to(no_answer_B.dtype)
                losses_B = functional.binary_cross_entropy_with_logits(no_answer_B, target, reduction="none") / 2
                output.loss, output.losses = output.loss + losses_B.mean(), output.losses + losses_B
        output.cls_logits = no_answer_B
        output.hidden_states, output.attentions = encoded.hidden_states, encoded.attentions
        return self._format_output(output, return_dict)

    def _ends_given_starts(self, x_BSH: Tensor, starts_B: Tensor, p_mask: Tensor | None) -> Tensor:
        """Logits [B,S]. A start that was cut off is taken for the last token; its loss does not count."""
        index_B1 = starts_B.view(-1, 1).clamp(0, x_BSH.shape[1] - 1)
        return _mask_logits(self.end_logits(x_BSH, _select_states(x_BSH, index_B1)).squeeze(1), p_mask)

    def _beam(self, x_BSH: Tensor, starts_BS: Tensor, p_mask: Tensor | None) -> AnswerOutput:
        length = starts_BS.shape[1]
        start_log_probs, start_index = starts_BS.log_softmax(-1).topk(min(self.start_n_top, length))
        ends_BTS = self.end_logits(x_BSH, _select_states(x_BSH, start_index))
        ends_BTS = _mask_logits(ends_BTS, None if p_mask is None else p_mask[:, None])
        end_log_probs, end_index = ends_BTS.log_softmax(-1).topk(min(self.end_n_top, length))
        return AnswerOutput(None, start_log_probs, start_index, end_log_probs, end_index)


def _mask_logits(logits: Tensor, p_mask: Tensor | None) -> Tensor:
    lowest = max(LOWEST_LOGIT, torch.finfo(logits.dtype).min)  # float16 ends at -65504
    return logits if p_mask is None else logits.masked_fill(p_mask.bool(), lowest)


def _select_states(x_BSH: Tensor, index_BT: Tensor) -> Tensor:
    """The states [B,T,H] of the tokens at these positions."""
    return x_BSH.gather(1, index_BT[:, :, None].expand(-1, -1, x_BSH.shape[-1]))
