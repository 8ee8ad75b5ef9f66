"""What the records say of a claim, and how several comparisons become one verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.analysis.entry import Entry
from harness.analysis.numbers import listed, plural
from harness.errors import ConfigError, nearest

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
WORDS = (SUPPORTED, CONTRADICTED, UNDECIDED)
TOLD = 4
"""Most findings of a kind that are told one by one; of more, the first and how many there are."""


@dataclass(frozen=True)
class Verdict:
    """`n` is what the verdict rests on, counted in `counted`; `trials` are ids of its records;
    `run` is a command that would give records that may decide it.
    """

    verdict: str
    evidence: str
    n: int = 0
    counted: str = "configuration"
    trials: tuple[str, ...] = ()
    run: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in WORDS:
            raise ConfigError("verdict", self.verdict, nearest(str(self.verdict), WORDS))

    @property
    def decided(self) -> bool:
        return self.verdict != UNDECIDED

    @property
    def rests_on(self) -> str:
        return plural(self.n, self.counted)


@dataclass(frozen=True)
class Finding:
    """What one configuration says of a claim, or one comparison, in which it is held `against`
    another.
    """

    verdict: str
    words: str
    entries: tuple[Entry, ...]
    against: str = ""


def undecided(evidence: str, run: str = "") -> Verdict:
    """Without a record that bears on it."""
    return Verdict(UNDECIDED, evidence, run=run)


def together(
    findings: Sequence[Finding],
    counted: str = "configuration",
    run: str = "",
    one_contradicts: bool = False,
) -> Verdict:
    """One verdict out of those of several comparisons.

    Supported where more than half of them support the claim and none contradicts it, contradicted
    where more than half contradict it and none supports it. Where some hold and some do not, it
    depends on the configuration: undecided, and both sides are named. With `one_contradicts`, for
    claims about all that could be compared, a single finding contradicts. `run` goes with what more
    records may decide.
    """
    groups = {word: [f for f in findings if f.verdict == word] for word in WORDS}
    holds, fails, half = len(groups[SUPPORTED]), len(groups[CONTRADICTED]), len(findings) / 2
    if fails and (one_contradicts or (fails > half and not holds)):
        verdict = CONTRADICTED
    elif holds > half and not fails:
        verdict = SUPPORTED
    else:
        verdict = UNDECIDED
    told = [
        f"{opening} {_listed(group)}."
        for opening, group in (
            ("Holds for", groups[SUPPORTED]),
            ("Does not hold for", groups[CONTRADICTED]),
            ("Cannot be told for", groups[UNDECIDED]),
        )
        if group
    ]
    depends = verdict == UNDECIDED and holds > 0 and fails > 0
    if depends:
        told.insert(0, "It depends.")
    run = run if verdict == UNDECIDED and not depends else ""
    return Verdict(verdict, " ".join(told), len(findings), counted, trials(findings), run)


def trials(findings: Iterable[Finding]) -> tuple[str, ...]:
    ids = (trial for f in findings for entry in f.entries for trial in entry.trials)
    return tuple(dict.fromkeys(ids))


def _listed(findings: Sequence[Finding]) -> str:
    """a, b and c against d; e against f; and 3 more."""
    groups: dict[str, list[str]] = {}
    for finding in findings[:TOLD]:
        groups.setdefault(finding.against, []).append(finding.words)
    told = [
        f"{listed(words)} against {against}" if against else listed(words)
        for against, words in groups.items()
    ]
    if len(findings) > TOLD:
        told.append(f"and {len(findings) - TOLD} more")
    return "; ".join(told)
