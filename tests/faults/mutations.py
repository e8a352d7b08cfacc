"""Ways to damage a file: of any bytes, of JSON and YAML trees, and of what lies at its path. Pure but for the last."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import yaml

Mutate = Callable[[Random, bytes], bytes]


# Of any bytes


def flip_bits(draw: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(min(draw.choice((1, 1, 2, 16)), 8 * len(data))):
        changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def set_bytes(draw: Random, data: bytes) -> bytes:
    """A few bytes become 0, 255 or anything else."""
    start, length = _place(draw, data)
    byte = draw.choice((b"\0", b"\xff", bytes([draw.randrange(256)])))
    return data[:start] + byte * length + data[start + length :]


def cut_end(draw: Random, data: bytes) -> bytes:
    return data[: draw.choice((len(data) - 1, len(data) // 2, draw.randrange(len(data) + 1), draw.randrange(16)))]


def cut_out(draw: Random, data: bytes) -> bytes:
    start, length = _place(draw, data)
    return data[:start] + data[start + length :]


def insert_bytes(draw: Random, data: bytes) -> bytes:
    start, length = _place(draw, data)
    return data[:start] + draw.randbytes(length) + data[start:]


def repeat_block(draw: Random, data: bytes) -> bytes:
    start, length = _place(draw, data)
    return data[:start] + data[start : start + length] * draw.choice((2, 3, 100)) + data[start + length :]


def empty(draw: Random, data: bytes) -> bytes:
    return b""


def only_zeros(draw: Random, data: bytes) -> bytes:
    return bytes(len(data))


def _place(draw: Random, data: bytes) -> tuple[int, int]:
    """A start, more often near the head, where formats keep their lengths; and a short length."""
    most = draw.choice((16, 256, len(data)))
    return draw.randrange(min(most, len(data)) + 1), draw.choice((1, 1, 4, 8, 64, 500))


ANY_BYTES: tuple[Mutate, ...] = (
    *(flip_bits, flip_bits, set_bytes, set_bytes, cut_end, cut_end, cut_out, insert_bytes, repeat_block),
    *(empty, only_zeros),
)


# Of trees: a value becomes another one, a key is dropped, renamed or doubled

HUGE_NUMBER, NESTED, DOUBLED = "<a number of 5000 digits>", "<brackets in brackets>", "<a key twice>"  # as JSON text
TYPES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 3.5, -0.0, 1e-300, 1e300, float("nan"), float("inf"), float("-inf")),
    *(10_000, 2**16, 2**31, 2**63, 10**12, 10**30, -(10**30), HUGE_NUMBER, NESTED),
    *("", " ", "nan", "1", "x", "x" * 100_000, "\0", "\ud800", "\n\n", "../../etc/passwd", "/dev/zero", "%s{}", "[1]"),
    *([], [[]], [None], [0, 0, 0], ["x"], [1, "x", None], {}, {"x": 1}, {"": None}, {"x": {"x": []}}),
)


def change_json(draw: Random, data: bytes) -> bytes:
    """A change somewhere in a JSON text."""
    tree, doubled = _change_tree(draw, json.loads(data))
    text = json.dumps(tree, ensure_ascii=draw.random() < 0.9)
    text = text.replace(f'"{HUGE_NUMBER}"', "1" * 5000).replace(f'"{NESTED}"', "[" * 100_000 + "]" * 100_000)
    return text.replace(f'"{DOUBLED}"', json.dumps(doubled)).encode("utf-8", "surrogatepass")


def change_json_line(draw: Random, data: bytes) -> bytes:
    """The same in one line of JSON lines."""
    lines = data.splitlines(keepends=True)
    number = draw.randrange(len(lines))
    return b"".join([*lines[:number], change_json(draw, lines[number]) + b"\n", *lines[number + 1 :]])


def change_yaml(draw: Random, data: bytes) -> bytes:
    """A change somewhere in a YAML text, or something that only YAML has in place of a value."""
    tree, _ = _change_tree(draw, yaml.safe_load(data), (*TYPES, *INTERPOLATIONS))
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    text = text.replace(f"'{HUGE_NUMBER}'", "1" * 5000).replace(f"'{NESTED}'", "[" * 300 + "]" * 300)
    special = draw.choice(YAML_VALUES)
    return text.replace("SPECIAL", special).encode("utf-8", "surrogatepass")


INTERPOLATIONS = (
    *("${nope}", "${oc.env:NOPE}", "${.", "${}", "${oc.create:{}}", "${nope:1}", "${times:x}", "${train.seed", "???"),
    *("SPECIAL", "SPECIAL", "SPECIAL"),
)
YAML_VALUES = (
    *("&a [*a]", "*nowhere", "!!python/object/apply:os.system ['touch executed']", "!!binary '!'", "2020-13-45"),
    *("{a: 1, a: 2}", "!!set {a}", "? [a]\n: b", "'unclosed", "\t- x", "12:30:45", "0x1F", "1_000", "{? {a: b} : c}"),
)


def _change_tree(draw: Random, tree: Any, values: Sequence[Any] = TYPES) -> tuple[Any, Any]:
    """The changed tree, and a key that is to stand in it in place of `DOUBLED`."""
    places = list(_places(tree))
    if not places or draw.random() < 0.03:
        return draw.choice(values), None
    parent, key = draw.choice(places)
    doubled = None
    action = draw.choice(("set", "set", "set", "set", "copy", "drop", "rename", "double"))
    if action == "set":
        parent[key] = draw.choice(values)
    elif action == "copy":
        other, other_key = draw.choice(places)
        parent[key] = json.loads(json.dumps(other[other_key], default=str))
    elif action == "drop":
        del parent[key]
    elif isinstance(parent, list):
        parent.insert(key, parent[key])
    elif action == "rename":
        parent[draw.choice(("", "x", "__class__", "self", "1", f"{key} "))] = parent.pop(key)
    else:
        doubled = key
        parent[DOUBLED] = draw.choice(values)
    return tree, doubled


def _places(tree: Any) -> Any:
    """Every (mapping or list, key) of a tree; of a long list only the ends."""
    if isinstance(tree, dict):
        keys: Sequence[Any] = list(tree)
    else:
        keys = [*range(min(len(tree), 8)), *range(max(8, len(tree) - 2), len(tree))] if isinstance(tree, list) else []
    for key in keys:
        yield tree, key
        yield from _places(tree[key])


# Of one part of a format, with its lengths and checksums made right again


def change_safetensors_header(draw: Random, data: bytes) -> bytes:
    (length,) = struct.unpack("<Q", data[:8])
    header = change_json(draw, data[8 : 8 + length])
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


def change_zip_member(draw: Random, data: bytes) -> bytes:
    """A member of a zip archive that is stored, as PyTorch writes it, with a new checksum."""
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    pickles = [name for name in names if name.endswith(".pkl")]
    return _change_member(draw, data, draw.choice([*names, *pickles]), draw.choice(ANY_BYTES))


def change_pickled_number(draw: Random, data: bytes) -> bytes:
    """Another small number in the pickle of a zip archive: a size, a stride, an offset."""

    def change(draw: Random, content: bytes) -> bytes:
        at = draw.choice([i for i, byte in enumerate(content[:-1]) if byte == pickle.BININT1[0]]) + 1
        return content[:at] + bytes([draw.choice((0, 1, 2, 127, 255))]) + content[at + 1 :]

    (name,) = (name for name in zipfile.ZipFile(io.BytesIO(data)).namelist() if name.endswith("/data.pkl"))
    return _change_member(draw, data, name, change)


def _change_member(draw: Random, data: bytes, chosen: str, change: Mutate) -> bytes:
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(draw, content) if name == chosen else content)
    return changed.getvalue()


def inside_compression(decompress: Callable[[bytes], bytes], compress: Callable[[bytes], bytes]) -> Mutate:
    """A change of what a compressed file holds."""

    def mutate(draw: Random, data: bytes) -> bytes:
        return compress(draw.choice(ANY_BYTES)(draw, decompress(data)))

    return mutate


# Of the path


def put_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def put_full_folder(path: Path) -> None:
    put_folder(path)
    (path / "inside").write_text("x")


def put_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def put_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def put_link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def put_endless_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def forbid_reading(path: Path) -> None:
    path.chmod(0)


def delete(path: Path) -> None:
    path.unlink()


PATHS = (
    *(put_folder, put_full_folder, put_pipe, put_dangling_link, put_link_to_itself, put_endless_device),
    *(forbid_reading, delete),
)
