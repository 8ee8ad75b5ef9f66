"""A choice, and a scenario's answer, as lines for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from textwrap import wrap
from typing import Any

from harness.analysis.choice import Choice
from harness.analysis.constraints import RuledOut, Violation, more_is_better, show, show_beyond
from harness.analysis.entry import Entry
from harness.analysis.mixed import mixed
from harness.analysis.numbers import (
    DASH,
    GIB,
    count,
    in_bytes,
    listed,
    percent,
    plural,
    ratio,
    significant,
    with_interval,
)
from harness.analysis.ranks import Enough
from harness.analysis.scenarios import Answer
from harness.analysis.study import Study
from harness.columns import aligned

ROWS = 20
"""Most lines of one kind; the rest is counted."""

WIDTH = 100
"""Characters of a line of words; a table may be wider."""

COLUMNS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("training", "train_memory", in_bytes),
    ("inference", "inference_memory", in_bytes),
    ("latency", "deployed", ratio),
    ("file", "file_bytes", in_bytes),
    ("trained", "trainable", count),
)


def mixed_lines(study: Study) -> list[str]:
    """One line where the records come from several library versions, machines or places."""
    found, told = mixed(study), []
    if found.versions:
        sets = (f"{words} ({plural(n, 'configuration')})" for words, n in found.versions)
        told.append(f"library versions differ: {listed(sets)}")
    if len(study.environments) > 1:
        told.append(f"measured in {len(study.environments)} environments")
    if found.elsewhere:
        told.append(f"{plural(len(found.elsewhere), 'configuration')} trained elsewhere")
    return ["; ".join([*told, "the report says what may be compared"])] if told else []


def choice_lines(choice: Choice) -> list[str]:
    """The pick, who else could be, what was ruled out by what, and what a moved limit changes."""
    study, pick = choice.study, choice.pick
    lines = [f"{study.name}: {plural(len(study.entries), 'candidate')}"]
    if study.basis.peak == "reserved":
        lines.append("training memory is what the allocator reserved; no record knows more")
    if pick:
        sure = wrap(choice.how_sure, WIDTH, initial_indent="  ", subsequent_indent="  ")
        lines += [f"pick: {pick.label}", *sure, "", *_table(choice)]
    if choice.ruled_out:
        lines += ["", f"ruled out: {len(choice.ruled_out)}", *_ruled_out(choice.ruled_out)]
    if choice.relaxed_for:
        changes = " and ".join(_relaxed(study, violation) for violation in choice.relax)
        lines += ["", f"nothing keeps to all of it; {choice.relaxed_for.label} would {changes}"]
    # Who is left with nobody by a limit that was not asked for learns nothing of use.
    moved = [m.told(study) for m in choice.moves if m.pick is not None or m.way == "tighter"]
    if moved:
        lines += ["", "if one constraint moves", *(f"  {line}" for line in moved)]
    return lines


def answer_lines(answer: Answer, plans: dict[str, dict[str, Any]]) -> list[str]:
    """One scenario: the question, the rule, the answer, what is commonly said; `plans` by what was
    planned.
    """
    scenario = answer.scenario
    lines = [f"{scenario.title}: {scenario.question}", f"rule: {answer.rule}"]
    if answer.unanswered:
        lines.append(f"not measured: {answer.unanswered}")
    elif answer.choice is not None:
        lines += choice_lines(answer.choice)
    else:
        lines += _sizes(answer.sizes)
    if answer.plans:
        lines += ["", "by the plan, not measured", *plan_lines([plans[p] for p in answer.plans])]
    said = scenario.said
    lines += ["", f"commonly said: {said.words} ({said.source}); here: {answer.agreement}"]
    return lines


def overview_lines(answers: Sequence[Answer]) -> list[str]:
    """A line per scenario, then why some have no answer."""
    rows = [["scenario", "answer", "sure", "ties", "commonly said", "agrees"]]
    for answer in answers:
        choice = answer.choice
        sure = ties = ""
        if not answer.unanswered and choice is not None and choice.pick is not None:
            sure = percent(choice.certainty or 0.0)
            ties = listed((entry.label for entry, _ in choice.ties), most=1)
        cells = [answer.scenario.name, short_answer(answer), sure, ties]
        rows.append([*cells, answer.scenario.said.words, answer.agreement])
    return [*aligned(rows), *_not_measured(answers)]


def _not_measured(answers: Sequence[Answer]) -> list[str]:
    """Every reason once, with the scenarios that it leaves without an answer."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for answer in answers:
        if answer.unanswered:
            by_reason[answer.unanswered].append(answer.scenario.name)
    lines = []
    for reason, names in by_reason.items():
        lines += wrap(f"not measured: {', '.join(names)}: {reason}", WIDTH, subsequent_indent="  ")
    return ["", *lines] if lines else []


