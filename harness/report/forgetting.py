"""Forgetting: how much more plain text costs the model after training than before."""

from __future__ import annotations

from harness.analysis import numbers
from harness.analysis.entry import Entry
from harness.analysis.numbers import listed, nats
from harness.report import captions
from harness.report.charts import Figure, Forest, ForestRow, axis
from harness.report.subject import Subject, bounds

RESTORED = 1e-4
"""Nats per token: sums of a float32 loss in another order differ by less."""


def forgetting(subject: Subject) -> Figure:
    return Figure(
        "forgetting",
        "Forgetting",
        "Forest plot of the increase in loss on plain text with its intervals.",
        caption(subject),
        _chart(subject),
    )


def caption(subject: Subject) -> str:
    known = [e for e in subject.entries if e["forgetting"].known]
    if not known:
        return captions.unmeasured(subject, "forgetting", "Forgetting")
    forgets, alike, gains = (sorted(group, key=_increase) for group in _groups(known))
    sentences = []
    if forgets:
        worst = forgets[-1]
        who = listed(e.label for e in reversed(forgets))
        beyond = f"{who} {'forgets' if len(forgets) == 1 else 'forget'} beyond the interval"
        size = f"{nats(_increase(worst))} nats per token"
        most = f"{size}" if len(forgets) == 1 else f"{worst.label} most, {size}"
        sentences.append(f"{beyond} ({most}).")
    if gains:
        names, verb = listed(e.label for e in gains), "does" if len(gains) == 1 else "do"
        sentences.append(f"{names} {verb} better on plain text than before.")
    if alike:
        count = f"{'The other' if forgets or gains else 'All'} {len(alike)}"
        who = count if len(alike) > 1 else alike[0].label
        sentences.append(f"{who} cannot be told from the base.")
    return " ".join([*sentences, *_restored(known)])


def _restored(known: list[Entry]) -> list[str]:
    """Whether the base is there again where adapters can be switched off."""
    off = [(e, change) for e in known if (change := _left_behind(e)) is not None]
    if not off:
        return []
    changed = [e.label for e, change in off if abs(change) > RESTORED]
    if changed:
        return [f"With adapters switched off, the base is not restored for {listed(changed)}."]
    which = "all" if len(off) == len(known) else "the"
    if len(off) == 1:
        return [f"With its adapter switched off, {off[0][0].label} is the base again."]
    return [f"With adapters switched off, {which} {len(off)} that have them are the base again."]


def _chart(subject: Subject) -> Forest | None:
    known = sorted((e for e in subject.few if e["forgetting"].known), key=lambda e: -_increase(e))
    titles = ("Forget", "No change seen", "Better than before")
    groups = tuple(
        (title, tuple(_row(subject, entry) for entry in group))
        for title, group in zip(titles, _groups(known), strict=True)
        if group
    )
    if not groups:
        return None
    every = [row for _, group in groups for row in group]
    values = [0.0, *(row.value for row in every), *(b for r in every for b in r.bounds or ())]
    values += [row.tick for row in every if row.tick is not None]
    x = axis("loss gained (nats/token)", values, _plain)
    return Forest(x, groups, None, neutral=0.0)


def _row(subject: Subject, entry: Entry) -> ForestRow:
    words = [f"{entry.label}: {numbers.with_interval(entry['forgetting'], nats)} nats per token"]
    for name, figure in (
        ("before", "loss_before"),
        ("after", "loss_after"),
        ("adapters off", "loss_adapter_off"),
    ):
        if entry[figure].known:
            words.append(f"{name} {entry[figure].value:.4f}")
    return ForestRow(
        numbers.shortened(entry.label),
        entry.family,
        subject.shapes[entry.method],
        _increase(entry),
        bounds(entry["forgetting"]),
        _left_behind(entry),
        tuple(words),
        subject.index[entry.label],
    )


def _groups(entries: list[Entry]) -> tuple[list[Entry], list[Entry], list[Entry]]:
    """Those whose interval lies above zero, around it, and below it."""
    above: list[Entry] = []
    around: list[Entry] = []
    below: list[Entry] = []
    for entry in entries:
        low, high = bounds(entry["forgetting"]) or (0.0, 0.0)
        (above if low > 0 else below if high < 0 else around).append(entry)
    return above, around, below


def _left_behind(entry: Entry) -> float | None:
    """What of the change in loss stays when the adapters are switched off."""
    off, before = entry["loss_adapter_off"].value, entry["loss_before"].value
    return None if off is None or before is None else off - before


def _increase(entry: Entry) -> float:
    return entry["forgetting"].value or 0.0


def _plain(value: float) -> str:
    return f"{value:g}".replace("-", "−")
