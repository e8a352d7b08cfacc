"""One file of weights, safetensors or a PyTorch pickle, as plain tensors by name; nothing in it is ever executed."""

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from albert_lab.errors import UserError, first_line

_ZIP = (
    b"PK\x03\x04"  # how torch.save writes since PyTorch 1.6; before, plain pickles, which can't be mapped into memory
)
_FORBIDDEN = re.compile(r"GLOBAL ([\w.]+)")


def read_weights(file: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` file or of what `torch.save(state_dict)` wrote, on the CPU.

    They may be mapped from the file: replace the file as a whole, never write into it.

    Raises:
        UserError: the file can't be read, is cut short or damaged, or holds anything but dense tensors by name.
    """
    try:
        state = load_file(file) if file.suffix == ".safetensors" else _load_pickle(file)
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror or error}") from None
    except SafetensorError as error:
        raise UserError(f"{file} is cut short or damaged ({error}); fetch or write it again") from None
    return {_plain_name(name, file): _plain(name, tensor, file) for name, tensor in state.items()}


def _load_pickle(file: Path) -> dict[Any, Any]:
    with file.open("rb") as opened:
        mappable = opened.read(len(_ZIP)) == _ZIP
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles by other programs; what can't be read is refused below
            state = torch.load(file, map_location="cpu", weights_only=True, mmap=mappable)
    except pickle.UnpicklingError as error:
        raise UserError(_refusal(file, str(error))) from None
    except Exception as error:  # a damaged pickle makes the reader raise anything at all, and seek to nowhere
        raise UserError(f"{file} is cut short or damaged ({first_line(error)}); fetch or write it again") from None
    if not isinstance(state, dict):
        raise UserError(f"{file} holds a {type(state).__name__}, not tensors by name; save model.state_dict() in it")
    return state


def _refusal(file: Path, message: str) -> str:
    forbidden = _FORBIDDEN.search(message)
    what = f"wants to call {forbidden[1]}" if forbidden else "is damaged or holds more than tensors"
    return (
        f"{file} {what}; nothing in it was executed and nothing is read from it. Take the same model as .safetensors, "
        "or save its state_dict() alone"
    )


def _plain_name(name: object, file: Path) -> str:
    if not isinstance(name, str):
        raise UserError(f"{file} has {name!r} where a tensor's name is expected; save model.state_dict() in it")
    return name


def _plain(name: str, value: Any, file: Path) -> Tensor:
    """A dense tensor whose elements are really in the file: strides of 0 can claim terabytes."""
    if not isinstance(value, Tensor):
        raise UserError(
            f"{file} has a {type(value).__name__} under {name!r}, not a tensor; save model.state_dict() in it"
        )
    if value.layout is not torch.strided or value.device.type != "cpu" or value.is_quantized:
        raise UserError(f"{file} has a tensor {name!r} that is not dense ({value.layout}, {value.device})")
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise UserError(f"{file} is damaged: {name!r} claims {value.numel()} elements, more than are stored")
    return value.detach()
