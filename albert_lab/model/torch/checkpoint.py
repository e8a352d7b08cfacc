"""Saves and loads models: in Hugging Face's format where that can express the variant, else in our own.

Our own format has our names of parameters, and a `config.json` that transformers refuses: its Auto classes don't know
the `model_type` "albert_lab", and its ALBERT classes, which load any type with random weights, stop at `hidden_act`.
"""

import inspect
import logging
from collections.abc import ItemsView, KeysView, Mapping, ValuesView
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from albert_lab.errors import UserError
from albert_lab.model.configuration import OURS, AlbertConfig
from albert_lab.model.formats.checkpoint_files import (
    CONFIG_FILE,
    PICKLED_FILES,
    SAFE_FILES,
    read_config,
    read_state,
    write_checkpoint,
)
from albert_lab.model.formats.hf_format import PREFIX, has_hf_names, hf_config, hf_names
from albert_lab.model.torch.arrays import to_array, to_tensor
from albert_lab.model.torch.layers.initialize import initialize_own
from albert_lab.model.torch.loading_options import drop_unused_options, parse_device, parse_dtype
from albert_lab.model.torch.pickled_weights import read_pickle
from albert_lab.model.torch.state_names import (
    BIAS,
    COPIES,
    TIED,
    UNTIED_BIAS,
    own_names,
    rename_norms,
    set_prefix,
)
from albert_lab.storage.hub import pretrained_folder

if TYPE_CHECKING:
    from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel

log = logging.getLogger(__name__)
Model = TypeVar("Model", bound="AlbertPreTrainedModel")
_REFUSAL = "of a variant that albert_lab alone can load"  # transformers: "KeyError: function ... not found"


class LoadingInfo(NamedTuple):
    """Names as the checkpoint would have them; read as a tuple, or by name as Hugging Face's dictionary."""

    missing_keys: set[str]  # newly initialised
    unexpected_keys: set[str]  # in the checkpoint, not in the model
    mismatched_keys: set[str]  # of another shape, newly initialised
    error_msgs: tuple[str, ...] = ()  # always empty: errors are raised

    def __getitem__(self, key: Any) -> Any:
        return self._asdict()[key] if isinstance(key, str) else tuple.__getitem__(self, key)

    def keys(self) -> KeysView[str]:
        return self._asdict().keys()

    def values(self) -> ValuesView[Any]:
        return self._asdict().values()

    def items(self) -> ItemsView[str, Any]:
        return self._asdict().items()


