"""Names cached folders by what they were made from, so that stale data can't be used."""

import hashlib
import json
from typing import Any


def recipe_hash(recipe: dict[str, Any]) -> str:
    """16 hexadecimal digits that depend on the recipe alone."""
    text = json.dumps(recipe, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
