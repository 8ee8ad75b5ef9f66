"""What a reader must know of records that come from several library versions or machines."""

from __future__ import annotations

from harness.analysis.numbers import listed, plural
from harness.report.subject import Subject

NAMED = 4
"""Sets of versions, or of places, that one sentence names."""


def alerts(subject: Subject) -> list[str]:
    mixed = subject.mixed
    told = []
    if mixed.versions:
        sets = listed((f"{v} ({plural(n, 'configuration')})" for v, n in mixed.versions), NAMED)
        # Between environments, of which versions of the harness are no part, none are compared.
        figures = "quality and memory" if len(subject.study.environments) > 1 else "all figures"
        told.append(
            f"The records come from several library versions: {sets}. Compare {figures} across "
            "them with care: a version may move them by a little."
        )
    alike = subject.study.basis.time
    ids = mixed.machines.get(alike, ()) if alike else ()
    if len(ids) > 1:
        told.append(
            f"Times were taken on {len(ids)} machines of one kind. Ratios to the base are taken "
            "within one process and hold; absolute times and training speed may differ a little "
            "by the machine."
        )
    if mixed.elsewhere:
        who = f"{len(mixed.elsewhere)} of {plural(len(subject.entries), 'configuration')}"
        where = dict.fromkeys(told for entry in mixed.elsewhere for told in entry.elsewhere)
        told.append(
            f"{who} were trained elsewhere than they were measured, with "
            f"{'; or '.join(list(where)[:NAMED])}; "
            "their rows are marked. Quality, capacity and forgetting come from there, memory, "
            "times and energy from where they were measured."
        )
    return told
