"""Entities are those of the CoNLL script, on any sequence of tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_lab.errors import UserError
from albert_lab.scoring.entities import find_entities
from albert_lab.scoring.metrics import SCORES, score
from albert_lab.scoring.predictions import Prediction

pytestmark = pytest.mark.filterwarnings("error")
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-O", "I-A-B")  # types may look like tags
NAMES = ["entity_precision", "entity_recall", "entity_f1", "token_accuracy"]

sentences = st.lists(
    st.integers(0, 6).flatmap(
        lambda length: st.tuples(*[st.lists(st.sampled_from(TAGS), min_size=length, max_size=length)] * 2)
    ),
    min_size=1,
    max_size=5,
)


def entities(tags: list[str]) -> set[tuple[str, int, int]]:
    """conlleval: an entity starts at B, or at I after O or after another type; it goes on over I of its type."""
    found: list[tuple[str, int, int]] = []
    for place, tag in enumerate(tags):
        if tag == "O":
            continue
        kind = tag[2:]
        goes_on = tag[0] == "I" and place > 0 and tags[place - 1] != "O" and tags[place - 1][2:] == kind
        found.append((kind, found.pop()[1], place) if goes_on else (kind, place, place))
    return set(found)


def answered(pairs: list[tuple[list[str], list[str]]]) -> list[Prediction]:
    return [Prediction(str(number), gold, predicted) for number, (gold, predicted) in enumerate(pairs)]


@given(sentences)
def test_metrics_of_tags_equal_their_definition(pairs: list[tuple[list[str], list[str]]]) -> None:
    hits = sum(len(entities(gold) & entities(predicted)) for gold, predicted in pairs)
    predicted, gold = (sum(len(entities(tags)) for tags in side) for side in list(zip(*pairs, strict=True))[::-1])
    tokens = [pair for sentence in pairs for pair in zip(*sentence, strict=True)]
    precision, recall = (hits / count if count else 0.0 for count in (predicted, gold))
    expected = {
        "entity_precision": precision,
        "entity_recall": recall,
        "entity_f1": 2 * precision * recall / (precision + recall) if hits else 0.0,
        "token_accuracy": sum(a == b for a, b in tokens) / len(tokens) if tokens else 0.0,
    }
    assert score(NAMES, answered(pairs)) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.sampled_from(TAGS), max_size=8))
def test_entities_of_a_sentence_are_those_of_the_script(tags: list[str]) -> None:
    assert find_entities(tags) == entities(tags)


def test_iob1_and_iob2_of_the_same_entities_agree() -> None:
    assert find_entities(["I-PER", "I-PER", "O", "I-LOC"]) == find_entities(["B-PER", "I-PER", "O", "B-LOC"])


@pytest.mark.parametrize("tag", ["ORG", "E-PER", "B", "", "B-"])
def test_tags_that_are_no_iob_are_refused(tag: str) -> None:
    with pytest.raises(UserError, match="not an IOB tag"):
        find_entities(["O", tag])


def test_a_tag_too_few_is_refused() -> None:
    with pytest.raises(UserError, match="example 0 has 2 words, but 1 predicted tags"):
        score(["token_accuracy"], answered([(["O", "O"], ["O"])]))


def test_chance_is_what_no_entity_or_the_most_frequent_tag_gets() -> None:
    golds = [["O", "B-PER"], ["O"]]
    assert SCORES["entity_f1"].chance(golds, TAGS) == 0
    assert SCORES["token_accuracy"].chance(golds, TAGS) == pytest.approx(2 / 3)
