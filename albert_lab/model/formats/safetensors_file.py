"""Arrays in a safetensors file, by name (https://github.com/huggingface/safetensors#format)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from albert_lab.errors import UserError
from albert_lab.storage.files import check_regular

Array = NDArray[Any]

_DTYPES: dict[str, Any] = {  # the format's names
    "BOOL": np.bool_,
    "U8": np.uint8,
    "U16": np.uint16,
    "U32": np.uint32,
    "U64": np.uint64,
    "I8": np.int8,
    "I16": np.int16,
    "I32": np.int32,
    "I64": np.int64,
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
    "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
    "C64": np.complex64,
}


def read_safetensors(file: Path) -> dict[str, Array]:
    """The arrays of a `.safetensors` file, mapped from it: replace the file as a whole, never write into it.

    Writing into an array changes that array alone.

    Raises:
        UserError: the file can't be read, is cut short or damaged, or holds a type that NumPy doesn't have.
    """
    check_regular(file)
    try:
        with safe_open(file, framework="np"):  # refuses a header or sizes that don't fit the file
            pass
        content = np.asarray(np.memmap(file, np.uint8, mode="c"))
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror or error}") from None
    except SafetensorError as error:
        raise UserError(f"{file} is cut short or damaged ({error}); fetch or write it again") from None
    start = 8 + int(content[:8].view("<u8")[0])
    header = json.loads(content[8:start].tobytes())
    header.pop("__metadata__", None)
    return {name: _read_array(content[start:], name, entry, file) for name, entry in header.items()}


def _read_array(data: Array, name: str, entry: Mapping[str, Any], file: Path) -> Array:
    dtype = _DTYPES.get(entry["dtype"])
    if dtype is None:
        raise UserError(f"{file} has {name!r} of the type {entry['dtype']}, which isn't read here; save it as F32")
    begin, end = entry["data_offsets"]
    array = data[begin:end].view(dtype).reshape(entry["shape"])
    return array if array.flags.aligned else array.copy()


def write_safetensors(arrays: Mapping[str, Array], file: Path) -> None:
    """Writes the arrays under PyTorch's names, which the file says (`"format": "pt"`)."""
    save_file({name: np.asarray(array, order="C") for name, array in arrays.items()}, file, {"format": "pt"})
