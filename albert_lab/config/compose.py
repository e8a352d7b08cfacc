"""Hydra's part of a configuration: the schema's registration, its resolvers, and the way from YAML to dataclasses."""

import io
import re
from pathlib import Path
from typing import TypeVar

import yaml
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from albert_lab.config.folders import SWEEPS_FOLDER, user_cache
from albert_lab.config.schema import RUN_CONFIGS, VERBS, RunConfig
from albert_lab.errors import UserError
from albert_lab.storage.files import read_bytes, write_text

Config = TypeVar("Config")

COMPOSING_ERRORS = (HydraException, OmegaConfBaseException, yaml.YAMLError)  # what composing a user's YAML raises
_FOREIGN_KEY = re.compile(r"In '(.+)': ConfigKeyError raised while composing config:\s+Key '(.+)' not in '(.+)'")


class SweepsOnPath(SearchPathPlugin):
    """Lets Hydra find the group `study`, which lies in `sweeps/`."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append("albert_lab", f"file://{SWEEPS_FOLDER}")


def register() -> None:
    """Makes the schema of every verb and the resolvers known to Hydra; may be called again."""
    for verb, schema in VERBS.items():
        ConfigStore.instance().store(name=f"{verb}_schema", node=schema, replace=True)
    OmegaConf.register_resolver("times", lambda *factors: _product(factors), replace=True)
    OmegaConf.register_resolver("pick", lambda key, table, usual: table.get(key, usual), replace=True)
    OmegaConf.register_resolver("albert_lab.user_cache", lambda: str(user_cache()), replace=True)
    Plugins.instance().register(SweepsOnPath)


def _product(factors: tuple[int, ...]) -> int:
    product = 1
    for factor in factors:
        product *= int(factor)
    return product


def from_hydra(composed: DictConfig, schema: type[Config]) -> Config:
    """The configuration that Hydra composed, typed and with every interpolation resolved.

    Raises:
        UserError: an interpolation that leads nowhere or to itself.
    """
    try:
        config = OmegaConf.to_object(composed)
    except OmegaConfBaseException as error:
        raise UserError(one_line(error)) from error
    except RecursionError:
        raise UserError("a setting refers to itself through ${...}; give it a value") from None
    if not isinstance(config, schema):
        verb = next(verb for verb, kind in VERBS.items() if kind is schema)
        raise UserError(f"a configuration of your own starts with `defaults: [{verb}, _self_]`")
    return config


def one_line(error: BaseException) -> str:
    """Hydra's explanation without its line breaks; the deepest cause says most."""
    while error.__cause__ is not None:
        error = error.__cause__
    foreign = _FOREIGN_KEY.search(str(error))
    if foreign:
        file, key, schema = foreign.groups()
        verb = next((verb for verb, kind in VERBS.items() if kind.__name__ == schema), schema)
        return (
            f"{file}.yaml sets {key}, which {verb} doesn't have; leave {file.replace('/', '=')} out or choose another"
        )
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    keys = [line.removeprefix("full_key: ") for line in lines if line.startswith("full_key: ")]
    reason = " ".join(line for line in lines if not line.startswith(("full_key", "reference_type", "object_type")))
    return f"{keys[0]}: {reason}" if keys else reason


def save(config: RunConfig, path: Path) -> None:
    """Writes a run's settings, its verb first: the verb says of which class they are."""
    write_text(path, f"verb: {config.verb}\n{OmegaConf.to_yaml(OmegaConf.structured(config))}")


def load(path: Path) -> RunConfig:
    """Reads what `save` wrote.

    Raises:
        UserError: the file is damaged, or names no verb that makes runs.
    """
    content = read_bytes(path)
    try:
        values = OmegaConf.load(io.StringIO(content.decode("utf-8")))
        verb = values.pop("verb", None) if isinstance(values, DictConfig) else None
        if verb not in RUN_CONFIGS:
            raise UserError(f"{path} says verb: {verb}; a run's is one of {', '.join(RUN_CONFIGS)}")
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(RUN_CONFIGS[verb]), values))
    except UserError:
        raise
    except (yaml.YAMLError, OmegaConfBaseException, ValueError, TypeError, OSError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {one_line(error)}; the run's command writes it again") from None
    assert isinstance(config, RunConfig)
    return config
