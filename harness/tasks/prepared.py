"""What the phases of a sweep's trials read of a task again and again, made once for all of them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from harness.tasks.data import TaskData, load
from harness.tasks.encoded import Encoded
from harness.tasks.splits import SPLITS

if TYPE_CHECKING:
    from harness.config import TrialConfig

T = TypeVar("T")
NAMES = "names.json"


class Prepared:
    """A trial's data and tokens, kept in a folder that lives as long as the sweep; None keeps none.

    Reading and splitting a data set takes longer than starting a process, and each phase is one.
    Phases that run side by side may both make the same thing: the one that is done first stays.
    """

    def __init__(self, folder: Path | None, trial: TrialConfig) -> None:
        self._folder = folder
        self._trial = trial

    def data(self) -> TaskData:
        task = self._trial.task
        return self._kept(asdict(task), lambda: load(task), _write_data, _read_data)

    def encoded(self, split: str, make: Callable[[], Encoded]) -> Encoded:
        trial = self._trial
        key = {"task": asdict(trial.task), "model": asdict(trial.model), "split": split}
        return self._kept(key, make, Encoded.write, Encoded.read)

    def _kept(
        self,
        key: object,
        make: Callable[[], T],
        write: Callable[[T, Path], None],
        read: Callable[[Path], T],
    ) -> T:
        if self._folder is None:
            return make()
        canonical = json.dumps(key, sort_keys=True)
        place = self._folder / hashlib.sha256(canonical.encode()).hexdigest()[:16]
        if place.is_dir():
            return read(place)
        made = make()
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=self._folder, prefix="."))
        write(made, unfinished)
        try:
            os.rename(unfinished, place)
        except OSError:
            shutil.rmtree(unfinished)  # another process was first
        return made


def _write_data(data: TaskData, folder: Path) -> None:
    for split in SPLITS:
        getattr(data, split).save_to_disk(folder / split)
    names = {"labels": data.labels, "counts": data.counts}
    (folder / NAMES).write_text(json.dumps(names), encoding="utf-8")


def _read_data(folder: Path) -> TaskData:
    from datasets import Dataset

    names = json.loads((folder / NAMES).read_text(encoding="utf-8"))
    splits = {split: Dataset.load_from_disk(folder / split) for split in SPLITS}
    return TaskData(**splits, labels=tuple(names["labels"]), counts=names["counts"])
