"""The answers of methods as a table, for a terminal or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from harness.columns import aligned
from harness.methods.specimens import SPECIMENS
from harness.methods.survey import Answers

HEADINGS = ("method", "size", "default", *SPECIMENS, "merges", "4-bit base", "trained in BERT-base")


def text(answers: Sequence[Answers]) -> str:
    """Columns of equal width, and the reasons by number."""
    rows, reasons = _rows(answers)
    lines = aligned([HEADINGS, *rows])
    return "\n".join([*lines, "", *(f"[{n}] {reason}" for n, reason in enumerate(reasons, 1))])


def markdown(answers: Sequence[Answers]) -> str:
    """A table of GitHub's Markdown, and the reasons as a numbered list."""
    rows, reasons = _rows(answers)
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *rows]
    return "\n".join(
        [
            *(f"| {' | '.join(line)} |" for line in lines),
            "",
            *(f"{n}. {_escaped(reason)}" for n, reason in enumerate(reasons, 1)),
        ]
    )


def _rows(answers: Sequence[Answers]) -> tuple[list[tuple[str, ...]], list[str]]:
    """The cells, and the reasons in the order of the numbers that the cells name them by."""
    reasons: list[str] = []

    def cell(reason: str | None) -> str:
        if reason is None:
            return "yes"
        if reason not in reasons:
            reasons.append(reason)
        return f"no [{reasons.index(reason) + 1}]"

    rows = [
        (
            answer.name,
            answer.size_field or "",
            "" if answer.size is None else str(answer.size),
            *(cell(answer.works[name]) for name in SPECIMENS),
            cell(answer.merges),
            cell(answer.on_4_bits),
            "" if answer.parameters is None else f"{answer.parameters:,}",
        )
        for answer in answers
    ]
    return rows, reasons


def _escaped(reason: str) -> str:
    for character in "\\`*_<>|":
        reason = reason.replace(character, f"\\{character}")
    return reason
