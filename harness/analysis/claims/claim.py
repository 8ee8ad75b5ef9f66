"""A statement that is repeated, where it comes from, and how records are asked about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from harness.analysis.claims.functions import checked_arguments, defaults, function, rule
from harness.analysis.claims.selection import Chosen, Names
from harness.analysis.claims.verdict import Verdict, undecided
from harness.analysis.numbers import listed
from harness.analysis.study import Study
from harness.checked import Checked, Count, Name
from harness.errors import ConfigError, told

ARXIV = "https://arxiv.org/abs/"


def _quoted(value: Any) -> Any:
    # YAML reads 2405.09670 as a number and drops its last digit.
    if isinstance(value, float):
        raise ValueError("must stand in quotes, or YAML takes it for a number")
    return value


ArxivId = Annotated[str, BeforeValidator(_quoted), Field(pattern=r"^\d{4}\.\d{4,5}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]


@dataclass(frozen=True)
class Only(Checked):
    """The tasks that a claim is about: by name or by kind, and with at most so many examples to
    train on. Without it, a claim is about every task.
    """

    tasks: Names = ()
    kinds: Names = ()
    train_at_most: Count | None = None

    def obstacle(self, study: Study) -> str:
        """Why the study does not bear on the claim; empty where it does."""
        config = _config(study)
        kind, limit = config.get("task.kind"), config.get("task.limit.train")
        wanted = [*self.tasks, *(f"kind {kind}" for kind in self.kinds)]
        if wanted and study.task not in self.tasks and kind not in self.kinds:
            own = f"{study.task} ({kind or 'of a kind that was not recorded'})"
            return f"This claim is about {listed(wanted)}; the task is {own}."
        if self.train_at_most is not None and (limit is None or limit > self.train_at_most):
            examples = "all examples" if limit is None else f"{limit} examples"
            if "task.limit.train" not in config:
                examples = "a number that was not recorded"
            return (
                f"This claim is about at most {self.train_at_most} training examples; these "
                f"trials had {examples}. Run with task.limit.train={self.train_at_most}."
            )
        return ""


@dataclass(frozen=True)
class Claim(Checked):
    """One row of the ledger.

    `test` is a name in `functions.FUNCTIONS`, or `module:function` of the user's own; it is called
    with a study, or with all of them where `scope` says so, and with `arguments`.
    """

    id: Id
    statement: Name
    source: Name
    """In words; "folklore" where everybody says it and nobody measured it."""
    test: Name
    needs: Name
    """In words, the records that would decide it."""
    arguments: dict[str, Any] = field(default_factory=dict)
    arxiv: ArxivId | None = None
    url: Url | None = None
    scope: Literal["study", "studies"] = "study"
    only: Only | None = None
    theme: Name = "own"

    def __post_init__(self) -> None:
        if self.only is not None and self.scope == "studies":
            raise ConfigError("only", self.only, "is for claims of the scope study")
        function(self.test, self.scope)
        try:
            checked_arguments(self.test, self.scope, self.arguments)
        except ConfigError as error:
            name = f"arguments.{error.field}"
            raise ConfigError(name, error.value, error.expected) from error

    @property
    def link(self) -> str:
        """Where the source can be read; empty where that is not known."""
        return f"{ARXIV}{self.arxiv}" if self.arxiv else self.url or ""

    @property
    def asked(self) -> dict[str, Any]:
        """The arguments as they are given, and the defaults of those that are not."""
        others = defaults(self.test, self.scope)
        return self.arguments | {k: v for k, v in others.items() if k not in self.arguments}

    @property
    def rule(self) -> str:
        return rule(self.test, self.scope)

    def judge(self, records: Study | Sequence[Study]) -> Verdict:
        """What a study says of it, or all of them; raises ConfigError where a function of the
        user's own fails.
        """
        if isinstance(records, Study) and self.only is not None:
            obstacle = self.only.obstacle(records)
            if obstacle:
                return undecided(obstacle)
        arguments = checked_arguments(self.test, self.scope, self.arguments)
        if ":" not in self.test:
            found = function(self.test, self.scope)(records, **arguments)
            return _with_absent(found, records, arguments)
        return self._own(records, arguments)

    def _own(self, records: Study | Sequence[Study], arguments: dict[str, Any]) -> Verdict:
        place = f"claims.{self.id}.test"
        try:
            found = function(self.test, self.scope)(records, **arguments)
        except Exception as error:
            raise ConfigError(place, self.test, f"raised {told(error)}") from error
        if not isinstance(found, Verdict):
            raise ConfigError(place, self.test, f"must return a Verdict, not {found!r}")
        return found


def _with_absent(
    found: Verdict, records: Study | Sequence[Study], arguments: dict[str, Any]
) -> Verdict:
    """A verdict that rests on some of the methods that the claim names says which it lacks."""
    if found.n == 0 or not isinstance(records, Study):
        return found
    named = [name for one in arguments.values() if isinstance(one, Chosen) for name in one.method]
    run = {entry.method for entry in records.entries}
    absent = [name for name in dict.fromkeys(named) if name not in run]
    if not absent:
        return found
    return replace(found, evidence=f"{found.evidence} No record of {listed(absent)}.")


def _config(study: Study) -> dict[str, Any]:
    """Of any of its trials: what belongs to the task is the same for all."""
    trials = (trial for entry in study.entries for trial in entry.trials)
    return next((study.beside[trial].config for trial in trials if trial in study.beside), {})
