"""Names cached folders by what they were made of, so that stale data can't be used."""

import hashlib
import json
from typing import Any


def recipe_hash(recipe: dict[str, Any]) -> str:
    """16 hexadecimal digits that follow from the recipe alone."""
    text = json.dumps(recipe, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
