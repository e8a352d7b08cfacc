"""Tensors as NumPy arrays and the reverse, in the same memory where they are on the CPU."""

import ml_dtypes
import numpy as np
import torch
from torch import Tensor

from albert_lab.errors import UserError
from albert_lab.model.formats.safetensors_file import Array

# Types that torch.from_numpy doesn't know: (PyTorch's, NumPy's, one of the same size that both know).
_FOREIGN = (
    (torch.bfloat16, np.dtype(ml_dtypes.bfloat16), torch.int16, np.int16),
    (torch.float8_e4m3fn, np.dtype(ml_dtypes.float8_e4m3fn), torch.uint8, np.uint8),
    (torch.float8_e5m2, np.dtype(ml_dtypes.float8_e5m2), torch.uint8, np.uint8),
)


def to_array(tensor: Tensor) -> Array:
    """Raises: UserError for a type that NumPy doesn't have."""
    tensor = tensor.detach()
    for dtype, array_dtype, common, _ in _FOREIGN:
        if tensor.dtype is dtype:
            return tensor.view(common).numpy(force=True).view(array_dtype)
    try:
        return tensor.numpy(force=True)
    except TypeError:
        raise UserError(f"NumPy has no {tensor.dtype}, so weights of it are neither read nor written") from None


def to_tensor(array: Array) -> Tensor:
    for dtype, array_dtype, _, common in _FOREIGN:
        if array.dtype == array_dtype:
            return torch.from_numpy(array.view(common)).view(dtype)
    return torch.from_numpy(array)
