"""Separate and merged adapters of several tasks on one base; runs in processes of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, LoraModel, PeftModel
from peft.utils import PeftType

from harness.checked import from_plain
from harness.compose.merging import Candidate, Merging, best, relative
from harness.config import TrialConfig
from harness.errors import ConfigError
from harness.measure.environment import environment
from harness.methods import load_method
from harness.methods.peft_method import PeftMethod
from harness.models import outline
from harness.tasks.quality import Quality
from harness.workbench import Workbench

Values = dict[str, Any]
MERGED = "merged"

# What peft's add_weighted_adapter would silently leave out.
NOT_MERGED = {
    "use_dora": "peft merges the low-rank updates and not DoRA's magnitudes",
    "use_rslora": "peft leaves out of the merge that rsLoRA scales by the square root of the rank",
    "lora_bias": "peft merges the low-rank updates and not their biases",
}


def check(config: Values) -> Values:
    """Whether adapters of the trial's method can be merged, and why not."""
    try:
        _check(from_plain(TrialConfig, config))
    except ConfigError as error:
        return {"problem": str(error)}
    return {"problem": None}


def evaluate(trials: list[Values], merging: Values) -> Values:
    """Scores of the base, the separate and the merged adapters on every task's test split.

    `trials` holds the config and the folder of one finished trial per task. What a merge takes
    is chosen on the validation splits.
    """
    adapters = Adapters(
        [
            Workbench(from_plain(TrialConfig, trial["config"]), Path(trial["folder"]))
            for trial in trials
        ]
    )
    settings = from_plain(Merging, merging)
    base = adapters.base()
    separate = [adapters.separate(task) for task in adapters.names]
    merged, candidates = [], []
    for combination_type in settings.combination_types:
        tried = settings.candidates(combination_type)
        scores = [adapters.validated(candidate) for candidate in tried]
        merged.append(adapters.merged(tried[best(scores)]))
        for candidate, found in zip(tried, scores, strict=True):
            validation = dict(zip(adapters.names, found, strict=True))
            candidates.append({**asdict(candidate), "validation": validation})
    own = {row.adapter: row.quality[row.adapter].value for row in separate}
    rows = [base, *separate, *merged]
    return {
        "rows": [{**asdict(row), "relative": relative(row.scores, own)} for row in rows],
        "candidates": candidates,
        "environment": environment(adapters.device.gpu),
    }


def _check(trial: TrialConfig) -> None:
    if trial.task.metric == "perplexity":
        expected = "cannot be averaged with other tasks' metrics, of all of which more is better"
        raise ConfigError("task.metric", "perplexity", expected)
    method, name = load_method(trial.method), trial.method.name
    if not isinstance(method, PeftMethod):
        raise ConfigError("method", name, "trains no adapter beside the base that could be merged")
    found = method.peft_config(outline(trial.model))
    if found.peft_type != PeftType.LORA:
        kind = PeftType(found.peft_type).value
        raise ConfigError("method", name, f"peft merges adapters of type LORA only, not {kind}")
    for option, reason in NOT_MERGED.items():
        if getattr(found, option):
            raise ConfigError(f"method.{option}", True, reason)


@dataclass(frozen=True)
class Row:
    """An adapter's test scores by task; no rank for the base, a merge only where one was made."""

    adapter: str
    kind: str
    """base, separate or merged."""
    quality: dict[str, Quality]
    rank: int | None = None
    merge: Candidate | None = None

    @property
    def scores(self) -> dict[str, float]:
        return {task: quality.value for task, quality in self.quality.items()}


class Adapters:
    """The trained LoRA adapters of several tasks on one base, each task with its own head."""

    def __init__(self, benches: Sequence[Workbench]) -> None:
        first = benches[0].restored()
        assert isinstance(first.backbone, PeftModel)
        self.backbone: PeftModel = first.backbone
        # A task may be called what peft cannot call an adapter, such as a name with a dot.
        self.names = {benches[0].trial.task.name: self.backbone.active_adapter}
        self._headed = [(benches[0], first)]
        for number, bench in enumerate(benches[1:], 2):
            self.backbone.load_adapter(
                str(bench.weights),
                adapter_name=f"task_{number}",
                autocast_adapter_dtype=bench.trial.train.adapters_in_float32,
            )
            self.names[bench.trial.task.name] = f"task_{number}"
            self._headed.append((bench, bench.headed(self.backbone)))
        self._seed = benches[0].trial.seed
        self.device = benches[0].device

    def merge(self, candidate: Candidate) -> None:
        """Put a merge to work in the place of an earlier one.

        What DARE drops is drawn anew from the trials' seed, so that the same candidate is the
        same merge on both splits.
        """
        names = list(self.names.values())
        if MERGED in self.backbone.peft_config:
            self.backbone.set_adapter(names[0])
            self.backbone.delete_adapter(MERGED)
        torch.manual_seed(self._seed)
        model = self.backbone.base_model
        assert isinstance(model, LoraModel)
        model.add_weighted_adapter(
            names,
            [candidate.weight] * len(names),
            MERGED,
            combination_type=candidate.combination_type,  # type: ignore[arg-type]
            density=candidate.density,
            svd_full_matrices=False,
        )
        self.backbone.set_adapter(MERGED)

    def base(self) -> Row:
        """All adapters switched off."""
        with self.backbone.disable_adapter():
            return Row("base", "base", self._scores("test"))

    def separate(self, task: str) -> Row:
        """The adapter of one task, on all tasks."""
        self.backbone.set_adapter(self.names[task])
        return Row(task, "separate", self._scores("test"), self._rank())

    def merged(self, candidate: Candidate) -> Row:
        """A merge of all separate adapters."""
        self.merge(candidate)
        name = candidate.combination_type
        return Row(name, "merged", self._scores("test"), self._rank(), candidate)

    def validated(self, candidate: Candidate) -> list[float]:
        """Validation scores of a merge, one per task."""
        self.merge(candidate)
        scores = [quality.value for quality in self._scores("validation").values()]
        print(f"{candidate}: {scores} on validation", flush=True)
        return scores

    def _rank(self) -> int:
        config = self.backbone.active_peft_config
        assert isinstance(config, LoraConfig)
        return config.r

    def _scores(self, split: str) -> dict[str, Quality]:
        """The quality of what is at work, on a split of every task under the task's head."""
        return {
            bench.trial.task.name: bench.score(model, split)[1] for bench, model in self._headed
        }
