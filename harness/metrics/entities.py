"""Named entities as tags in the BIO scheme say them (Ramshaw and Marcus 1995, cmp-lg/9505040)."""

from __future__ import annotations

from collections.abc import Sequence

Entity = tuple[str, int, int]
"""Type, first word, and the word after the last."""


def entities(tags: Sequence[str]) -> set[Entity]:
    """Those of one sentence, read as CoNLL's script `conlleval` reads them.

    `B-PER` begins an entity, and so does an `I-PER` that goes on with none of its type.
    """
    found = set()
    kind, start = "", 0  # of the entity that is open; no type is empty while one is
    for place, tag in enumerate([*tags, "O"]):
        prefix, _, named = tag.partition("-")
        inside = prefix == "I" and named == kind
        if kind and not inside:
            found.add((kind, start, place))
            kind = ""
        if prefix in ("B", "I") and not inside:
            kind, start = named, place
    return found


def matched(predicted: Sequence[str], actual: Sequence[str]) -> tuple[int, int, int]:
    """(right, predicted, actual) entities of one sentence; right is what agrees in type and ends.

    Raises ValueError where the sentence has not as many tags of each.
    """
    if len(predicted) != len(actual):
        raise ValueError(f"{len(predicted)} tags for {len(actual)} words: expected one per word")
    said, meant = entities(predicted), entities(actual)
    return len(said & meant), len(said), len(meant)
