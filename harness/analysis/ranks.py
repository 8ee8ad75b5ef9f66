"""How far a method's size matters: its curve over ranks, bottlenecks or prompt lengths, and the
smallest size that cannot be told from its best.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.entry import Entry
from harness.analysis.study import Study
from harness.analysis.ties import Comparison, compare

RATE = "train.learning_rate"


@dataclass(frozen=True)
class SizeCurve:
    """One method under one recipe, smallest size first; `name` tells recipes apart."""

    name: str
    entries: tuple[Entry, ...]

    @property
    def method(self) -> str:
        return self.entries[0].method

    @property
    def size_field(self) -> str | None:
        return self.entries[0].size_field


@dataclass(frozen=True)
class Enough:
    """The smallest size of a curve that ties with the curve's best quality. `comparison` is of the
    best with the smallest, None where they are the same.
    """

    method: str
    size_field: str | None
    sizes: tuple[int, ...]
    smallest: Entry
    best: Entry
    comparison: Comparison | None
    name: str
    """The method, with what tells its recipe from its others."""


def size_curves(study: Study) -> tuple[SizeCurve, ...]:
    """A curve per method and recipe with a known quality at two sizes at least, by name.

    The recipe tells curves apart only by settings in which entries of one size differ. The learning
    rate, which may be chosen anew for each size, does so where nothing else can.
    """
    methods: dict[tuple[str, str | None], list[Entry]] = defaultdict(list)
    for entry in study.entries:
        if entry.size is not None and entry["quality"].known:
            methods[entry.method, entry.size_field].append(entry)
    found = [curve for entries in methods.values() for curve in _by_recipe(entries)]
    return tuple(sorted(found, key=lambda curve: curve.name))


def smallest_enough(study: Study) -> tuple[Enough, ...]:
    """For every curve over sizes, the smallest size that ties with its best one."""
    return tuple(_enough(study, curve) for curve in size_curves(study))


def _enough(study: Study, curve: SizeCurve) -> Enough:
    best = study.best(curve.entries)
    assert best is not None
    sizes = tuple(entry.size for entry in curve.entries if entry.size is not None)
    for entry in curve.entries:
        comparison = None if entry is best else compare(study, best, entry)
        if comparison is None or comparison.tied:
            break
    return Enough(curve.method, curve.size_field, sizes, entry, best, comparison, curve.name)


def _by_recipe(entries: Sequence[Entry]) -> list[SizeCurve]:
    names = _telling(entries)
    curves: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for place, entry in enumerate(entries):
        curves[tuple(f"{name.rpartition('.')[2]}={told[place]}" for name, told in names)].append(
            entry
        )
    return [
        SizeCurve(
            _named(entries[0].method, recipe),
            tuple(sorted(own, key=lambda entry: entry.size or 0)),
        )
        for recipe, own in curves.items()
        if len(own) > 1
    ]


def _named(method: str, recipe: Sequence[str]) -> str:
    """With what is set; what is not set needs no words."""
    told = [words for words in recipe if not words.endswith("=None")]
    return f"{method} ({', '.join(told)})" if told else method


def _telling(entries: Sequence[Entry]) -> list[tuple[str, list[str]]]:
    """The settings that tell entries of one size apart, with the words for each entry."""
    by_size: dict[int | None, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_size[entry.size].append(entry)
    rivals = [group for group in by_size.values() if len(group) > 1]
    differing = sorted(
        {
            name
            for group in rivals
            for name in {name for entry in group for name in entry.recipe}
            if len({repr(entry.recipe.get(name)) for entry in group}) > 1
        }
    )
    without_rate = [name for name in differing if name != RATE]
    enough = all(
        len({tuple(repr(e.recipe.get(name)) for name in without_rate) for e in group}) == len(group)
        for group in rivals
    )
    return [(name, _words(name, entries)) for name in (without_rate if enough else differing)]


def _words(name: str, entries: Sequence[Entry]) -> list[str]:
    """A setting's value for each entry, in sizes where it follows the size, as LoRA's alpha may."""
    values: list[Any] = [entry.recipe.get(name) for entry in entries]
    plain = [str(value) for value in values]
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        return plain
    scaled = [
        f"{value / entry.size:g} × size" if entry.size else str(value)
        for value, entry in zip(values, entries, strict=True)
    ]
    return min(plain, scaled, key=lambda words: len(set(words)))
