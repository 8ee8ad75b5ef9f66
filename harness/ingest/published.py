"""One result file of peft's method_comparison, checked.

Its fields are those that `method_comparison/MetaMathQA/utils.py` of peft's repository writes
(`log_results`); until August 2025 memory was called `cuda_memory_…`, and the GPU `gpu`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import ConfigDict, Field
from pydantic_core import from_json

from harness.checked import from_plain
from harness.config import SCHEMA
from harness.errors import ConfigError

BENCHMARK = "MetaMathQA"
EXAMPLES = 1319
"""Questions in the test split of GSM8K, all of which a run answers."""
LARGEST = 4 * 2**20
"""Bytes of a file; those that are published have less than a hundredth of it."""
FORMER_NAMES = {
    "cuda_memory_reserved_avg": "accelerator_memory_reserved_avg",
    "cuda_memory_max": "accelerator_memory_max",
    "cuda_memory_reserved_99th": "accelerator_memory_reserved_99th",
}
# Settings that change how a training is watched, and nothing of it.
NO_RECIPE = ("eval_steps",)
PARTS = ("run_info", "train_info", "meta_info")

T = TypeVar("T")
Text = Annotated[str, Field(min_length=1, max_length=200)]
Whole = Annotated[int, Field(ge=0, le=2**53, strict=True)]
Several = Annotated[int, Field(ge=1, le=2**53, strict=True)]
Amount = Annotated[float, Field(ge=0, strict=True)]
Flag = Annotated[bool, Field(strict=True)]


class Published:
    """Fields that are not named are left aside, those that are must be of their kind."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="ignore", allow_inf_nan=False)


@dataclass(frozen=True)
class Recipe(Published):
    model_id: Text
    dtype: Text
    max_seq_length: Several
    batch_size: Several
    batch_size_eval: Several
    max_steps: Several
    query_template: Annotated[str, Field(max_length=2000)]
    seed: Whole
    grad_norm_clip: Amount
    optimizer_type: Text
    optimizer_kwargs: dict[str, Any]
    lr_scheduler: Text | None
    use_amp: Flag
    autocast_adapter_dtype: Flag
    generation_kwargs: dict[str, Any]
    compile: Flag
    use_gc: Flag = False
    init_kv_cache_prefix: str | None = None

    def __post_init__(self) -> None:
        rate = self.optimizer_kwargs.get("lr")
        if not isinstance(rate, (int, float)) or not rate > 0:
            raise ConfigError("optimizer_kwargs.lr", rate, "must be a learning rate above 0")


@dataclass(frozen=True)
class RunInfo(Published):
    created_at: Text
    total_time: Amount
    experiment_name: Text
    peft_branch: Text
    train_config: Recipe
    peft_config: dict[str, Any] | None
    """None for full fine-tuning."""
    error_msg: str

    def __post_init__(self) -> None:
        for name in ("created_at", "experiment_name", "peft_branch"):
            if not getattr(self, name).isprintable():
                raise ConfigError(name, repr(getattr(self, name)), "must be printable")
        try:
            datetime.fromisoformat(self.created_at).astimezone()  # there is none before year 1
        except (ValueError, OverflowError):
            raise ConfigError("created_at", self.created_at, "must be a date and time") from None
        if self.peft_config is None:
            return
        kind = self.peft_config.get("peft_type")
        if not isinstance(kind, str) or not kind.replace("_", "").isalnum():
            raise ConfigError("peft_config.peft_type", kind, "must name a type of peft")


@dataclass(frozen=True)
class TrainInfo(Published):
    accelerator_memory_max: Whole
    """The most bytes that torch's allocator reserved, evaluation by generation included."""
    accelerator_memory_reserved_99th: Whole
    accelerator_memory_reserved_avg: Whole
    train_time: Amount
    file_size: Whole
    status: Literal["success", "failed", "canceled"]
    metrics: list[dict[str, Any]]
    num_trainable_params: Whole | None = None
    num_total_params: Whole | None = None

    def __post_init__(self) -> None:
        if self.status == "success":
            self._check_result()

    def _check_result(self) -> None:
        if not self.metrics or "test accuracy" not in self.metrics[-1]:
            raise ConfigError("metrics.test accuracy", None, "must be in the last of the metrics")
        accuracy = self.metrics[-1]["test accuracy"]
        if not isinstance(accuracy, float) or not 0 <= accuracy <= 1:
            raise ConfigError("metrics.test accuracy", accuracy, "must be a share")
        if abs(accuracy * EXAMPLES - round(accuracy * EXAMPLES)) > 1e-6:
            expected = f"is no multiple of 1/{EXAMPLES}, the questions of GSM8K's test split"
            raise ConfigError("metrics.test accuracy", accuracy, expected)

    def check_metrics(self) -> None:
        """Raise ConfigError for what is wrong in them: names with spaces are no fields of ours."""
        _ = self.result, self.evaluations

    @property
    def result(self) -> Tested:
        return _metric(Tested, self.metrics[-1])

    @property
    def evaluations(self) -> list[Evaluated]:
        """Looks at the validation split, in their order."""
        looks = [each for each in self.metrics if "valid accuracy" in each]
        return [_metric(Evaluated, each) for each in looks]


