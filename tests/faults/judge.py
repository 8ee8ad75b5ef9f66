"""What lies in a folder of results, before and after: lost, doubled, or as it was."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from tests.faults import journal
from tests.faults.study import PHASES, Study

Work = tuple[str, str]
"""A trial and one of its phases."""


@dataclass(frozen=True)
class Seen:
    """A file as it was."""

    inode: int
    mtime: int
    sha256: str


class Judge:
    """Looks at a study after each blow and says what was lost and what was done twice.

    A record that ended well, and a part, stay as they are; parts give way to their record. A
    phase begins once, and once more after a look that found it begun and not ended.
    """

    def __init__(self, study: Study) -> None:
        self.lost: list[str] = []
        self.doubled: list[str] = []
        self._study = study
        self._seen: dict[Path, Seen] = {}
        self._may: Counter[Work] = Counter()
        self._begun: Counter[Work] = Counter()

    def look(self) -> None:
        """Compare with the look before; nothing of the study may run."""
        found = self._found()
        for path, before in self._seen.items():
            name = str(path.relative_to(self._study.results))
            if path in found:
                if found[path] != before:
                    self.doubled.append(f"{name} was written again")
            elif not (path.parent.name == "parts" and path.parents[1] / "record.json" in found):
                self.lost.append(name)
        self._seen = found
        self._hear()

    def finished(self) -> list[Path]:
        """Records that ended well and parts, as the last look found them."""
        return list(self._seen)

    def forget(self, path: Path) -> None:
        """That this file was damaged is the fault's own doing; its work may be done again."""
        del self._seen[path]
        trial = path.parents[1].name if path.parent.name == "parts" else path.parent.name
        phases = [path.stem] if path.parent.name == "parts" else PHASES
        for phase in phases:
            self._may[trial, phase] += 1

    def whole(self) -> None:
        """After the last run: every trial has its record, and what belongs to it can be read."""
        self.look()
        records = [path for path in self._seen if path.name == "record.json"]
        if len(records) != self._study.trials:
            self.lost.append(f"{self._study.trials - len(records)} of {self._study.trials} trials")
        for path in records:
            try:
                for weights in (path.parent / "weights").glob("*.safetensors"):
                    load_file(weights)
                outcomes = json.loads((path.parent / "outcomes.json").read_text())
                quality = json.loads(path.read_text())["quality"]
                assert len(outcomes["ids"]) == quality["n"]
            except (OSError, ValueError, AssertionError) as error:
                self.lost.append(f"{path.parent.name}: {error}")

    def _found(self) -> dict[Path, Seen]:
        """Records that ended well, and parts."""
        found = {}
        for path in sorted(self._study.results.glob("*/record.json")):
            record = self._read(path)
            if record is not None and record.get("status") == "ok":
                found[path] = _seen(path)
        for path in sorted(self._study.results.glob("*/parts/*.json")):
            # Parts that a record has not swept away yet are of no more use.
            if path.parents[1] / "record.json" not in found and self._read(path) is not None:
                found[path] = _seen(path)
        return found

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            content["schema"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.lost.append(f"{path.relative_to(self._study.results)} is torn: {error}")
            return None
        else:
            return content

    def _hear(self) -> None:
        """Take note of the phases that have begun since the last look."""
        lines = journal.read(self._study.journal)
        begun = Counter((line.trial, line.phase) for line in lines)
        for line in lines[self._begun.total() :]:
            if line.had_ended:
                self.doubled.append(f"{line.phase} of {line.trial} began though it had ended")
        for work, times in (begun - self._begun).items():
            allowed = 1 if work not in self._begun else self._may[work]
            if times > allowed:
                self.doubled.append(f"{work[1]} of {work[0]} began {times} times, not {allowed}")
        self._begun = begun
        # What has begun and left nothing may begin again, once.
        self._may = Counter({work: 1 for work in begun if not self._ended(work)})

    def _ended(self, work: Work) -> bool:
        folder = self._study.results / work[0]
        return folder / "record.json" in self._seen or (
            folder / "parts" / f"{work[1]}.json" in self._seen
        )


def _seen(path: Path) -> Seen:
    found = path.stat()
    return Seen(found.st_ino, found.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
