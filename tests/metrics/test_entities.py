"""Entities in BIO tags: against a published example and the definition, span by span."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import metrics
from harness.metrics.entities import Entity, entities, matched

TAGS = st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"]), max_size=8)


def begins(tags: list[str], place: int) -> bool:
    """conlleval's startOfChunk: B, or an I after what is not of its type."""
    former = tags[place - 1] if place else "O"
    return tags[place][0] == "B" or (tags[place][0] == "I" and tags[place][1:] != former[1:])


def by_definition(tags: list[str]) -> set[Entity]:
    return {
        (tags[start][2:], start, end)
        for start in range(len(tags))
        for end in range(start + 1, len(tags) + 1)
        if begins(tags, start)
        and all(tags[place] == f"I-{tags[start][2:]}" for place in range(start + 1, end))
        and (end == len(tags) or tags[end] != f"I-{tags[start][2:]}")
    }


@given(TAGS)
def test_entities_are_the_spans_that_begin_go_on_and_end(tags: list[str]) -> None:
    assert entities(tags) == by_definition(tags)


def test_entity_f1_is_that_of_the_readme_of_seqeval() -> None:
    person = ["B-PER", "I-PER", "O"]
    actual = [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], person]
    predicted = [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], person]
    found = metrics.load("entity_f1").compute(predictions=predicted, references=actual)
    assert found == {"entity_f1": pytest.approx(0.5)}


def test_nothing_to_find_and_nothing_found_is_zero_as_conlleval_has_it() -> None:
    found = metrics.load("entity_f1").compute(predictions=[["O"]], references=[["O"]])
    assert found == {"entity_f1": 0.0}


def test_a_sentence_with_a_tag_too_few_is_refused() -> None:
    with pytest.raises(ValueError, match="1 tags for 2 words"):
        matched(["O"], ["O", "O"])
