"""The two splits of every corpus and labelled data set."""

SPLITS = ("train", "held_out")


def split_number(split: str) -> int:
    """0 or 1. Raises: ValueError for another name."""
    if split not in SPLITS:
        raise ValueError(f"split={split!r}; known: {', '.join(SPLITS)}")
    return SPLITS.index(split)
