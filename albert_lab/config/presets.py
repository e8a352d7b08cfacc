"""The model's part of a preset: `conf/preset/NAME.yaml` is its one home, for the command line and for the library."""

from typing import Any

from albert_lab.errors import UserError, nearest


def model_preset(name: str) -> dict[str, Any]:
    """The fields of `ModelConfig` that the preset sets.

    Raises:
        UserError: no preset of that name.
    """
    from omegaconf import OmegaConf

    from albert_lab.config.folders import CONF_FOLDER

    files = {file.stem: file for file in (CONF_FOLDER / "preset").glob("*.yaml")}
    if name not in files:
        raise UserError(f"no preset {name!r}{nearest(name, files)}")
    values = OmegaConf.to_container(OmegaConf.load(files[name]))
    assert isinstance(values, dict)
    return {str(key): value for key, value in values["model"].items()}
