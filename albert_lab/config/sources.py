"""The folders in which Hydra finds the choices of groups: the lab's, and those that a user adds."""

import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from albert_lab.config.folders import CONF_FOLDER, SWEEPS_FOLDER
from albert_lab.errors import UserError

LAB = (CONF_FOLDER, SWEEPS_FOLDER)


@dataclass(frozen=True)
class Sources:
    """Where choices are: `scale/mine.yaml` in any of these folders is `scale=mine`. Hydra takes the first one found."""

    folders: tuple[Path, ...] = LAB

    @property
    def added(self) -> tuple[Path, ...]:
        """The user's own folders."""
        return tuple(folder for folder in self.folders if folder not in LAB)

    def groups(self) -> list[str]:
        return sorted({path.name for folder in self.folders for path in folder.iterdir() if path.is_dir()})

    def choices(self, group: str) -> list[str]:
        """The names that the group offers; `mine/small` for a file in a folder of the group's."""
        places = [folder / group for folder in self.folders]
        files = ((place, file) for place in places for file in place.rglob("*.yaml"))
        return sorted({file.relative_to(place).with_suffix("").as_posix() for place, file in files})

    def files(self, group: str, name: str) -> list[Path]:
        """The choice's file, then those of the same name that Hydra doesn't reach."""
        files = dict.fromkeys((folder / group / f"{name}.yaml").resolve() for folder in self.folders)
        return [file for file in files if file.is_file()]


def find_sources(config_dir: str | None = None, search_path: Sequence[str] = ()) -> Sources:
    """The lab's folders and the user's.

    Args:
        config_dir: what `--config-dir` says.
        search_path: what `hydra.searchpath` says: folders, also as `file://FOLDER`, and packages as `pkg://PACKAGE`.

    Raises:
        UserError: one of them isn't there.
    """
    own = [_find_folders("--config-dir", config_dir)] if config_dir is not None else []
    own += [_find_folders("hydra.searchpath", place) for place in search_path]
    return Sources((*LAB, *_flatten(own)))


def _flatten(found: Iterable[list[Path]]) -> list[Path]:
    return [folder.absolute() for folders in found for folder in folders]


def _find_folders(setting: str, place: str) -> list[Path]:
    if place.startswith("pkg://"):
        return _folders_of_package(setting, place)
    folder = Path(place.removeprefix("file://"))
    if not folder.is_dir():
        raise UserError(f"{setting}={place}: no folder {folder.absolute()}")
    return [folder]


def _folders_of_package(setting: str, place: str) -> list[Path]:
    name = place.removeprefix("pkg://").replace("/", ".")
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:
        spec = None
    if spec is None or spec.submodule_search_locations is None:
        raise UserError(f"{setting}={place}: no package {name}")
    return [Path(location) for location in spec.submodule_search_locations]
