"""The dataclass behind conf/task/: where data are, and how they are read and split."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from harness.assets.source import Source
from harness.checked import Checked, Count, Name, Share
from harness.errors import ConfigError
from harness.tasks import METRICS


@dataclass(frozen=True)
class TaskConfig(Checked):
    name: Name
    kind: Literal["classification", "regression", "tokens", "generation"]
    source: Source
    format: Literal["csv", "tsv", "jsonl", "parquet", "folders", "conll", "dataset"]
    text: Name
    """Column of the text: of the words, where each has a tag; of the prompt, where one answers.

    In `jsonl`, dots lead into what is nested: `messages.0.content`.
    """
    label: Name
    """Column of the class, the number, the words' tags, or the answer."""
    max_length: Count
    """Tokens kept of each text, or of both texts of a pair."""
    pair: str | None = None
    """Column of a second text, which the model reads after the first."""
    file: str = ""
    """The data inside the source; empty where the source is the file itself."""
    files: dict[Literal["train", "validation", "test"], Name] = field(default_factory=dict)
    """A file for each official split, in place of `file`; a split without one is cut from train."""
    split: str | None = None
    """Column that says train, validation or test; a split that it never names is cut from train."""
    columns: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """Names of the columns from the left, in a file without a header; after a last `...` there may
    be more cells.
    """
    skip: Annotated[int, Field(ge=0)] = 0
    """Lines at the head of a file that are no part of the table."""
    quoting: bool = True
    """Whether quotes around a cell are no part of it."""
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """What stands between two cells of `csv`, where that is no comma."""
    labels: tuple[str, ...] | None = None
    """The classes or tags in their order; null takes the sorted values that are found."""
    drop: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Rows left out: column and values."""
    encoding: str = "utf-8"
    group: str | None = None
    """Column whose values must not straddle splits; null keeps only equal texts together."""
    group_pattern: str | None = None
    """Regular expression whose first parenthesis, in the column `group`, is the group."""
    stratify: bool = False
    """Cut every class by the shares of the splits, in the order of the texts' hashes; else the hash
    of a group alone decides, so that classes have about their shares.
    """
    validation: Share = 0.1
    """Share of the groups that are cut from train to validate; unused beside an official split."""
    test: Share = 0.15
    metric: Literal[
        "accuracy",
        "macro_f1",
        "spearman",
        "pearson",
        "entity_f1",
        "exact_match",
        "rouge_l",
        "chrf",
        "perplexity",
    ] = "accuracy"
    max_answer: Count = 16
    """Tokens that a generated answer may have."""
    limit: dict[Literal["train", "validation", "test"], Count | None] = field(default_factory=dict)
    """At most so many examples of a split."""

    def __post_init__(self) -> None:
        if self.metric not in METRICS[self.kind]:
            expected = (
                f"does not score kind={self.kind}, which takes {', '.join(METRICS[self.kind])}"
            )
            raise ConfigError("metric", self.metric, expected)
        if self.pair is not None and self.kind not in ("classification", "regression"):
            raise ConfigError("pair", self.pair, f"is nothing that kind={self.kind} reads")
        if self.labels is not None and self.kind not in ("classification", "tokens"):
            raise ConfigError("labels", list(self.labels), f"kind={self.kind} has no classes")
        if self.files and self.file:
            raise ConfigError("files", self.files, f"contradicts file={self.file}; give one")
        if self.files and self.split is not None:
            raise ConfigError("files", self.files, f"contradicts split={self.split}; give one")
        if self.files and "train" not in self.files:
            raise ConfigError("files", self.files, "lacks train, the file to train on")
        if self.format == "conll" and self.columns is None:
            expected = "format=conll needs the names of its columns, such as [word, pos, tag]"
            raise ConfigError("columns", None, expected)
        if self.separator is not None and self.format != "csv":
            raise ConfigError("separator", self.separator, f"is nothing in format={self.format}")
        if self.stratify and self.kind != "classification":
            raise ConfigError("stratify", True, f"needs classes, which kind={self.kind} has not")
        if self.stratify and self.group is not None:
            expected = f"contradicts group={self.group}, which is kept whole; give one of them"
            raise ConfigError("stratify", True, expected)
        if self.columns is not None and self.format not in ("csv", "tsv", "conll"):
            expected = f"format={self.format} names its columns itself"
            raise ConfigError("columns", list(self.columns), expected)
        if self.skip and self.format not in ("csv", "tsv", "conll"):
            raise ConfigError("skip", self.skip, f"format={self.format} has no head to skip")
        if not self.quoting and self.format not in ("csv", "tsv"):
            raise ConfigError("quoting", False, f"format={self.format} quotes no cells")
        if self.group_pattern is not None and self.group is None:
            expected = "needs group, the column that it looks at"
            raise ConfigError("group_pattern", self.group_pattern, expected)
