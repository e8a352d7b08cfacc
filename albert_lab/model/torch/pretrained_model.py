"""What every model class has: configuration, tables, attention, gradient checkpointing, saving and loading."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from albert_lab.errors import UserError, nearest
from albert_lab.model.configuration import MODEL_TYPE, AlbertConfig
from albert_lab.model.shape import check_model_shape
from albert_lab.model.torch.checkpoint import load_pretrained, write_pretrained
from albert_lab.model.torch.hugging_face import HuggingFaceModel
from albert_lab.model.torch.layers.attention import ATTENTIONS
from albert_lab.model.torch.layers.blocks import AttentionBlock
from albert_lab.model.torch.layers.embeddings import Embeddings
from albert_lab.model.torch.layers.encoder import Encoder
from albert_lab.model.torch.layers.heads import MaskedLanguageModelHead
from albert_lab.model.torch.layers.initialize import initialize
from albert_lab.model.torch.layers.linear import Linear
from albert_lab.model.torch.loading_options import check_saving_options
from albert_lab.model.torch.state_names import convert_names

Part = TypeVar("Part", bound=nn.Module)
IGNORED_ARGUMENTS = ("head_mask", "use_cache")  # of Hugging Face's calls; transformers 5 ignores them too
_NOISE_VARIANCE = 1e-9  # of new rows, as a share of the old rows' variance; Hugging Face's


class AlbertPreTrainedModel(HuggingFaceModel):
    """Base of the models; `albert` is the part of a model that all share, in `AlbertModel` the model itself."""

    _input_hook: RemovableHandle | None = None  # of `enable_input_require_grads`

    def __init__(self, config: AlbertConfig) -> None:
        """Raises: TypeError for a configuration that is neither ours nor Hugging Face's."""
        super().__init__()
        if getattr(config, "model_type", None) != MODEL_TYPE:
            raise TypeError(f"{type(self).__name__} needs an AlbertConfig, not {type(config).__name__}")
        self.config = config if isinstance(config, AlbertConfig) else AlbertConfig.from_dict(config)
        check_model_shape(self.config, self.config.layer_map)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for name in IGNORED_ARGUMENTS:
            kwargs.pop(name, None)
        return super().__call__(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As in PyTorch; the names may also be Hugging Face's, of a model of the same class."""
        return super().load_state_dict(convert_names(self, state_dict), strict, assign)

    def _initialize(self, part: Part) -> Part:
        initialize(part, self.config)
        return part

    def _format_output(self, output: Any, return_dict: bool | None) -> Any:
        as_tuple = not (self.config.return_dict if return_dict is None else return_dict)
        return output.to_tuple() if as_tuple else output

    @property
    def architecture(self) -> str:
        """The name of the class that a checkpoint of this model is read with."""
        return type(self).__name__

    @property
    def base_model(self) -> nn.Module:
        return getattr(self, "albert", self)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    def num_parameters(self, only_trainable: bool = False, exclude_embeddings: bool = False) -> int:
        """Unique weights: a shared block counts once. `exclude_embeddings` leaves out the tables."""
        tables = [module.weight for module in self.modules() if isinstance(module, nn.Embedding)]
        left_out = {id(table) for table in tables} if exclude_embeddings else set()
        kept = [p for p in self.parameters() if p.requires_grad or not only_trainable]
        return sum(parameter.numel() for parameter in kept if id(parameter) not in left_out)

    def _embeddings(self) -> Embeddings:
        embeddings = self.base_model.embeddings
        assert isinstance(embeddings, Embeddings)
        return embeddings

    def _word_table(self) -> Tensor:
        return self._embeddings().word_embeddings.weight

    def get_input_embeddings(self) -> nn.Embedding:
        return self._embeddings().word_embeddings

    def set_input_embeddings(self, table: nn.Embedding) -> None:
        self._embeddings().word_embeddings = table

    def get_output_embeddings(self) -> nn.Module | None:
        """The module whose `weight` [V,E] makes the logits: the word embeddings where tied; None without logits."""
        head = getattr(self, "predictions", None)
        if head is None:
            return None
        return head.decoder if head.decoder is not None else self.get_input_embeddings()

    def set_output_embeddings(self, table: nn.Module) -> None:
        """Replaces what makes the logits, with the bias of a linear map; with tied tables, the word embeddings too."""
        head = self.predictions
        assert isinstance(head, MaskedLanguageModelHead)
        if head.decoder is None:
            assert isinstance(table, nn.Embedding)
            self.set_input_embeddings(table)
            return
        assert isinstance(table, nn.Linear)
        head.decoder = nn.Linear(table.in_features, table.out_features, bias=False, device="meta")
        head.decoder.weight = table.weight
        if table.bias is not None:
            head.bias = table.bias

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None, mean_resizing: bool = True
    ) -> nn.Embedding:
        """Cuts the vocabulary or adds newly drawn rows to it, in every table and bias that has a row per piece.

        Args:
            new_num_tokens: pieces; None: as many as there are.
            pad_to_multiple_of: add rows up to a multiple of this, for faster products.
            mean_resizing: draw new rows close to the mean of the old ones, with their covariance times 1e-9, so that
                they hardly change the others' probabilities (Hewitt, 2021); False: as for a new model.
        """
        table = self.get_input_embeddings()
        if pad_to_multiple_of is not None:
            if type(pad_to_multiple_of) is not int or pad_to_multiple_of < 1:
                raise UserError(f"pad_to_multiple_of={pad_to_multiple_of} must be a whole number of 1 or more")
            new_num_tokens = -(-(new_num_tokens or table.num_embeddings) // pad_to_multiple_of) * pad_to_multiple_of
        if new_num_tokens is None or new_num_tokens == table.num_embeddings:
            return table
        if new_num_tokens < 1:
            raise UserError(f"new_num_tokens={new_num_tokens} leaves no piece; nearest 1")
        size, padding = table.embedding_dim, table.padding_idx
        resized = nn.Embedding(new_num_tokens, size, padding, device=self.device, dtype=self.dtype)
        self.set_input_embeddings(self._initialize(resized))
        _fill_rows(table.weight, resized.weight, mean_resizing)
        head = getattr(self, "predictions", None)
        if head is not None:
            self._resize_logits(head, new_num_tokens, mean_resizing)
        self.config.vocab_size = new_num_tokens
        return resized

    def _resize_logits(self, head: MaskedLanguageModelHead, new_num_tokens: int, mean_resizing: bool) -> None:
        bias = nn.Parameter(head.bias.new_zeros(new_num_tokens))
        _fill_rows(head.bias, bias, near_mean=mean_resizing and head.decoder is not None)  # tied: 0, as Hugging Face
        head.bias = bias
        if head.decoder is not None:
            old = head.decoder
            new = nn.Linear(old.in_features, new_num_tokens, bias=False, device=self.device, dtype=self.dtype)
            head.decoder = self._initialize(new)
            _fill_rows(old.weight, new.weight, mean_resizing)

    def set_attn_implementation(self, name: str) -> None:
        """`sdpa`: the fused kernel; `eager`: plain products.

        Raises:
            UserError: another name.
        """
        if name not in ATTENTIONS:
            raise UserError(f"attn_implementation={name!r} is unknown{nearest(name, ATTENTIONS)}")
        self.config.attn_implementation = name
        for module in self.modules():
            if isinstance(module, AttentionBlock):
                module.attend = ATTENTIONS[name]

    @property
    def is_activation_checkpointing(self) -> bool:
        return self._encoder().gradient_checkpointing

    @property
    def is_gradient_checkpointing(self) -> bool:
        """The older name of `is_activation_checkpointing`."""
        return self.is_activation_checkpointing

    def activation_checkpointing_enable(
        self,
        activation_checkpointing_kwargs: Mapping[str, Any] | None = None,
        every_n_layers: int = 1,
        offload: bool = False,
    ) -> None:
        """Keep only every layer's input for the backward pass and run the layer again there: less memory, more time.

        Args:
            activation_checkpointing_kwargs: changes nothing: PyTorch's variant that isn't reentrant is always used,
                and works with all that the other does.
            every_n_layers, offload: of transformers 5; 1 and False alone are supported.

        Raises:
            UserError: another `every_n_layers` or `offload`.
        """
        if every_n_layers != 1 or offload:
            raise UserError(
                f"every_n_layers={every_n_layers}, offload={offload} is not supported: every layer's input is kept, "
                "where it is; give every_n_layers=1, offload=False"
            )
        self._encoder().gradient_checkpointing = True

    def gradient_checkpointing_enable(
        self,
        gradient_checkpointing_kwargs: Mapping[str, Any] | None = None,
        every_n_layers: int = 1,
        offload: bool = False,
    ) -> None:
        """The older name of `activation_checkpointing_enable`."""
        self.activation_checkpointing_enable(gradient_checkpointing_kwargs, every_n_layers, offload)

    def activation_checkpointing_disable(self) -> None:
        self._encoder().gradient_checkpointing = False

    def gradient_checkpointing_disable(self) -> None:
        """The older name of `activation_checkpointing_disable`."""
        self.activation_checkpointing_disable()

    @property
    def qconfig(self) -> Any:
        """How PyTorch's eager quantization treats the model; setting it makes our linear maps plain `nn.Linear`.

        `quantize_dynamic` and its like set it on a model before they look at its parts, and pass over subclasses.
        """
        if "_qconfig" not in vars(self):
            raise AttributeError("qconfig")
        return vars(self)["_qconfig"]

    @qconfig.setter
    def qconfig(self, value: Any) -> None:
        vars(self)["_qconfig"] = value
        for module in self.modules():
            if type(module) is Linear:
                module.__class__ = nn.Linear  # type: ignore[assignment]

    @qconfig.deleter
    def qconfig(self) -> None:
        del vars(self)["_qconfig"]

    def enable_input_require_grads(self) -> None:
        """Makes the word embeddings' output require a gradient, which adapters on a frozen model may need."""
        self.disable_input_require_grads()
        self._input_hook = self.get_input_embeddings().register_forward_hook(_require_grad)

    def disable_input_require_grads(self) -> None:
        if self._input_hook is not None:
            self._input_hook.remove()
            self._input_hook = None

    def _encoder(self) -> Encoder:
        encoder = self.base_model.encoder
        assert isinstance(encoder, Encoder)
        return encoder

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path | None, **options: Any) -> Self:
        """A model from a folder or a hub repository, in evaluation mode; see `checkpoint.load_pretrained`."""
        return load_pretrained(cls, pretrained_model_name_or_path, **options)

    def save_pretrained(
        self,
        save_directory: str | Path,
        is_main_process: bool = True,
        state_dict: Mapping[str, Tensor] | None = None,
        max_shard_size: int | str = "5GB",
        **options: Any,
    ) -> None:
        """Writes `config.json` and the weights; see `checkpoint.write_pretrained`.

        Args:
            is_main_process: False writes nothing, for the other processes of a job.
            state_dict: the weights; None: the model's own.
            options: others of Hugging Face's that make no difference here (`save_function`, ...).

        Raises:
            UserError: an option that this library can't follow, such as `push_to_hub`.
        """
        check_saving_options(options)
        if is_main_process:
            write_pretrained(self, Path(save_directory), state_dict, max_shard_size)


@torch.no_grad()
def _fill_rows(old: Tensor, new: Tensor, near_mean: bool) -> None:
    """Copy the rows that both have; `near_mean` draws the others around the mean of the old ones."""
    rows = min(len(old), len(new))
    new[:rows] = old[:rows]
    if near_mean and len(new) > rows:
        mean = old.float().mean(0)
        draws = torch.randn(len(new) - rows, rows, device=old.device)  # times these: noise with the rows' covariance
        new[rows:] = (mean + draws @ (old.float() - mean) * (_NOISE_VARIANCE / rows) ** 0.5).to(new.dtype)


def _require_grad(module: nn.Module, inputs: Any, output: Tensor) -> None:
    output.requires_grad_(True)
