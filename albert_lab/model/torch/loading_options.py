"""Options of Hugging Face's `from_pretrained` and `save_pretrained`: what they mean here, or what to do instead."""

from collections.abc import Mapping
from typing import Any

import torch

from albert_lab.errors import UserError, nearest

UNUSED = {  # make no difference here: weights are mapped from their files, and no code of a checkpoint ever runs
    "low_cpu_mem_usage",
    "trust_remote_code",
    "weights_only",
    "resume_download",
    "proxies",
    "_fast_init",
}
_UNSUPPORTED = {
    "quantization_config": "load the model, then quantize it with PyTorch",
    "load_in_8bit": "load the model, then quantize it with PyTorch",
    "load_in_4bit": "load the model, then quantize it with PyTorch",
    "from_tf": "'albert-lab import' converts Google's checkpoints, transformers 4 other TensorFlow files",
    "from_flax": "transformers 4 converts such files",
    "gguf_file": "save the weights as safetensors",
    "max_memory": "a model stays on one device; name it in device_map",
    "offload_folder": "a model stays in memory on one device",
    "offload_state_dict": "a model stays in memory on one device",
    "tp_plan": "a model stays on one device",
    "key_mapping": "rename the tensors and give them as state_dict",
    "adapter_kwargs": "load adapters with peft",
}
_UNUSED_IN_SAVING = {"save_function", "token", "save_peft_format", "save_original_format"}
_UNSUPPORTED_IN_SAVING = {
    "push_to_hub": "call huggingface_hub.upload_folder on the saved folder",
    "variant": "rename the file, or save in a folder of its own",
    "distributed_checkpoint": "save with torch.distributed.checkpoint",
}


def drop_unused_options(options: dict[str, Any]) -> None:
    """Remove the options of loading that make no difference here, and those that are switched off.

    Raises:
        UserError: an option that can't be followed.
    """
    for name in UNUSED & set(options):
        del options[name]
    for name in set(_UNSUPPORTED) & set(options):
        _refuse_if_set("from_pretrained", name, options.pop(name), _UNSUPPORTED[name])


def check_saving_options(options: Mapping[str, Any]) -> None:
    """Raises: UserError for an option that doesn't exist, or that can't be followed."""
    if not options.get("safe_serialization", True):
        raise UserError("save_pretrained(safe_serialization=False): weights are written as safetensors, never pickled")
    for name, value in options.items():
        if name in _UNSUPPORTED_IN_SAVING:
            _refuse_if_set("save_pretrained", name, value, _UNSUPPORTED_IN_SAVING[name])
        elif name not in _UNUSED_IN_SAVING | {"safe_serialization"}:
            known = [*_UNUSED_IN_SAVING, "safe_serialization", "max_shard_size", "state_dict", "is_main_process"]
            raise UserError(f"save_pretrained has no {name!r}{nearest(name, known)}")


def _refuse_if_set(method: str, name: str, value: Any, instead: str) -> None:
    if value not in (None, False, {}):
        raise UserError(f"{method}({name}={value!r}) is not supported: {instead}")


def parse_dtype(dtype: torch.dtype | str | None) -> torch.dtype | None:
    """The type of weights that is meant; None for "auto", as they are stored.

    Raises:
        UserError: it is not such a type.
    """
    if dtype is None or dtype == "auto":
        return None
    found = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        names = ("float32", "float16", "bfloat16", "float64")
        raise UserError(f"dtype={dtype!r} is not a type of weights{nearest(str(dtype), names)}")
    return found


def parse_device(device_map: Any) -> torch.device | None:
    """The one device that a `device_map` names; "auto" and its like: the accelerator where there is one.

    Raises:
        UserError: several devices, or none that PyTorch knows.
    """
    if device_map is None:
        return None
    if isinstance(device_map, Mapping):
        devices = set(device_map.values())
        if len(devices) != 1:
            raise UserError(f"device_map={device_map!r} is not supported: a model stays on one device, as in {{'': 0}}")
        device_map = devices.pop()
    if device_map in ("auto", "balanced", "balanced_low_0", "sequential"):
        return torch.accelerator.current_accelerator() or torch.device("cpu")
    try:
        return torch.device(device_map)
    except (RuntimeError, TypeError):
        raise UserError(f"device_map={device_map!r} is not a device; nearest: 'cpu', 'cuda:0' or 'auto'") from None
