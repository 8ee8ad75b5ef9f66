"""Where the ranking changes between studies: sentences, and the tables behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.agreement import ALPHA, LEAST, Agreement, agreements
from harness.analysis.numbers import DASH, listed, plural
from harness.analysis.overview import Overview
from harness.analysis.reversals import Reversal, Reversals, reversals
from harness.report.table import Cell

TOLD = 3
"""Most reversals that the sentences name."""
SHOWN = 60
"""Most reversals that have a row."""


@dataclass(frozen=True)
class Turn:
    """A reversal in words: the studies in which the first is better, and those in which it is
    worse.
    """

    first: str
    second: str
    better: str
    worse: str


@dataclass(frozen=True)
class Changes:
    """`lead` is empty where fewer than two studies rank anything. `examples` are the first of the
    reversals, `turns` all of them where those are more. `agreement`: a row and a column for each
    counted study, whose `names` are beside them.
    """

    lead: str
    examples: tuple[str, ...]
    rest: tuple[str, ...]
    turns: tuple[Turn, ...]
    left_out: int
    names: tuple[str, ...]
    agreement: tuple[tuple[Cell, ...], ...]


def changes(found: Overview, names: Sequence[str]) -> Changes:
    turned, agreed = reversals(found), agreements(found)
    shown = turned.found[:SHOWN]
    return Changes(
        _lead(turned) if agreed else "",
        tuple(_example(reversal, names) for reversal in shown[:TOLD]),
        (*_rest(turned), *_agreed(agreed, names)) if agreed else (),
        tuple(_turn(reversal, names) for reversal in shown) if len(shown) > TOLD else (),
        len(turned.found) - len(shown),
        tuple(names[n] for n in found.counted),
        _matrix(found.counted, agreed),
    )


def _lead(turned: Reversals) -> str:
    if not turned.pairs:
        return "No two configurations meet in two studies, so no change of rank can be seen."
    pairs = f"{plural(turned.pairs, 'pair')} of configurations"
    if not turned.found:
        return (
            f"Nowhere that can be told: of {pairs}, none is better in one study and worse in "
            "another by more than the noise there."
        )
    return (
        f"For {len(turned.found)} of {pairs}: one is better in one study and worse in another, "
        f"each by more than the noise there. {_chance(turned)}"
    )


def _chance(turned: Reversals) -> str:
    expected = turned.by_chance
    told = "Chance alone could make up to about "
    told += f"{expected:.1f} such pairs" if expected < 10 else f"{expected:.0f} such pairs"
    if expected >= len(turned.found):
        return f"{told}, so these are hints, to be run again before they are believed."
    return f"{told}."


def _example(reversal: Reversal, names: Sequence[str]) -> str:
    return (
        f"{reversal.first} is better than {reversal.second} in {_some(reversal.better, names)}, "
        f"worse in {_some(reversal.worse, names)}."
    )


def _some(places: Sequence[int], names: Sequence[str]) -> str:
    return listed((names[n] for n in places), 2)


def _turn(reversal: Reversal, names: Sequence[str]) -> Turn:
    better = listed((names[n] for n in reversal.better), len(names))
    worse = listed((names[n] for n in reversal.worse), len(names))
    return Turn(reversal.first, reversal.second, better, worse)


def _rest(turned: Reversals) -> list[str]:
    if not turned.open:
        return []
    pairs = plural(turned.open, "more pair" if turned.found else "pair")
    verb = "comes" if turned.open == 1 else "come"
    return [
        f"{pairs} {verb} out in different orders, but without both being more than noise, so that "
        "no change is claimed."
    ]


def _agreed(agreed: Sequence[Agreement], names: Sequence[str]) -> list[str]:
    known = [each for each in agreed if each.tau is not None]
    if not known:
        return ["How far the rankings agree cannot be said: a study ties everything it has."]
    enough = [each for each in known if each.p is not None]
    if not enough:
        most = max(each.n for each in known)
        return [
            f"Too few configurations, {most} at most, are common to two studies to say how far "
            f"their rankings agree: it takes {LEAST}."
        ]
    closest, farthest = max(enough, key=_tau), min(enough, key=_tau)
    if len(enough) == 1:
        return [
            f"The rankings of {names[closest.first]} and {names[closest.second]} have a rank "
            f"correlation of {_words(closest)} over {plural(closest.n, 'configuration')}, "
            f"{'more than chance explains' if closest.told else 'which may be chance'}."
        ]
    told = sum(each.told for each in enough)
    return [
        f"Of {plural(len(enough), 'pair')} of studies, {told} rank alike or in reverse at p < 0.05 "
        f"({ALPHA * len(enough):.1f} would by chance).",
        f"Most alike: {_pair(closest, names)}. Least: {_pair(farthest, names)}.",
    ]


def _tau(each: Agreement) -> float:
    return each.tau or 0.0


def _words(each: Agreement) -> str:
    return DASH if each.tau is None else f"{each.tau:.2f}".replace("-", "−")


def _pair(each: Agreement, names: Sequence[str]) -> str:
    chance = "" if each.told else ", no more than chance"
    return f"{names[each.first]} and {names[each.second]} ({_words(each)}{chance})"


def _matrix(counted: Sequence[int], agreed: Sequence[Agreement]) -> tuple[tuple[Cell, ...], ...]:
    by_pair = {frozenset((each.first, each.second)): each for each in agreed}
    return tuple(
        tuple(
            Cell("", reason="") if row == column else _cell(by_pair[frozenset((row, column))])
            for column in counted
        )
        for row in counted
    )


def _cell(each: Agreement) -> Cell:
    below = f"of {each.n}"
    if each.tau is None:
        return Cell(DASH, reason=f"no order to compare over {plural(each.n, 'configuration')}")
    if each.p is None:
        return Cell(_words(each), f"{below}, too few to say", order=each.tau)
    chance = f"p {each.p:.2f}" if each.p >= 0.01 else "p < 0.01"
    return Cell(_words(each), f"{below}, {chance}", order=each.tau)
