"""How far a constraint can move before the pick becomes another, and to whom it then falls."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.analysis.constraints import (
    LIMITS,
    NEEDS,
    Constraints,
    RuledOut,
    more_is_better,
    ordered,
    show_beyond,
    violations,
)
from harness.analysis.entry import Entry
from harness.analysis.study import Study


@dataclass(frozen=True)
class Move:
    """One constraint is moved, all others stay; `pick` is who is picked then, None where nobody is.

    `way`: "looser" and "tighter" of a limit that was given, "added" one that was not, and needs
    that are "added" or "dropped". A looser limit changes the pick from `at` on, a tighter or an
    added one beyond `at`, which the pick of now itself has. Without `at` an added limit changes it
    wherever it lies, since the figure of the pick of now is not known.
    """

    constraint: str
    way: str
    at: float | None
    pick: Entry | None
    need: str = ""

    def told(self, study: Study) -> str:
        """Under what condition, and the pick: "max_train_memory below 171 MiB: head"."""
        return f"{self._condition(study)}: {self.pick.label if self.pick else 'nothing is left'}"

    def _condition(self, study: Study) -> str:
        if self.need:
            return f"{'with' if self.way == 'added' else 'without'} needs={self.need}"
        if self.at is None:
            return f"{self.constraint}, whatever it is"
        more = more_is_better(self.constraint, study)
        looser = self.way == "looser"
        at = show_beyond(self.constraint, self.at, up=looser is not more)
        if looser:
            return f"{self.constraint} from {at} {'down' if more else 'up'}"
        return f"{self.constraint} {'above' if more else 'below'} {at}"


def moves(
    study: Study,
    constraints: Constraints,
    candidates: Sequence[Entry],
    ruled_out: Iterable[RuledOut],
) -> tuple[Move, ...]:
    """For each limit that was given the nearest looser and tighter one at which the pick changes,
    for each other limit the first that would change it, and each need that would if it were added
    or dropped. `candidates` keep to all constraints and come best first.
    """
    barred = tuple(ruled_out)
    found = []
    for limit in LIMITS:
        if getattr(constraints, limit) is None:
            found += _added(study, constraints, limit, candidates)
        else:
            rest = [
                out.entry for out in barred if {v.constraint for v in out.violations} == {limit}
            ]
            eligible = ordered(study, [*candidates, *rest], constraints)
            found += _moved(study, constraints, limit, eligible)
    return (*found, *_needs(study, constraints, candidates))


def _moved(
    study: Study, constraints: Constraints, limit: str, eligible: Sequence[Entry]
) -> list[Move]:
    """`eligible` keep to all but the limit, best first."""
    sign = -1 if more_is_better(limit, study) else 1
    steps = _steps(eligible, constraints.figure(limit), sign)
    now = bisect_right([cost for cost, _ in steps], sign * getattr(constraints, limit)) - 1
    found = []
    if now + 1 < len(steps):
        cost, pick = steps[now + 1]
        found.append(Move(limit, "looser", sign * cost, pick))
    if now >= 0 and _can_be_beyond(limit, sign * steps[now][0]):
        pick_then = steps[now - 1][1] if now else None
        found.append(Move(limit, "tighter", sign * steps[now][0], pick_then))
    return found


def _added(
    study: Study, constraints: Constraints, limit: str, candidates: Sequence[Entry]
) -> list[Move]:
    if not candidates:
        return []
    sign = -1 if more_is_better(limit, study) else 1
    steps = _steps(candidates, constraints.figure(limit), sign)
    own = candidates[0][constraints.figure(limit)].value
    if own is None:
        return [Move(limit, "added", None, steps[-1][1] if steps else None)]
    if not _can_be_beyond(limit, own):
        return []
    return [Move(limit, "added", own, steps[-2][1] if len(steps) > 1 else None)]


def _steps(eligible: Sequence[Entry], figure: str, sign: int) -> list[tuple[float, Entry]]:
    """Who is picked under a limit as it grows looser: from each value on, another."""
    known = [
        (sign * value, rank)
        for rank, entry in enumerate(eligible)
        if (value := entry[figure].value) is not None
    ]
    steps: list[tuple[float, Entry]] = []
    best = len(eligible)
    for cost, rank in sorted(known):
        if rank < best:
            steps.append((cost, eligible[rank]))
            best = rank
    return steps


def _can_be_beyond(limit: str, value: float) -> bool:
    """Limits from above are themselves above 0."""
    return not limit.startswith("max_") or value > 0


def _needs(study: Study, constraints: Constraints, candidates: Sequence[Entry]) -> list[Move]:
    now = candidates[0] if candidates else None
    found = []
    for need in NEEDS:
        given = need in constraints.needs
        others = tuple(each for each in constraints.needs if each != need)
        moved = replace(constraints, needs=others if given else (*others, need))
        best_first = ordered(study, study.entries, moved)
        pick = next((e for e in best_first if not violations(e, moved, study)), None)
        if pick is not now:
            found.append(Move("needs", "dropped" if given else "added", None, pick, need))
    return found