@dataclass(frozen=True)
class Evaluated(Published):
    """A look at the validation split; time and speed are of the steps since the last one."""

    step: Several
    valid_accuracy: Annotated[float, Field(ge=0, le=1, strict=True)]
    train_samples: Several
    train_time: Amount
    tokens_per_sec: Amount


@dataclass(frozen=True)
class Tested(Published):
    """What stands at the end of a run."""

    step: Several
    test_accuracy: Amount
    train_loss: Annotated[float, Field(strict=True)]
    train_samples: Several
    train_total_tokens: Several
    forgetting: Annotated[float, Field(strict=True)] | None = None


@dataclass(frozen=True)
class Revision(Published):
    sha: str | None


@dataclass(frozen=True)
class MetaInfo(Published):
    package_info: dict[str, str | None]
    system_info: dict[str, str]
    model_info: Revision
    dataset_info: dict[str, Revision] = field(default_factory=dict)


@dataclass(frozen=True)
class Run(Published):
    """A file's content; `id` stands for it, and `file` is its place in the folder."""

    run_info: RunInfo
    train_info: TrainInfo
    meta_info: MetaInfo
    id: str
    file: str
    further: dict[str, Any]
    """Settings of the training that are set and not named above: those of other versions."""

    @property
    def created(self) -> datetime:
        found = datetime.fromisoformat(self.run_info.created_at)
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    @property
    def finished(self) -> bool:
        return self.train_info.status == "success"


def read(path: Path, file: str) -> Run:
    """The run of a result file; raises ConfigError naming the field that is wrong."""
    content = _content(path)
    for part in PARTS:
        if not isinstance(content.get(part), dict):
            raise ConfigError(part, None, "is missing: no result of peft's method_comparison")
    data = content["meta_info"].get("dataset_info")
    if not isinstance(data, dict) or not {"metamath", "gsm8k"} <= data.keys():
        raise ConfigError(
            "meta_info.dataset_info",
            None,
            f"is not that of {BENCHMARK}, the one benchmark of method_comparison that is read: "
            "image-gen judges four images without an interval, and text generation trains nothing",
        )
    train = {FORMER_NAMES.get(name, name): value for name, value in content["train_info"].items()}
    canonical = json.dumps([SCHEMA, content], sort_keys=True, ensure_ascii=True)
    run = from_plain(
        Run,
        {
            "run_info": content["run_info"],
            "train_info": train,
            "meta_info": content["meta_info"],
            "further": _further(content["run_info"].get("train_config")),
            "id": hashlib.sha256(canonical.encode()).hexdigest()[:16],
            "file": file,
        },
    )
    if run.finished:
        run.train_info.check_metrics()
    return run


def _further(config: object) -> dict[str, Any]:
    known = {each.name for each in fields(Recipe)} | set(NO_RECIPE)
    if not isinstance(config, dict):
        return {}
    return {k: v for k, v in config.items() if k not in known and v not in (None, False)}


def _content(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    if size > LARGEST:
        raise ConfigError("size", size, f"is above {LARGEST} bytes")
    try:
        # By what reads records, which then can hold what comes of it.
        content = from_json(path.read_bytes(), allow_inf_nan=False)
        json.dumps(content, allow_nan=False)  # 1e999 is infinite, too
    except ValueError as error:
        raise ConfigError("content", None, f"is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError("content", type(content).__name__, "must be one JSON object")
    return content


def _metric(kind: type[T], metric: dict[str, Any]) -> T:
    """One of the metrics, whose names have spaces in them; an error names it as the file does."""
    names = {name.replace(" / ", "_per_").replace(" ", "_"): name for name in metric}
    try:
        return from_plain(kind, {own: metric[name] for own, name in names.items()})
    except ConfigError as error:
        name = names.get(error.field, error.field.replace("_", " "))
        raise ConfigError(f"train_info.metrics.{name}", error.value, error.expected) from None
