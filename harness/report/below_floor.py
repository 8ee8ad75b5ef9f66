"""What a reader must know of methods that end below the floor, which trains the head alone."""

from __future__ import annotations

from harness.analysis.numbers import listed, plural
from harness.analysis.ties import against
from harness.report.subject import Subject

NAMED = 4
"""Configurations that are named."""


def alerts(subject: Subject) -> list[str]:
    """Only of what was trained by steps: nothing but these can have been too few."""
    floor = subject.study.floor
    if floor is None:
        return []
    trained = [entry for entry in subject.in_order[::-1] if entry.curves and entry["quality"].known]
    compared = zip(trained, against(subject.study, floor, trained), strict=True)
    below = [e.label for e, floors in compared if floors.difference > 0 and not floors.tied]
    if not below:
        return []
    return [
        f"{plural(len(below), 'configuration')} of {len(trained)} trained by steps ended below the "
        f"floor ({floor.label}), more than chance explains: {listed(below, NAMED)}. Each of them "
        "trains a head, too, so it was trained too briefly, or at an unsuitable rate: take its "
        "figures for no verdict on the method."
    ]
