"""Weights in a PyTorch pickle (`pytorch_model.bin`); nothing in it is ever executed."""

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from albert_lab.errors import UserError, first_line
from albert_lab.model.formats.safetensors_file import Array
from albert_lab.model.torch.arrays import to_array
from albert_lab.storage.files import check_regular

_ZIP = b"PK\x03\x04"  # how torch.save starts since PyTorch 1.6; older files are plain pickles, which can't be mapped
_FORBIDDEN = re.compile(r"GLOBAL ([\w.]+)")


def read_pickle(file: Path) -> dict[str, Array]:
    """The arrays of what `torch.save(state_dict)` wrote, mapped from the file where it is new enough.

    Raises:
        UserError: the file can't be read, is cut short or damaged, or holds anything but dense tensors by name.
    """
    check_regular(file)
    try:
        with file.open("rb") as opened:
            start = opened.read(len(_ZIP))
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror or error}") from None
    mappable = start == _ZIP
    if not mappable and not start.startswith(pickle.PROTO):
        raise UserError(f"{file} is cut short or damaged (it isn't what torch.save writes); fetch or write it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles by other programs; what can't be read is refused below
            state = torch.load(file, map_location="cpu", weights_only=True, mmap=mappable)
    except pickle.UnpicklingError as error:
        raise UserError(_explain_refusal(file, str(error))) from None
    except Exception as error:  # a damaged pickle makes the reader raise anything at all, and seek to nowhere
        raise UserError(f"{file} is cut short or damaged ({first_line(error)}); fetch or write it again") from None
    if not isinstance(state, dict):
        raise UserError(f"{file} holds a {type(state).__name__}, not tensors by name; save model.state_dict() in it")
    for name, value in state.items():
        _check_tensor(name, value, file)
    return {name: to_array(tensor) for name, tensor in state.items()}


def _explain_refusal(file: Path, message: str) -> str:
    forbidden = _FORBIDDEN.search(message)
    what = f"wants to call {forbidden[1]}" if forbidden else "is damaged or holds more than tensors"
    return (
        f"{file} {what}; nothing in it was executed and nothing is read from it. Take the same model as .safetensors, "
        "or save its state_dict() alone"
    )


def _check_tensor(name: object, value: Any, file: Path) -> None:
    """Refuse all but a dense tensor whose elements are really in the file: strides of 0 can claim terabytes."""
    if not isinstance(name, str):
        raise UserError(f"{file} has {name!r} where a tensor's name is expected; save model.state_dict() in it")
    if not isinstance(value, Tensor):
        raise UserError(
            f"{file} has a {type(value).__name__} under {name!r}, not a tensor; save model.state_dict() in it"
        )
    if value.layout is not torch.strided or value.is_nested or value.device.type != "cpu" or value.is_quantized:
        raise UserError(f"{file} has a tensor {name!r} that is not dense ({value.layout}, {value.device})")
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise UserError(f"{file} is damaged: {name!r} claims {value.numel()} elements, more than are stored")
