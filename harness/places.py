"""Where and with what the phases of a trial ran: on one machine or several, under which versions.

A place is what `harness.measure.environment.place` gives: the machine and what it is made of, and
the versions of the libraries. None stands for one that is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.phases import named

Place = Mapping[str, Any]
Ran = Mapping[str, Place | None]
"""Places by the names of phases, in the order of these."""


def apart(ran: Ran) -> bool:
    """Whether phases that run alone, whose figures are compared, ran in several places."""
    alone = [place for phase, place in ran.items() if named(phase).alone]
    return any(place != alone[0] for place in alone)


def environment(ran: Ran) -> dict[str, Any]:
    """What a record says of them: the place of what was measured, and all that ran `elsewhere`.

    Where nothing was measured it is the place of training. `elsewhere` is None where it is not
    known of all.
    """
    leading = [phase for phase in ran if named(phase).alone] or [p for p in ran if p == "train"]
    place = ran[next(iter(leading or ran))]
    # The phases say themselves which GPU they used; a place has all that they could choose from.
    known = {name: value for name, value in (place or {}).items() if name != "gpu"}
    return {**known, "elsewhere": _elsewhere(ran, place)}


def differences(own: Place | None, other: Place) -> str:
    """What of a place is not that of another, in words."""
    if own is None:
        return "what was not recorded"
    differing = [name for name, value in own.items() if other.get(name) != value]
    told = [f"{name} {own[name]}" for name in differing if name != "machine"]
    return ", ".join(told) or "another machine of the same kind"


def _elsewhere(ran: Ran, place: Place | None) -> list[dict[str, Any]] | None:
    """The phases that ran in other places than `place`, a place each."""
    found: dict[str, dict[str, Any]] = {}
    for phase, own in ran.items():
        if own is None:
            return None
        if own != place:
            found.setdefault(repr(own), {"phases": [], **own})["phases"].append(phase)
    return list(found.values())