def load_pretrained(
    cls: type[Model],
    pretrained_model_name_or_path: str | Path | None,
    *,
    config: Any = None,
    state_dict: Mapping[str, Tensor] | None = None,
    dtype: torch.dtype | str | None = None,
    torch_dtype: torch.dtype | str | None = None,
    device_map: Any = None,
    ignore_mismatched_sizes: bool = False,
    output_loading_info: bool = False,
    use_safetensors: bool | None = None,
    variant: str | None = None,
    subfolder: str = "",
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
    token: str | bool | None = None,
    **changes: Any,
) -> Any:
    """A model with the weights of a folder or a hub repository, in evaluation mode.

    A head that the checkpoint lacks is initialised, with a warning that lists its tensors. Nothing but tensors is
    read: no code in a checkpoint runs.

    Args:
        pretrained_model_name_or_path: None: the weights are `state_dict`, and `config` is given.
        config: in place of the checkpoint's own: an `AlbertConfig`, Hugging Face's, a folder or a hub repository. A
            folder without `config.json`, such as Hugging Face's Trainer writes for a model of ours, needs it.
        state_dict: weights in place of the checkpoint's, under our names or Hugging Face's.
        dtype: of the weights, also by name ("bfloat16"); None and "auto": as stored. `torch_dtype` is its older name.
        device_map: the one device of the model: "cpu", 0, "auto", {"": "cuda:0"}; None: the CPU.
        ignore_mismatched_sizes: initialise tensors of another shape, as with another number of labels, instead of
            refusing them.
        output_loading_info: return (model, LoadingInfo).
        use_safetensors, variant: see `checkpoint_files.read_state`.
        subfolder: of the folder or repository.
        revision, cache_dir, local_files_only, force_download, token: of a hub repository.
        changes: fields of the configuration, arguments of the model's constructor, or options of Hugging Face's that
            make no difference here (`loading_options.UNUSED`).

    Raises:
        UserError: no such folder or repository, files that are broken, weights of another model, or an option of
            Hugging Face's that this library can't follow.
    """
    drop_unused_options(changes)
    found_dtype, device = parse_dtype(torch_dtype if dtype is None else dtype), parse_device(device_map)
    hub = {"revision": revision, "cache_dir": cache_dir, "local_files_only": local_files_only, "token": token}
    parameters = set(inspect.signature(cls).parameters) - {"config"}
    arguments = {name: changes.pop(name) for name in parameters & set(changes)}
    folder = None
    if pretrained_model_name_or_path is not None:
        folder = checkpoint_folder(
            pretrained_model_name_or_path, subfolder, variant, use_safetensors, **hub, force_download=force_download
        )
    elif config is None or state_dict is None:
        raise UserError("from_pretrained(None) needs config= and state_dict=; else give a folder or a hub repository")
    has_config = folder is not None and (config is None or (folder / CONFIG_FILE).exists())
    stored = read_config(folder) if folder is not None and has_config else {}
    model = blank(cls, _choose_config(config, stored, changes), **arguments)
    if state_dict is not None:
        state = dict(state_dict)
    else:
        assert folder is not None
        arrays = read_state(folder, read_pickle, variant=variant, use_safetensors=use_safetensors)
        state = {name: to_tensor(array) for name, array in arrays.items()}
    model_type = None if state_dict is not None else stored.get("model_type")
    in_our_names = not has_hf_names(state) if model_type is None else model_type == OURS
    names = own_names(model) if in_our_names else hf_names(model.config, own_names(model))
    source = "state_dict" if state_dict is not None else str(folder)
    info = fill(model, names, state, source, ignore_mismatched_sizes)
    model.eval()
    if found_dtype is not None or device is not None:
        model.to(device=device, dtype=found_dtype)
    return (model, info) if output_loading_info else model


def _choose_config(given: Any, stored: Mapping[str, Any], changes: Mapping[str, Any]) -> AlbertConfig:
    """The configuration given as an object, folder or name, or else the checkpoint's own."""
    if given is None:
        return AlbertConfig.from_dict(stored, **changes)
    if isinstance(given, str | Path):
        return AlbertConfig.from_pretrained(given, **changes)
    if isinstance(given, AlbertConfig):
        return given.with_changes(**changes) if changes else given
    return AlbertConfig.from_dict(given, **changes)


def checkpoint_folder(
    name_or_path: str | Path,
    subfolder: str = "",
    variant: str | None = None,
    use_safetensors: bool | None = None,
    **hub: Any,
) -> Path:
    """The folder of a checkpoint; of a hub repository, pickled weights are fetched only where there are no others."""

    def fetch(names: tuple[str, ...], of_variant: str) -> Path:
        wanted = (CONFIG_FILE, of_variant) if variant else names
        return pretrained_folder(name_or_path, [str(PurePosixPath(subfolder, name)) for name in wanted], **hub)

    if use_safetensors is not False:
        folder = fetch(SAFE_FILES, f"model*.{variant}*") / subfolder
        if use_safetensors or any(folder.glob("model*.safetensors")):
            return folder
    return fetch(PICKLED_FILES, f"pytorch_model*.{variant}*") / subfolder


def blank(cls: type[Model], config: AlbertConfig, **arguments: Any) -> Model:
    """The model without memory, to be filled."""
    with torch.device("meta"):
        return cls(config, **arguments)