def short_answer(answer: Answer) -> str:
    """In a few words: a label, or the smallest size that does."""
    if answer.unanswered:
        return DASH
    if answer.choice is not None:
        return answer.choice.pick.label if answer.choice.pick else "nothing qualifies"
    told = answer.smallest
    return told.smallest.label if told else "its method was not run at two sizes"


def plan_lines(plans: Iterable[dict[str, Any]]) -> list[str]:
    """What was planned as aligned columns; one that failed as its reason."""
    rows = [["method", "on", "batch", "trained", "file", "train GiB", "answer GiB"]]
    failed = []
    for plan in plans:
        if "error" in plan:
            failed.append(f"cannot be planned here: {plan['error']}")
            continue
        peaks = [f"{plan[f'{p}_peak_bytes'] / GIB:.2f}" for p in ("train", "inference")]
        shape = f"{plan['batch_size']} x {plan['seq_len']}"
        trained, file = count(plan["trainable_parameters"]), in_bytes(plan["adapter_file_bytes"])
        rows.append([plan_label(plan), plan["model"], shape, trained, file, *peaks])
    return [f"  {line}" for line in [*aligned(rows), *failed]]


def plan_label(plan: dict[str, Any]) -> str:
    return plan["method"] if plan["size"] is None else f"{plan['method']} {plan['size']}"


def _table(choice: Choice) -> list[str]:
    pick = choice.pick
    assert pick is not None
    preferred = choice.constraints.preferred
    known = {figure for _, figure, _ in COLUMNS} | {"quality"}
    more = () if preferred in known else ((choice.constraints.prefer, preferred, significant),)
    columns = (*COLUMNS, *more)
    rows = [["", "", choice.study.metric, *(title for title, _, _ in columns), "wins"]]
    tied = [entry for entry, _ in choice.ties]
    kinds = (("pick", [pick]), ("tied", tied[:ROWS]), ("runner-up", list(choice.runners_up)))
    for kind, entries in kinds:
        for entry in entries:
            quality = with_interval(entry["quality"], significant)
            cells = [_figure(entry, figure, told) for _, figure, told in columns]
            wins = percent(choice.wins.get(entry.label, 0.0))
            rows.append([kind, entry.label, quality, *cells, wins])
    left = [f"  and {len(tied) - ROWS} more that tie"] if len(tied) > ROWS else []
    return [*(f"  {line}" for line in aligned(rows)), *left]


def _figure(entry: Entry, figure: str, told: Callable[[float], str]) -> str:
    value = entry[figure].value
    return DASH if value is None else told(value)


def _ruled_out(ruled_out: Sequence[RuledOut]) -> list[str]:
    """One by one, or where those are many by what they fail on, each told by its nearest."""
    if len(ruled_out) <= ROWS:
        rows = [[out.entry.label, "; ".join(v.reason for v in out.violations)] for out in ruled_out]
        return [f"  {line}" for line in aligned(rows)]
    groups: dict[str, list[tuple[Entry, Violation]]] = defaultdict(list)
    for out in ruled_out:
        for violation in out.violations:
            known = violation.value is not None
            groups[violation.constraint if known else violation.reason].append(
                (out.entry, violation)
            )
    by_size = sorted(groups.items(), key=lambda item: -len(item[1]))
    rows = [[reason, str(len(those)), _nearest(those)] for reason, those in by_size]
    left = [f"  and {len(rows) - ROWS} more reasons"] if len(rows) > ROWS else []
    return [*(f"  {line}" for line in aligned(rows[:ROWS])), *left]


def _nearest(those: Sequence[tuple[Entry, Violation]]) -> str:
    """Of those that a limit rules out the one that comes nearest to it; else a few by name."""
    short = [
        (abs(v.value - v.limit), entry.label, v.reason)
        for entry, v in those
        if v.value is not None and v.limit is not None
    ]
    if not short:
        return listed((entry.label for entry, _ in those), most=3)
    _, label, reason = min(short)
    return f"nearest: {label}, {reason.partition(': ')[2]}"


def _relaxed(study: Study, violation: Violation) -> str:
    if violation.value is None or violation.limit is None:
        name, _, reason = violation.reason.partition(": ")
        return f"without {name} ({reason})"
    name, limit, value = violation.constraint, violation.limit, violation.value
    up = not more_is_better(name, study)
    by = show(name, abs(value - limit))
    return f"with {name} to {show_beyond(name, value, up)} ({by} {'more' if up else 'less'})"


def _sizes(sizes: Sequence[Enough]) -> list[str]:
    rows = [["method", "smallest that ties", "best", "sizes run"]]
    for each in sizes:
        sizes_run = listed(map(str, each.sizes))
        rows.append([each.name, str(each.smallest.size), str(each.best.size), sizes_run])
    return [f"  {line}" for line in aligned(rows)]
