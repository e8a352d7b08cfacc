"""Where the YAML files of the configuration are, in a checkout and in an installed package, and the user's cache."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_SOURCE = _PACKAGE if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent  # an installed wheel, or a checkout
CONF_FOLDER = _SOURCE / "conf"
SWEEPS_FOLDER = _SOURCE / "sweeps"
CONSTRAINTS_FILE = _SOURCE / "constraints.txt"  # an installed wheel has none


def user_cache() -> Path:
    """Where `paths.cache` is unless it is set."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "albert_lab"