def fill(
    model: "AlbertPreTrainedModel",
    names: Mapping[str, str],
    state: Mapping[str, Tensor],
    source: str,
    ignore_mismatched_sizes: bool = False,
) -> LoadingInfo:
    """Give a blank model the tensors of a state, and draw those that it lacks.

    Args:
        names: our parameter names -> those of the state; a state of another head, or of none, may lack the prefix.
        source: what the state was read from, for messages.

    Raises:
        UserError: tensors of another shape, or none that the model knows.
    """
    state = set_prefix(rename_norms(state), any(name.startswith(PREFIX) for name in names))
    if UNTIED_BIAS in state and not model.config.tie_word_embeddings:
        state[BIAS] = state[UNTIED_BIAS]
    shapes = {names[ours]: parameter.shape for ours, parameter in model.named_parameters()}
    mismatched = [name for name, shape in shapes.items() if name in state and state[name].shape != shape]
    if mismatched and not ignore_mismatched_sizes:
        raise UserError(_describe_mismatch(mismatched[0], state[mismatched[0]].shape, shapes[mismatched[0]], source))
    numbers = [name for name in shapes if name in state and not state[name].is_floating_point()]
    if numbers:
        kind = str(state[numbers[0]].dtype).removeprefix("torch.")
        raise UserError(f"{source}: {numbers[0]} holds {kind}, and weights are floating-point numbers")
    found = {ours: state[name] for ours, name in names.items() if name in state and name not in mismatched}
    if not found:
        raise UserError(
            f"{source} has no tensor of {type(model).__name__}; its first is {min(state, default='none')!r}"
        )
    model.load_state_dict(found, strict=False, assign=True)
    _initialize_missing(model, [ours for ours in names if ours not in found], next(iter(found.values())).dtype)
    known = {*names.values(), TIED, *COPIES}
    unexpected = {name for name in state if not known & {name, name.removeprefix(PREFIX)}}
    info = LoadingInfo(set(shapes) - set(state), unexpected, set(mismatched))
    _warn(info, type(model).__name__, source)
    return info


def _initialize_missing(model: "AlbertPreTrainedModel", missing: list[str], dtype: torch.dtype) -> None:
    """Initialise parameters that are still on the meta device."""
    for full_name in missing:
        parent, _, name = full_name.rpartition(".")
        module = model.get_submodule(parent)
        shape = module.get_parameter(name).shape
        drawn = torch.float32 if dtype.itemsize == 1 else dtype  # PyTorch draws no random numbers in float8
        module.register_parameter(name, nn.Parameter(torch.empty(shape, dtype=drawn, device="cpu")))
        initialize_own(module, model.config, {name}, parent)
        parameter = module.get_parameter(name)
        parameter.data = parameter.data.to(dtype)


def _describe_mismatch(name: str, stored: torch.Size, wanted: torch.Size, source: str) -> str:
    return (
        f"{source}: {name} is {list(stored)} and the model's is {list(wanted)}; load it with the checkpoint's own "
        "configuration, or with ignore_mismatched_sizes=True to initialise it at random"
    )


def _warn(info: LoadingInfo, model: str, source: str) -> None:
    lacking = [*sorted(info.missing_keys), *(f"{name} (of another shape)" for name in sorted(info.mismatched_keys))]
    if lacking:
        log.warning(
            "%s lacks weights of %s, which were initialised and must be trained: %s", source, model, ", ".join(lacking)
        )
    if info.unexpected_keys:
        log.warning("%s has weights that %s does not use: %s", source, model, ", ".join(sorted(info.unexpected_keys)))


def write_pretrained(
    model: "AlbertPreTrainedModel",
    folder: Path,
    state: Mapping[str, Tensor] | None = None,
    max_shard_size: int | str = "5GB",
    own_format: bool = True,
) -> None:
    """Write `config.json` and the weights, in shards above `max_shard_size`; the folder changes at once or not at all.

    In Hugging Face's format where it can express the variant, else in ours (see the top of this file).

    Args:
        state: the weights under our names; None: the model's own.
        own_format: whether to write what Hugging Face's format can't express in ours.

    Raises:
        UserError: Hugging Face's format can't express the variant, and `own_format` is False.
    """
    state = dict(model.named_parameters()) if state is None else dict(state)
    try:
        names, config, model_type = hf_names(model.config, state), hf_config(model.config), "albert"
    except UserError:
        if not own_format:
            raise
        names, config, model_type = {name: name for name in state}, model.config, OURS
    described = config.to_dict() | {
        "architectures": [model.architecture],
        "dtype": str(model.dtype).partition(".")[2],
        "model_type": model_type,
    }
    if model_type == OURS:
        described[OURS] = described.get(OURS, {}) | {"hidden_act": described["hidden_act"]}
        described["hidden_act"] = _REFUSAL
    arrays = {names[ours]: to_array(tensor) for ours, tensor in state.items()}
    if TIED in arrays and BIAS in arrays and model_type != OURS:
        arrays[UNTIED_BIAS] = arrays[BIAS].copy()
    write_checkpoint(folder, described, arrays, max_shard_size=max_shard_size)
