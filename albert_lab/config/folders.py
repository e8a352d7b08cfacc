"""Where the YAML files of the configuration are, in a checkout and in an installed package."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_SOURCE = _PACKAGE if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent  # an installed wheel, or a checkout
CONF_FOLDER = _SOURCE / "conf"
SWEEPS_FOLDER = _SOURCE / "sweeps"
