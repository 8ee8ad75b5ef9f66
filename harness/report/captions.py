"""What a reader may conclude from each figure, worked out from the figures themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from harness.analysis.entry import Entry
from harness.analysis.numbers import (
    fine_ratio,
    in_bytes,
    listed,
    plural,
    ratio,
    significant,
)
from harness.analysis.ties import compare
from harness.analysis.triangle import CLAIMED, CORNERS
from harness.report.style import FAMILIES
from harness.report.subject import Subject

NOTHING = "Nothing can be concluded here"


def unmeasured(subject: Subject, figure: str, words: str) -> str:
    """One sentence in place of a figure that is known for nobody."""
    reasons = dict.fromkeys(entry[figure].reason for entry in subject.entries)
    return f"{words} was not measured: {listed(reasons, most=3) or 'no trial finished'}."


def with_drawn(subject: Subject, caption: str) -> str:
    """The caption of a chart that has a mark for each of the drawn."""
    return f"{caption} {subject.drawn_words}".rstrip()


def triangle(subject: Subject) -> str:
    drawn = subject.triangle
    if not drawn.positions:
        why = drawn.left_out[0][1] if drawn.left_out else "no trial finished"
        return f"{NOTHING}: {why}."
    if len(drawn.positions) == 1:
        return f"{NOTHING}: a single configuration has nothing to be compared with."
    steady = sum(s.steady for s in subject.sensitivity)
    total = len(subject.sensitivity)
    sentences = [_strongest(subject)]
    if not any(position.benefits[0] for position in drawn.positions):
        sentences = [f"{_no_capacity(subject)}, so none has capacity here."]
    if total:
        sentences.append(
            f"{steady} of {total} keep a nearest corner under all {len(subject.alternatives) + 1} "
            "rules, so read "
            + ("positions as firm." if steady == total else "single positions as loose.")
        )
    return " ".join([*sentences, *_claims(subject)])


def trade_off(
    subject: Subject,
    figure: str,
    words: str,
    show: Callable[[float], str],
    on_front: Sequence[Entry],
) -> str:
    """What quality costs: the cheapest that cannot be told from the best, and the front."""
    best = subject.best
    known = [e for e in subject.entries if e["quality"].known and e[figure].known]
    if best is None or len(known) < 2:
        return f"{NOTHING}: {words} is known for {plural(len(known), 'configuration')}."
    if not best[figure].known:
        return f"{NOTHING} about {best.label}, the best: {best[figure].reason}."
    alike = [best, *(e for e in subject.tied_with_best if e[figure].known)]
    cheapest = min(alike, key=lambda e: _value(e, figure))
    if cheapest is best:
        others = "of those tied with it" if len(alike) > 1 else "and nothing ties with it"
        first = f"{best.label} has the best quality {_cheap(words, others, len(alike))}."
    else:
        less, more = show(_value(cheapest, figure)), show(_value(best, figure))
        first = (
            f"{cheapest.label} ties with the best, {best.label}, at a lower {words}: "
            f"{less} against {more}."
        )
    names = listed(e.label for e in on_front)
    if len(on_front) == 1:
        return f"{first} No other configuration is better on either axis."
    return f"{first} Pareto front, cheapest first: {names}."


def sizes(subject: Subject) -> str:
    helped: list[str] = []
    hurt: list[str] = []
    same: list[str] = []
    for small, large in ends(subject, "quality"):
        comparison = compare(subject.study, large, small)
        change = f"{small.method} ({subject.show_gain(comparison.difference)}, "
        change += f"{small.size} to {large.size})"
        group = same if comparison.tied else helped if comparison.difference > 0 else hurt
        group.append(change)
    if not helped and not hurt and not same:
        return f"{NOTHING} about size: no method was run at two sizes."
    sentences = []
    if helped:
        sentences.append(f"A larger size helps {listed(helped)}.")
    if hurt:
        sentences.append(f"A larger size hurts {listed(hurt)}.")
    if same:
        sentences.append(f"The largest cannot be told from the smallest for {listed(same)}.")
    return " ".join(sentences)


def merging(subject: Subject) -> str:
    nulls = subject.verdict.nulls
    moved = [e for e in subject.entries if not e.in_place and e["unmerged"].known]
    if not nulls and not moved:
        return f"{NOTHING}: no latency was measured."
    sentences = []
    noise = subject.verdict.noise
    if noise:
        ratios = [null.ratio.value or 1.0 for null in nulls]
        held = [null.holds for null in nulls if null.holds is not None]
        intervals = f"{sum(held)} of {len(held)} intervals contain 1" if held else "no intervals"
        sentences.append(
            f"The nulls lie within {fine_ratio(min(ratios))} to {fine_ratio(max(ratios))}, "
            f"{intervals}. "
            f"Differences below {significant(100 * (noise - 1), 2)}% mean nothing here."
        )
    else:
        sentences.append("There is no null to judge these ratios by.")
    if moved:
        slow = max(moved, key=lambda e: _value(e, "unmerged"))
        fast = min(moved, key=lambda e: _value(e, "unmerged"))
        cost = f"{fast.label} costs {ratio(_value(fast, 'unmerged'))}"
        if slow is not fast:
            cost += f" and {slow.label} {ratio(_value(slow, 'unmerged'))}, the least and the most"
        sentences.append(f"Unmerged, {cost}.")
    merged = [null for null in nulls if null.kind.startswith("merged") and null.holds is not None]
    same = [null.label for null in merged if null.holds]
    off = [null.label for null in merged if not null.holds]
    if same:
        sentences.append(f"Merged, {listed(same)} cannot be told from the base.")
    if off:
        differ = "differs" if len(off) == 1 else "differ"
        sentences.append(f"Merged, {listed(off)} {differ} from it by more than the interval.")
    return " ".join(sentences)


def memory(subject: Subject) -> str:
    full = subject.study.ceiling
    others = [
        e
        for e in subject.entries
        if e.family not in ("full", "head") and e["gradients"].known and e["optimizer"].known
    ]
    sentences = []
    if full is not None and full["gradients"].known and full["train_memory"].known:
        state = _value(full, "gradients") + _value(full, "optimizer")
        total = state + _value(full, "weights") + _value(full, "activations")
        sentences.append(
            f"Of full fine-tuning's {in_bytes(_value(full, 'train_memory'))}, gradients and "
            f"optimizer state are {100 * state / total:.0f}%."
        )
    if others:
        most = max(others, key=_trained_state)
        parts = ("weights", "activations", "gradients", "optimizer")
        middle = {p: median(_value(e, p) for e in others if e[p].known) for p in parts}
        largest = max(middle, key=lambda part: middle[part])
        them = "In the other methods they" if sentences else "Gradients and optimizer state"
        sentences.append(
            f"{them} are at most {in_bytes(_trained_state(most))} ({most.label}); "
            f"what is left is mostly {largest}."
        )
    return " ".join(sentences) or f"{NOTHING}: the parts of the training peak were not recorded."


def _no_capacity(subject: Subject) -> str:
    if subject.capacity_figure == "capacity":
        return "No configuration holds a bit"
    return "No configuration gains quality over the floor"


def _strongest(subject: Subject) -> str:
    """Who lies nearest each corner."""
    parts = []
    for place, corner in enumerate(CORNERS):
        nearest = max(subject.triangle.positions, key=lambda p: p.weights[place])
        parts.append(f"{nearest.entry.label} lies nearest {corner}")
    return f"{'; '.join(parts)}."


def _claims(subject: Subject) -> list[str]:
    """How measured positions compare with where families are said to lie."""
    told = []
    for family, claim in CLAIMED.items():
        own = [p for p in subject.triangle.positions if p.entry.family == family]
        if own:
            said = "–".join(c for c, w in zip(CORNERS, claim, strict=True) if max(claim) - w < 0.1)
            agreeing = sum(p.nearest == said for p in own)
            told.append(f"{FAMILIES[family].lower()} at {said}, {agreeing} of {len(own)}")
    return [f"Measured where they are said to lie: {'; '.join(told)}."] if told else []


def ends(subject: Subject, figure: str) -> list[tuple[Entry, Entry]]:
    """The smallest and the largest size of each method with two that have the figure."""
    groups: dict[str, list[Entry]] = {}
    for entry in subject.entries:
        if entry.size is not None and entry[figure].known:
            groups.setdefault(entry.method, []).append(entry)
    found = []
    for method in sorted(groups):
        ordered = sorted(groups[method], key=lambda e: e.size or 0)
        if ordered[0].size != ordered[-1].size:
            found.append((ordered[0], ordered[-1]))
    return found


def _cheap(words: str, others: str, alike: int) -> str:
    return f"and the lowest {words} {others}" if alike > 1 else others


def _trained_state(entry: Entry) -> float:
    return _value(entry, "gradients") + _value(entry, "optimizer")


def _value(entry: Entry, figure: str) -> float:
    return entry[figure].value or 0.0
