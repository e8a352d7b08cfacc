"""Tags of entities in one scheme, IOB2: B-TYPE on an entity's first word, I-TYPE on its others, O outside."""

import re
from collections.abc import Iterable, Iterator

from albert_lab.data.tasks.values import BadValue

_TAG = re.compile(r"([BIESLUM])-(.+)")  # BILOU has L and U where BIOES has E and S; BMES has M for I


def to_iob2(tags: Iterable[str]) -> Iterator[str]:
    """The tags of one sentence, which may follow IOB1, IOB2, IO, BIOES, BILOU or BMES.

    An I- that starts an entity becomes a B-, so that the entities are those that conlleval counts: in IOB1 a B- only
    parts two entities of one type, and where an I- follows O or another type, an entity starts in any scheme.

    Raises: BadValue at a tag of no such scheme.
    """
    open_type = ""  # of the entity that the next word may go on with
    for tag in tags:
        match = _TAG.fullmatch(tag)
        if match is None:
            if tag != "O":
                raise BadValue(f"tag {tag!r} is neither O nor B-TYPE, I-TYPE or the like")
            open_type = ""
            yield tag
            continue
        prefix, kind = match.groups()
        starts = prefix in "BSU" or kind != open_type
        open_type = "" if prefix in "ESLU" else kind
        yield f"{'B' if starts else 'I'}-{kind}"


def count_starts(tags: Iterable[str]) -> tuple[int, int]:
    """How many entities start with an I-, as in IOB1 and IO, and how many with a B- that those have no need of."""
    inside, begin, previous = 0, 0, "O"
    for tag in tags:
        if previous[2:] != tag[2:]:
            inside, begin = inside + (tag[0] == "I"), begin + (tag[0] == "B")
        previous = tag
    return inside, begin


def is_iob(tags: Iterable[str]) -> bool:
    """Whether any tag marks entities; parts of speech, say, don't."""
    return any(_TAG.fullmatch(tag) for tag in tags)


def list_tags(types: Iterable[str]) -> tuple[str, ...]:
    """All tags for entities of these types: O, then the rest sorted."""
    return ("O", *sorted(f"{prefix}-{kind}" for kind in {*types} for prefix in "BI"))
