"""A model's folder as Hugging Face lays it out: `config.json`, and the weights in one file or in shards."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from albert_lab.errors import UserError, list_some
from albert_lab.model.formats.safetensors_file import Array, read_safetensors, write_safetensors
from albert_lab.storage.disk import explain_full_disk
from albert_lab.storage.files import read_object
from albert_lab.storage.replace_files import finish_replacing, is_plain_name, replace_together

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
READ_ORDER = (WEIGHTS_FILE, INDEX_FILE, "pytorch_model.bin", "pytorch_model.bin.index.json")  # Hugging Face's too
OWNED = (*READ_ORDER, "model-*-of-*.safetensors", "pytorch_model-*-of-*.bin")  # weights that others replace
SAFE_FILES = (CONFIG_FILE, WEIGHTS_FILE, INDEX_FILE, "model-*-of-*.safetensors")  # to fetch of a hub repository
PICKLED_FILES = (CONFIG_FILE, "pytorch_model*.bin", "pytorch_model.bin.index.json")

Reader = Callable[[Path], dict[str, Array]]  # of one file
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def read_config(folder: Path) -> dict[str, Any]:
    """What `config.json` holds.

    Raises:
        UserError: it is missing, unreadable or not a JSON object.
    """
    finish_replacing(folder)
    file = folder / CONFIG_FILE
    if not file.exists():
        google = "; it has Google's albert_config.json: 'albert-lab import' converts such a checkpoint"
        raise UserError(f"{folder} has no {CONFIG_FILE}{google if (folder / 'albert_config.json').exists() else ''}")
    return read_object(file)


def read_state(
    folder: Path,
    read_pickle: Reader | None = None,
    *,
    variant: str | None = None,
    use_safetensors: bool | None = None,
) -> dict[str, Array]:
    """The weights of a folder by name, perhaps mapped from its files.

    The first that is there of `READ_ORDER` is read, as Hugging Face does.

    Args:
        read_pickle: reads a `.bin` file, which only PyTorch can; None: such weights are refused.
        variant: read `model.VARIANT.safetensors` and the like, such as the fp16 weights of some repositories.
        use_safetensors: True reads nothing else, False only `.bin` files.

    Raises:
        UserError: no weights, or weights that are incomplete, damaged or not plain tensors; the file is named.
    """
    finish_replacing(folder)
    wanted = [name for name in READ_ORDER if use_safetensors in (None, "safetensors" in name)]
    names = [name_variant(name, variant) for name in wanted]
    for name in names:
        if (folder / name).exists():
            read = read_safetensors if "safetensors" in name else read_pickle
            if read is None:
                raise UserError(f"{folder / name} is read by PyTorch alone; save the model as {WEIGHTS_FILE}")
            return _read_shards(folder / name, read) if name.endswith(".json") else read(folder / name)
    raise UserError(f"{folder} has none of {', '.join(names)}{_describe_other_weights(folder)}")


def name_variant(name: str, variant: str | None) -> str:
    """`model.safetensors` -> `model.fp16.safetensors`; the variant stands before the last suffix, as on the hub."""
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{variant}.{suffix}" if variant else name


def _describe_other_weights(folder: Path) -> str:
    if any(folder.glob("*ckpt*.index")):
        return "; it holds Google's TensorFlow checkpoint: 'albert-lab import' converts it"
    others = sorted(n for n in ("tf_model.h5", "flax_model.msgpack", "model.onnx") if (folder / n).exists())
    return f"; {others[0]} belongs to another framework, and only transformers 4 converts it" if others else ""


def _read_shards(index: Path, read: Reader) -> dict[str, Array]:
    """Every tensor from the shard that the index names for it, and nothing else."""
    state: dict[str, Array] = {}
    for shard, wanted in _names_by_shard(index).items():
        file = index.parent / shard
        if not file.exists():
            raise UserError(f"{file} is missing, and {index.name} says that it holds {list_some(wanted)}")
        found = read(file)
        if set(found) != wanted:
            lacks, more = list_some(wanted - set(found)), list_some(set(found) - wanted)
            raise UserError(f"{file} is not the shard that {index.name} describes: it lacks {lacks} and adds {more}")
        state |= found
    return state


def _names_by_shard(index: Path) -> dict[str, set[str]]:
    """Shard -> the names of its tensors, by the index's `weight_map`."""
    weight_map = read_object(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise UserError(f"{index} has no weight_map that says which file holds which tensor")
    suffix = Path(index.name.removesuffix(".index.json")).suffix
    shards: dict[str, set[str]] = {}
    for name, shard in weight_map.items():
        if not is_plain_name(shard) or not shard.endswith(suffix):
            raise UserError(f"{index} places {name!r} in {shard!r}, which is not a {suffix} file of its folder")
        shards.setdefault(shard, set()).add(name)
    return shards


def write_checkpoint(
    folder: Path,
    config: Mapping[str, Any],
    state: Mapping[str, Array],
    *,
    max_shard_size: int | str = "5GB",
) -> None:
    """Writes `config.json` and safetensors; any kill leaves the old files or the new.

    Weights of an older checkpoint in the folder go, other files stay. `state` has one name for each tensor: tied ones
    are left out by the caller. `max_shard_size` is in bytes, or as in "5GB"; a tensor is never cut.

    Raises:
        UserError: a full disk, a folder that can't be written, or a size that isn't one.
        ValueError: two names for one tensor.
    """
    from huggingface_hub import split_state_dict_into_shards_factory  # slow to import, and only writers need it

    _refuse_tied(state)
    split = split_state_dict_into_shards_factory(
        dict(state),
        get_storage_size=lambda array: array.nbytes,
        filename_pattern="model{suffix}.safetensors",
        max_shard_size=parse_size(max_shard_size),
    )
    total_bytes = split.metadata["total_size"]
    needed = f"about {total_bytes / 1e6:.1f} MB"
    texts = {CONFIG_FILE: _to_json(config)}
    if split.is_sharded:
        total = {"total_parameters": sum(array.size for array in state.values()), "total_size": total_bytes}
        texts[INDEX_FILE] = _to_json({"metadata": total, "weight_map": split.tensor_to_filename})
    try:
        with (
            explain_full_disk(folder, needs=needed),
            replace_together(folder, OWNED) as scratch,
        ):
            for name, content in texts.items():
                (scratch / name).write_text(content, encoding="utf-8")
            readable = (scratch / CONFIG_FILE).stat().st_mode  # safetensors lets nobody but the owner read
            for shard, names in split.filename_to_tensors.items():
                write_safetensors({name: state[name] for name in names}, scratch / shard)
                (scratch / shard).chmod(readable)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise UserError(f"{folder} can't be written: {error.strerror}") from None


def parse_size(size: int | str) -> int:
    """Bytes of a size such as "200KB", "5GB" (powers of ten) or "1GiB" (of two).

    Raises:
        UserError: it is not such a size, or not above 0.
    """
    parsed = re.fullmatch(r"(\d+(?:\.\d+)?) *([A-Z]*)", str(size).upper().strip())
    if parsed is None or parsed[2] not in _UNITS or not float(parsed[1]):
        raise UserError(f"max_shard_size={size!r} is not a size; give one such as '200MB', '5GB' or '1GiB'")
    return int(float(parsed[1]) * _UNITS[parsed[2]])


def _refuse_tied(state: Mapping[str, Array]) -> None:
    """Two names for one array would be stored, and later trained, as two; mere neighbours in one memory are copied."""
    names: dict[Any, str] = {}
    for name, array in state.items():
        memory = (array.ctypes.data, array.shape, array.strides)
        if array.size and names.setdefault(memory, name) != name:
            raise ValueError(f"{names[memory]!r} and {name!r} are one tensor; leave out one of the two")


def _to_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"
