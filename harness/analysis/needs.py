"""Three needs that are common enough to be answered unasked."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.choice import Choice, Constraints, choose
from harness.analysis.study import Study
from harness.analysis.ties import Comparison, compare

KEPT = 0.5
"""Share of the best gain over the floor that a cheaper method must keep to count as an answer."""


@dataclass(frozen=True)
class Need:
    """What somebody wants, and the rule that answers it."""

    title: str
    rule: str
    constraints: Constraints


@dataclass(frozen=True)
class Answer:
    """`over_floor` compares the pick with the floor; None where there is no floor or no pick."""

    need: Need
    choice: Choice
    over_floor: Comparison | None


def answers(study: Study) -> tuple[Answer, ...]:
    """The three needs answered, in the order in which they are shown."""
    return tuple(_answer(study, need) for need in needs(study))


def needs(study: Study) -> tuple[Need, ...]:
    enough = enough_quality(study)
    swapped = [entry for entry in study.entries if entry.on_one_base]
    served = study.mostly("adapter_bytes", swapped)
    smallest = "fewest bytes of memory per further adapter" if served else "smallest stored file"
    of = "gain over the floor" if study.floor is not None else "quality"
    kept = f"keeping at least half of the best {of}" if enough is not None else ""
    return (
        Need(
            "Best quality, no extra latency",
            "The best quality, whatever training costs, among those that are deployed as the plain "
            "base architecture: merged, or trained in place.",
            Constraints(needs=("merge",)),
        ),
        Need(
            "Little training memory",
            f"The smallest training peak{', ' if kept else ''}{kept}.",
            Constraints(min_quality=enough, prefer="train_memory"),
        ),
        Need(
            "Many tasks on one base",
            f"The {smallest} among those that leave the base's weights alone and can be swapped in "
            f"and out{', ' if kept else ''}{kept}.",
            Constraints(
                min_quality=enough,
                needs=("hot_swap",),
                prefer="adapter_bytes" if served else "file_bytes",
            ),
        ),
    )


def enough_quality(study: Study) -> float | None:
    """The floor and KEPT of the best gain over it. Where no floor was run, KEPT of the best, if
    quality counts from zero up, else None.
    """
    best = study.best()
    if best is None or (study.floor is None and not study.higher_is_better):
        return None
    floor = study.floor["quality"].value if study.floor is not None else 0.0
    top = best["quality"].value
    assert floor is not None
    assert top is not None
    return floor + KEPT * (top - floor)


def _answer(study: Study, need: Need) -> Answer:
    choice = choose(study, need.constraints)
    floor = study.floor
    over_floor = None
    if choice.pick is not None and floor is not None and choice.pick is not floor:
        over_floor = compare(study, choice.pick, floor)
    return Answer(need, choice, over_floor)
