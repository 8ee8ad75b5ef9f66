"""The answer: what was found, in two or three sentences, and a pick for each typical need."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis import numbers
from harness.analysis.choice import Choice
from harness.analysis.entry import Entry
from harness.analysis.numbers import listed, plural
from harness.analysis.scenarios import Answer
from harness.report import below_floor, mixed, search
from harness.report.foreign import alerts as foreign_alerts
from harness.report.subject import Subject

SHOWN_IF_PREFERRED = {
    "adapter_bytes": (("per further adapter", "adapter_bytes", numbers.in_bytes),),
}


@dataclass(frozen=True)
class Pick:
    """`facts` are (name, figure) pairs."""

    title: str
    rule: str
    label: str
    facts: tuple[tuple[str, str], ...]
    sure: str


def sentences(subject: Subject) -> tuple[str, ...]:
    best, floor, study = subject.best, subject.study.floor, subject.study
    if best is None:
        ended = {"failed": len(study.failures), "skipped": len(study.skipped)}
        if not subject.entries and any(ended.values()):
            how = (f"{plural(n, 'trial')} {word}" for word, n in ended.items() if n)
            return (f"No trial finished: {listed(how)}.",)
        return ("No trial has a quality to compare.",)
    quality = numbers.with_interval(best["quality"], subject.show_quality)
    name = f"{best.label}, the floor," if best is floor else best.label
    first = f"{name} has the best {study.metric}: {quality}"
    if subject.in_points:
        first += " points"
    gain = subject.gain(best)
    if floor is not None and floor is not best and gain is not None:
        first += f", {subject.show_gain(gain)} over the floor ({floor.label})"
    told = [f"{first}."]
    if best is floor and len(subject.entries) > 1:
        told.append("Nothing that was trained gains over it.")
    tied = subject.tied_with_best
    if tied:
        told.append(f"It cannot be told from {listed(e.label for e in tied)}.")
        told += _cheapest(best, tied)
    elif len(subject.entries) > 1:
        told.append("No other configuration ties with it.")
    told += _ceiling(subject)
    return tuple(told)


def alerts(subject: Subject) -> tuple[str, ...]:
    """What a reader must know before believing the rest."""
    told = []
    verdict = subject.verdict
    if verdict.failed:
        told.append(
            f"The latency nulls fail: {len(verdict.missed)} of {len(verdict.nulls)} intervals miss "
            "1.000, more than chance explains. Do not rely on this study's latencies."
        )
    seeds = [len(entry.seeds) for entry in subject.entries]
    if seeds and max(seeds) < 3:
        words = "One seed each" if max(seeds) == 1 else "At most two seeds"
        told.append(f"{words}: differences between methods are hints. Claims need three seeds.")
    shaky = [entry.label for entry in subject.entries if entry.unstable]
    if shaky:
        told.append(
            f"Timing was unstable for {len(shaky)} of "
            f"{plural(len(subject.entries), 'configuration')}; their rows are marked."
        )
    busy = [entry.label for entry in subject.entries if entry.busy]
    if busy:
        told.append(
            f"Other programs used the machine while {len(busy)} of "
            f"{plural(len(subject.entries), 'configuration')} were measured; their rows are marked."
        )
    if len(subject.study.environments) > 1:
        told.append(
            f"The records come from {len(subject.study.environments)} environments. Times are "
            "compared within the commonest only, memory within one kind of GPU; elsewhere they are "
            "a dash."
        )
    told += below_floor.alerts(subject)
    told += mixed.alerts(subject)
    told += foreign_alerts(subject)
    steps = {entry.recipe.get("train.steps") for entry in subject.entries if entry.family != "head"}
    if len(steps - {None}) > 1:
        told.append("Not all configurations saw the same number of examples.")
    return (*told, *search.alerts(subject))


def picks(subject: Subject) -> tuple[Pick, ...]:
    return tuple(
        _pick(subject, answer, answer.choice)
        for answer in subject.answers
        if answer.scenario.card and answer.choice is not None
    )


def _pick(subject: Subject, answer: Answer, choice: Choice) -> Pick:
    title = answer.scenario.title
    if choice.pick is None:
        return Pick(title, answer.rule, "none", (), nobody(choice))
    quality = numbers.with_interval(choice.pick["quality"], subject.show_quality)
    facts = [(subject.quality_title, quality)]
    facts += [
        (name, show(value))
        for name, figure, show in (
            ("training peak", "train_memory", numbers.in_bytes),
            (f"latency, {_deployed(choice.pick)}", "deployed", numbers.ratio),
            ("file", "file_bytes", numbers.in_bytes),
            *SHOWN_IF_PREFERRED.get(choice.constraints.prefer, ()),
        )
        if (value := choice.pick[figure].value) is not None
    ]
    sure = choice.how_sure
    if choice.pick.unstable:
        sure += " Its timing was unstable."
    if choice.pick.busy:
        sure += " Other programs used the machine while it was measured."
    if answer.over_floor is not None and answer.over_floor.tied:
        sure = f"It cannot be told from the floor. {sure}"
    return Pick(title, answer.rule, choice.pick.label, tuple(facts), sure)


def nobody(choice: Choice) -> str:
    """Who comes nearest where nothing qualifies, and on what it fails."""
    reasons = listed(dict.fromkeys(v.reason for v in choice.relax))
    nearest = choice.relaxed_for.label if choice.relaxed_for else "none"
    return f"Nothing qualifies; the nearest, {nearest}, fails on {reasons}."


def _deployed(entry: Entry) -> str:
    if entry.mergeable:
        return "merged"
    return "as the base" if entry.in_place else "unmerged"


def _cheapest(best: Entry, tied: list[Entry]) -> list[str]:
    """Which of those that tie for the best trains in the least memory."""
    alike = [entry for entry in (best, *tied) if entry["train_memory"].known]
    if len(alike) < 2:
        return []
    least = min(alike, key=lambda e: e["train_memory"].value or 0.0)
    peak = numbers.in_bytes(least["train_memory"].value or 0.0)
    return [f"Of these, {least.label} trains in the least memory ({peak})."]


def _ceiling(subject: Subject) -> list[str]:
    full, best = subject.study.ceiling, subject.best
    if full is None or best is None or full is best or full in subject.tied_with_best:
        return []
    return [
        f"Full fine-tuning stays behind it under this recipe "
        f"({subject.show_quality(full['quality'].value or 0.0)} {subject.quality_unit})."
        if full["quality"].known
        else "Full fine-tuning has no quality to compare."
    ]
