"""Scenarios answered from the records of a study, or a reason why the records cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from harness.analysis.choice import Choice, choose
from harness.analysis.constraints import Constraints
from harness.analysis.numbers import listed
from harness.analysis.ranks import Enough, smallest_enough
from harness.analysis.scenario import Scenario, shipped
from harness.analysis.study import Study
from harness.analysis.ties import Comparison, compare

KEPT = 0.5
"""Share of the best gain over the floor that a cheaper method must keep to count as an answer."""

LEAST = {
    "quality": "best quality",
    "train_memory": "smallest training peak",
    "adapter_bytes": "fewest bytes of memory per further adapter",
    "file_bytes": "smallest stored file",
    "trainable": "fewest trained parameters",
}


@dataclass(frozen=True)
class Answer:
    """Of one scenario in one study.

    `unanswered` says why the records cannot answer; empty where they can, and then `choice` or
    `sizes` holds the answer. `over_floor` compares the pick with the floor; None where there is no
    floor or no pick. `agrees` with what is commonly said, as a pick or as a tie of it; None where
    that was not run, or does not say whether it merges though the answer must.
    """

    scenario: Scenario
    rule: str
    choice: Choice | None = None
    sizes: tuple[Enough, ...] = ()
    over_floor: Comparison | None = None
    agrees: bool | None = None
    unanswered: str = ""

    @property
    def smallest(self) -> Enough | None:
        """Of the method whose size is commonly told, where it was run at several."""
        methods = self.scenario.said.methods
        return next((each for each in self.sizes if each.method in methods), None)

    @property
    def agreement(self) -> str:
        """Whether what was measured agrees with what is commonly said, in words."""
        if self.unanswered:
            return "not measured"
        pick = self.choice.pick if self.choice else None
        if self.agrees is None:
            known = self.choice.study.entries if self.choice and pick else ()
            return "not measured" if any(map(self.scenario.said.of, known)) else "not run here"
        if self.agrees and pick is not None and not self.scenario.said.of(pick):
            return "as a tie"
        return "yes" if self.agrees else "no"

    @property
    def plans(self) -> tuple[str, ...]:
        """What is planned where records do not say the answer, or lack what is commonly said."""
        return self.scenario.plan if self.unanswered or self.agrees is None else ()


def answers(study: Study) -> tuple[Answer, ...]:
    """Of all scenarios that ship, in their order."""
    return tuple(answer(study, scenario) for scenario in shipped())


def answer(study: Study, scenario: Scenario, own: dict[str, Any] | None = None) -> Answer:
    """The scenario's answer; `own` are fields of Constraints that take the place of its own, and
    needs that are added to its own.
    """
    constraints, rule = _asked(study, scenario, own or {})
    obstacle = _other_kind(study, scenario)
    if obstacle:
        return Answer(scenario, rule, unanswered=obstacle)
    if scenario.answer == "sizes":
        return _of_sizes(study, scenario, rule)
    choice = choose(study, constraints)
    if choice.pick is None and (unmeasured := _unmeasured(choice)):
        return Answer(scenario, rule, choice, unanswered=unmeasured)
    floor = study.floor
    over_floor = None
    if choice.pick is not None and floor is not None and choice.pick is not floor:
        over_floor = compare(study, choice.pick, floor)
    return Answer(scenario, rule, choice, (), over_floor, _agrees(study, scenario, choice))


def enough_quality(study: Study) -> float | None:
    """The floor and KEPT of the best gain over it. Where no floor was run, KEPT of the best, if
    quality counts from zero up and something is above zero, else None.
    """
    best = study.best()
    if best is None or (study.floor is None and not study.higher_is_better):
        return None
    floor = study.floor["quality"].value if study.floor is not None else 0.0
    top = best["quality"].value
    assert floor is not None
    assert top is not None
    if study.floor is None and top <= 0:
        return None
    return floor + KEPT * (top - floor)


def _asked(study: Study, scenario: Scenario, own: dict[str, Any]) -> tuple[Constraints, str]:
    """The constraints of a scenario in a study, and its rule in words."""
    enough = enough_quality(study) if scenario.enough else None
    swapped = "hot_swap" in scenario.needs
    eligible = [e for e in study.entries if e.on_one_base] if swapped else study.entries
    *first, last = scenario.prefer
    prefer = next((figure for figure in first if study.mostly(figure, eligible)), last)
    constraints = Constraints(
        max_latency_ratio=scenario.max_latency_ratio,
        min_quality=enough,
        needs=scenario.needs,
        prefer=prefer,
    )
    of = "gain over the floor" if study.floor is not None else "quality"
    kept = f", keeping at least half of the best {of}" if enough is not None else ""
    needs = tuple(dict.fromkeys((*scenario.needs, *own.get("needs", ()))))
    return (
        replace(constraints, **{**own, "needs": needs}),
        scenario.rule.format(least=LEAST[prefer], enough=kept),
    )


def _other_kind(study: Study, scenario: Scenario) -> str:
    """Why the records are not of what is asked; empty where they are."""
    if not scenario.task_kinds:
        return ""
    kind = _task_kind(study)
    if kind is None:
        return "the records do not say what kind of task they are of"
    if kind not in scenario.task_kinds:
        return f"the records are of {kind.replace('_', ' ')}"
    if scenario.tasks and study.task not in scenario.tasks:
        return f"{study.task} is not known to be such a task"
    return ""


def _task_kind(study: Study) -> str | None:
    kinds = (study.beside[t].config.get("task.kind") for e in study.entries for t in e.trials)
    return next((str(kind) for kind in kinds if kind is not None), None)


def _of_sizes(study: Study, scenario: Scenario, rule: str) -> Answer:
    sizes = smallest_enough(study)
    if not sizes:
        return Answer(scenario, rule, unanswered="no method was run at two sizes")
    found = Answer(scenario, rule, sizes=sizes)
    if found.smallest is None:
        return found
    return replace(found, agrees=scenario.said.of(found.smallest.smallest))


def _agrees(study: Study, scenario: Scenario, choice: Choice) -> bool | None:
    said = [entry for entry in study.entries if scenario.said.of(entry)]
    if "merge" in choice.constraints.needs:  # nobody knows of these whether they would merge
        said = [e for e in said if e.mergeable is not None or e.in_place]
    if choice.pick is None or not said:
        return None
    return any(map(scenario.said.of, (choice.pick, *(entry for entry, _ in choice.ties))))


def _unmeasured(choice: Choice) -> str:
    """What nobody's records hold of all that the constraints are about; empty where some do."""
    reasons: Iterable[str] = (
        violation.reason
        for out in choice.ruled_out
        for violation in out.violations
        if violation.value is None and violation.constraint != "needs"
    )
    every = all(
        any(v.value is None and v.constraint != "needs" for v in out.violations)
        for out in choice.ruled_out
    )
    return listed(dict.fromkeys(reasons), most=3) if every else ""
