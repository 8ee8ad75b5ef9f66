"""A study under a judge, in which blows fall."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

from tests.faults.judge import Judge
from tests.faults.round import Round
from tests.faults.study import Command, Ended, Study


class Scene:
    def __init__(self, folder: Path, trials: int, *overrides: str) -> None:
        self.study = Study(folder, trials, *overrides)
        self.judge = Judge(self.study)
        self.round = Round()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.study.close()
        self.round.lost += self.judge.lost
        self.round.doubled += self.judge.doubled

    def struck(self, *ends: str) -> None:
        """Count blows by how they ended, now that all stands still, and look what they did."""
        for how in ends:
            self.round.tried += 1
            self.round.endings[how] = self.round.endings.get(how, 0) + 1
        self.judge.look()

    def wait(self, command: Command) -> Ended:
        """How a command ended, and nothing of it may be left."""
        try:
            ended = command.wait()
            self.round.wrong += command.left()
        finally:
            command.close()
        return ended

    def complete(self, *overrides: str) -> None:
        """The same command again does the rest, and once more does nothing."""
        for _ in range(2):
            ended = self.study.run(*overrides)
            self.expect_code(ended, 0)
            self.judge.whole()

    def expect(self, holds: bool, otherwise: str) -> None:
        self.round.expect(holds, otherwise)

    def expect_code(self, ended: Ended, code: int) -> None:
        self.expect(ended.code == code, f"not {code}: {ended.told()}")

    def expect_line(self, ended: Ended, *parts: str) -> None:
        """It ended with one line on stderr that has these parts."""
        lines = ended.err.strip().splitlines()
        said = len(lines) == 1 and all(part in lines[0] for part in parts)
        self.expect(said, f"not one line with {parts}: {ended.told()}")

    def records(self) -> list[dict[str, Any]]:
        """Those that lie there, by seed."""
        paths = self.study.results.glob("*/record.json")
        return sorted((json.loads(path.read_text()) for path in paths), key=lambda r: r["seed"])
