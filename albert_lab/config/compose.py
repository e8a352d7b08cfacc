"""Hydra's part of a configuration: the schema's registration, its resolvers, and the way from YAML to dataclasses."""

import os
from pathlib import Path

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from albert_lab.config.schema import PretrainConfig
from albert_lab.storage.files import write_text

_PACKAGE = Path(__file__).resolve().parents[1]
_SOURCE = _PACKAGE if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent  # an installed wheel, or a checkout
CONF_FOLDER = _SOURCE / "conf"
SWEEPS_FOLDER = _SOURCE / "sweeps"


def register() -> None:
    """Makes the schema and the resolvers known to Hydra; may be called again."""
    ConfigStore.instance().store(name="schema", node=PretrainConfig, replace=True)
    OmegaConf.register_resolver("times", lambda *factors: _product(factors), replace=True)
    OmegaConf.register_resolver("albert_lab.user_cache", _user_cache, replace=True)
    OmegaConf.register_resolver("albert_lab.sweeps", lambda: str(SWEEPS_FOLDER), replace=True)


def _product(factors: tuple[int, ...]) -> int:
    product = 1
    for factor in factors:
        product *= int(factor)
    return product


def _user_cache() -> str:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return str(Path(home) / "albert_lab")


def from_hydra(composed: DictConfig) -> PretrainConfig:
    """The typed configuration that Hydra composed, every interpolation resolved."""
    values = OmegaConf.masked_copy(composed, list(PretrainConfig.__dataclass_fields__))
    OmegaConf.resolve(values)
    return _typed(values)


def save(config: PretrainConfig, path: Path) -> None:
    write_text(path, OmegaConf.to_yaml(OmegaConf.structured(config)))


def load(path: Path) -> PretrainConfig:
    loaded = OmegaConf.load(path)
    assert isinstance(loaded, DictConfig)
    return _typed(loaded)


def _typed(values: DictConfig) -> PretrainConfig:
    config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(PretrainConfig), values))
    assert isinstance(config, PretrainConfig)
    return config
