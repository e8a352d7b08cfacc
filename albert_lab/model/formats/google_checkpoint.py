"""Google's TensorFlow checkpoints of ALBERT, as Hugging Face's configuration and weights by name."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albert_lab.errors import UserError, list_some
from albert_lab.model.formats.google_config import GOOGLE_CONFIG_FILE, read_google_config
from albert_lab.model.formats.google_names import BLOCK_VARIABLES, OPTIONAL_PARTS, Variable, google_variables
from albert_lab.model.formats.tensor_bundle import TensorBundle

log = logging.getLogger(__name__)

BEST = "model.ckpt-best"  # Google's name for the checkpoint that an archive is about
_SKIPPED = re.compile(r"(^|/)(global_step|adam_[mv])$|^_CHECKPOINTABLE_OBJECT_GRAPH$")  # the optimizer's


@dataclass(frozen=True)
class GoogleCheckpoint:
    """A checkpoint in Hugging Face's terms."""

    config: dict[str, Any]  # what a config.json holds
    state: dict[str, NDArray[Any]]  # under the names of AlbertForPreTraining, without the tied decoder
    missing: tuple[str, ...]  # parts that it lacks: the pooler, a head
    unused: tuple[str, ...]  # variables that are no part of the pre-training model: a fine-tuned classifier


def read_google_checkpoint(path: Path) -> GoogleCheckpoint:
    """Reads a folder such as `albert_base/` of Google's archives, or one checkpoint in it (`.../model.ckpt-best`).

    Warns of parts that are missing and of variables that aren't used. At E = H the state has no projection, as Google's
    model has none, and the configuration says so.

    Raises:
        UserError: no checkpoint there, a damaged one, or one of another model than its configuration describes.
    """
    prefix = _find_prefix(path)
    config = read_google_config(_find_config(prefix.parent))
    bundle = TensorBundle(prefix)
    names = {name.removeprefix("module/"): name for name in bundle.names if not _SKIPPED.search(name)}
    if config["num_hidden_groups"] * config["inner_group_num"] * BLOCK_VARIABLES > len(names):
        raise UserError(
            f"{bundle.index} has too few variables for num_hidden_groups={config['num_hidden_groups']} times "
            f"inner_group_num={config['inner_group_num']} blocks of {GOOGLE_CONFIG_FILE}"
        )
    variables = google_variables(config)
    missing = _check_missing(set(variables) - set(names), names, bundle.index)
    unused = _check_unused(set(names) - set(variables), bundle.index)
    _check_shapes(variables, names, bundle)
    _warn(prefix, missing, unused)
    state = {}
    for name, variable in variables.items():
        if name in names:
            array = bundle.read(names[name])
            state[variable.hf_name] = np.ascontiguousarray(array.T) if variable.transposed else array
    return GoogleCheckpoint(config, state, missing, unused)


def _find_prefix(path: Path) -> Path:
    """The checkpoint that is meant; of several in a folder, Google's best."""
    if not path.is_dir():
        prefix = path.with_name(re.sub(r"\.(index|meta|data-\d+-of-\d+)$", "", path.name))
        if not prefix.with_name(f"{prefix.name}.index").exists():
            raise UserError(f"there is no TensorFlow checkpoint {path}: {prefix.name}.index is missing")
        return prefix
    indexes = sorted([*path.glob("*.index"), *path.glob("variables/*.index")])  # TF-Hub's modules have variables/
    if not indexes:
        raise UserError(f"{path} holds no TensorFlow checkpoint, such as {BEST}.index with its .data files")
    meant = indexes if len(indexes) == 1 else [index for index in indexes if index.stem == BEST]
    if not meant:
        raise UserError(f"{path} holds several checkpoints; name one: {', '.join(i.stem for i in indexes)}")
    return meant[0].with_suffix("")


def _find_config(folder: Path) -> Path:
    for home in (folder, folder.parent, folder.parent / "assets"):  # the last two for variables/ of TF-Hub
        if (home / GOOGLE_CONFIG_FILE).exists():
            return home / GOOGLE_CONFIG_FILE
    raise UserError(
        f"{folder} has no {GOOGLE_CONFIG_FILE}, which says how large the model is; put it into the checkpoint's folder"
    )


def _check_missing(absent: set[str], names: Mapping[str, str], index: Path) -> tuple[str, ...]:
    """Parts of which nothing is there; UserError where something vital is absent, or half of a part."""
    whole = [part for part in OPTIONAL_PARTS if not any(name.startswith(part) for name in names)]
    vital = sorted(name for name in absent if not name.startswith(tuple(whole)))
    if vital:
        raise UserError(f"{index} lacks {list_some(vital)}, which the model of {GOOGLE_CONFIG_FILE} has")
    return tuple(OPTIONAL_PARTS[part] for part in whole)


def _check_unused(others: set[str], index: Path) -> tuple[str, ...]:
    inside = sorted(name for name in others if name.startswith(("bert/", "cls/")))
    if inside:
        raise UserError(f"{index} has {list_some(inside)}, which the model of {GOOGLE_CONFIG_FILE} doesn't have")
    return tuple(sorted(others))


def _check_shapes(variables: Mapping[str, Variable], names: Mapping[str, str], bundle: TensorBundle) -> None:
    for name, variable in variables.items():
        if name in names and bundle.shape(names[name]) != variable.shape:
            raise UserError(
                f"{bundle.index}: {name} has the shape {bundle.shape(names[name])}, but by {GOOGLE_CONFIG_FILE} it "
                f"should have {variable.shape}"
            )


def _warn(prefix: Path, missing: tuple[str, ...], unused: tuple[str, ...]) -> None:
    if missing:
        log.warning("%s has no weights of %s", prefix, " and ".join(missing))
    if unused:
        log.warning("%s has more than the pre-training model, which is left out: %s", prefix, ", ".join(unused))
