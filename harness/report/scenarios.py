"""The decision matrix and the rank guide, answered from the records of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis import numbers
from harness.analysis.choice import Choice
from harness.analysis.entry import Entry
from harness.analysis.numbers import GIB, capital, count, listed, percent, plural, significant
from harness.analysis.scenario import shipped_plans
from harness.analysis.scenarios import Answer
from harness.report.subject import Subject
from harness.report.summary import nobody
from harness.selection import plan_label


@dataclass(frozen=True)
class ScenarioRow:
    """One scenario. Where the records cannot answer, `unanswered` says why, and `planned` what the
    plan says in place of them, on the model and shape of `plan_of`; the plan also tells of what is
    commonly said and was not run.
    """

    title: str
    question: str
    rule: str
    label: str
    facts: str
    sure: str
    ties: str
    said: str
    source: str
    agrees: str
    unanswered: str
    plan_of: str
    planned: tuple[str, ...]


@dataclass(frozen=True)
class Scenarios:
    matrix: tuple[ScenarioRow, ...]
    matrix_caption: str
    guide: tuple[ScenarioRow, ...]
    guide_caption: str


def scenarios(subject: Subject) -> Scenarios | None:
    """None where no configuration has a quality."""
    if not subject.answers:
        return None
    picks = [answer for answer in subject.answers if answer.scenario.answer == "pick"]
    sizes = [answer for answer in subject.answers if answer.scenario.answer == "sizes"]
    return Scenarios(
        tuple(_row(subject, answer) for answer in picks),
        _matrix_caption(picks),
        tuple(_row(subject, answer) for answer in sizes),
        _guide_caption(sizes),
    )


def _row(subject: Subject, answer: Answer) -> ScenarioRow:
    label, facts, sure, ties = _found(subject, answer)
    scenario = answer.scenario
    plans = [shipped_plans()[line] for line in answer.plans]
    return ScenarioRow(
        title=scenario.title,
        question=scenario.question,
        rule=answer.rule,
        label=label,
        facts=facts,
        sure=sure,
        ties=ties,
        said=capital(scenario.said.words),
        source=scenario.said.source,
        agrees=answer.agreement,
        unanswered=answer.unanswered,
        plan_of=_plan_of(plans[0]) if plans else "",
        planned=tuple(map(_planned, plans)),
    )


def _found(subject: Subject, answer: Answer) -> tuple[str, str, str, str]:
    """Label, facts, how sure and ties."""
    choice = answer.choice
    if answer.unanswered:
        return "", "", "", ""
    if choice is None:
        return _sizes(answer)
    if choice.pick is None:
        return "none", nobody(choice), "", ""
    tied = listed((entry.label for entry, _ in choice.ties), most=4)
    return choice.pick.label, _facts(subject, choice.pick), _sure(choice), tied or "nothing"


def _facts(subject: Subject, pick: Entry) -> str:
    told = [
        f"{numbers.with_interval(pick['quality'], subject.show_quality)} {subject.quality_unit}"
    ]
    for figure, show, words in (
        ("train_memory", numbers.in_bytes, "to train"),
        ("deployed", numbers.ratio, "base latency"),
        ("trainable", count, "trained"),
    ):
        value = pick[figure].value
        if value is not None:
            told.append(f"{show(value)} {words}")
    return ", ".join(told)


def _sure(choice: Choice) -> str:
    return percent(choice.certainty or 0.0)


def _sizes(answer: Answer) -> tuple[str, str, str, str]:
    """The method that is commonly told first; the others as facts."""
    told = answer.smallest
    others = [f"{each.name} {each.smallest.size}" for each in answer.sizes if each is not told]
    if told is None:
        return "not run at two sizes", ", ".join(others), "", ""
    run = listed(map(str, told.sizes), most=8)
    label = f"{told.smallest.label} (best {told.best.size}, of {run})"
    return label, ", ".join(others), "", ""


def _plan_of(plan: dict[str, Any]) -> str:
    return f"{plan['model']}, {plan['batch_size']} × {plan['seq_len']} tokens"


def _planned(plan: dict[str, Any]) -> str:
    return (
        f"{plan_label(plan)}: {count(plan['trainable_parameters'])} trained, "
        f"{significant(plan['train_peak_bytes'] / GIB)} GiB to train, "
        f"{significant(plan['inference_peak_bytes'] / GIB)} GiB to answer"
    )


def _matrix_caption(answers: Sequence[Answer]) -> str:
    answered = [answer for answer in answers if not answer.unanswered]
    if not answered:
        return "Nothing can be concluded: none of these was measured here."
    held = [answer for answer in answered if answer.agrees is not None]
    agreeing = [answer for answer in held if answer.agrees]
    told = [
        f"These records answer {len(answered)} of {plural(len(answers), 'question')}; what is "
        f"commonly said was run for {len(held)} of them and holds for {len(agreeing)}, as the pick "
        "or as a tie."
    ]
    apart = [answer.scenario.title for answer in held if not answer.agrees]
    if apart:
        told.append(f"It does not hold here for {listed(map(_quoted, apart))}.")
    return " ".join(told)


def _guide_caption(answers: Sequence[Answer]) -> str:
    answered = [answer for answer in answers if answer.smallest is not None]
    if not answered:
        reasons = dict.fromkeys(answer.unanswered for answer in answers if answer.unanswered)
        return f"Nothing can be concluded: {listed(reasons, most=3) or 'LoRA was not run'}."
    told = []
    for answer in answered:
        smallest = answer.smallest
        assert smallest is not None
        told.append(
            f"{answer.scenario.title}: {smallest.smallest.label} is the smallest that cannot be "
            f"told from {smallest.best.label}, the best; commonly said is "
            f"{answer.scenario.said.words}."
            if smallest.smallest is not smallest.best
            else f"{answer.scenario.title}: no size below {smallest.best.label} ties with it; "
            f"commonly said is {answer.scenario.said.words}."
        )
    return " ".join(told)


def _quoted(title: str) -> str:
    return f"“{title}”"
