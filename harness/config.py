"""The dataclasses behind conf/, and every check that needs no model.

A trial's config is composed by Hydra, resolved, and turned into a `TrialConfig` here. Nothing in
this file imports torch, so that a wrong input is told at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import (
    InterpolationToMissingValueError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)
from pydantic import Field

from harness.amounts import parse_bytes, parse_share
from harness.assets import hub
from harness.assets.source import Source
from harness.checked import Checked, Count, Name, Rate, Seed, Share, from_plain, validator
from harness.errors import ConfigError
from harness.measure_config import MeasureConfig
from harness.recipes.multiples import FAMILIES
from harness.task_config import TaskConfig

# Part of every trial's identity: raise it when a record written before could not be compared.
SCHEMA = 4

LATER: dict[str, dict[str, Any]] = {
    "task": {
        "pair": None,
        "files": {},
        "split": None,
        "columns": None,
        "skip": 0,
        "quoting": True,
        "group_pattern": None,
        "max_answer": 16,
        "separator": None,
        "stratify": False,
    },
    "train": {"devices": 1, "compile": False},
}
"""Fields that came after the first records, with their defaults: a trial that leaves them there has
the id and the recipe that it had before there were such fields.
"""


@dataclass(frozen=True)
class ModelConfig(Checked):
    name: Name
    source: Source
    pooling: Literal["mean", "first", "last"]
    """How token states become the one state that a classification head reads."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """How the base's weights are held; float16 weighs no less, and training in it overflows."""


@dataclass(frozen=True)
class MethodConfig(Checked):
    name: Name
    family: Literal[
        "bottleneck", "low_rank", "prompt", "rescale", "selective", "full", "head", "other"
    ]
    implementation: str
    """`module:Class` of a `harness.methods.Method`."""
    size_field: str | None
    """The field's own name for the size, or null for a method that has none."""
    options: dict[str, Any]
    """What the method takes, under the names that its library gives them."""

    @property
    def size(self) -> int | None:
        return None if self.size_field is None else self.options[self.size_field]

    @property
    def virtual_tokens(self) -> int:
        """Of a prompt that the method puts before every text."""
        return self.options.get("num_virtual_tokens") or 0


@dataclass(frozen=True)
class TrainConfig(Checked):
    steps: Count
    batch_size: Count
    learning_rate: Rate
    warmup: Share
    """Share of the steps over which the learning rate rises; it then falls linearly to zero."""
    weight_decay: Annotated[float, Field(ge=0)]
    clip_norm: Annotated[float, Field(gt=0)]
    eval_batch_size: Count
    optimizer: Literal["adamw", "sgd", "adafactor", "adamw_8bit"] = "adamw"
    accumulation: Count = 1
    """Parts of a batch that are computed one after the other, their gradients added up."""
    gradient_checkpointing: bool = False
    """Keep of each layer its input alone, and compute the rest anew in the backward pass."""
    adapters_in_float32: bool = True
    """Hold what a method adds to a base in float32, as peft does; else as the base is held."""
    autocast: bool = False
    """Mixed precision: weights in float32, products of a training step in bfloat16."""
    devices: Count = 1
    """Devices that the model is spread over for its training, each with rows of every batch."""
    compile: bool = False
    """Let torch compile the steps of the training, for batches of any size and length."""

    def __post_init__(self) -> None:
        if self.batch_size % self.accumulation:
            expected = f"must divide train.batch_size={self.batch_size}"
            raise ConfigError("accumulation", self.accumulation, expected)
        rows = self.batch_size // self.accumulation
        if self.devices > rows:
            expected = f"must be at most {rows}, the texts computed at once"
            raise ConfigError("devices", self.devices, expected)
        if self.devices > 1 and self.compile:
            raise ConfigError("compile", True, f"is of one device: devices=1, not {self.devices}")
        if self.devices > 1 and self.optimizer not in ("adamw", "sgd"):
            expected = f"takes no pieces of tensors: adamw or sgd, or devices=1, not {self.devices}"
            raise ConfigError("optimizer", self.optimizer, expected)


@dataclass(frozen=True)
class TrialConfig(Checked):
    """One trial: the same config is the same trial."""

    model: ModelConfig
    task: TaskConfig
    method: MethodConfig
    train: TrainConfig
    measure: MeasureConfig
    seed: Seed
    device: Literal["cpu", "cuda"]
    sources: tuple[TrialConfig, ...] = ()
    """The trials whose trained adapters the method builds on; they are run first."""
    stage: Literal["search", "final"] = "final"
    """A search for a learning rate looks at the validation split alone; what is compared is final.
    No setting of the user's: a search gives it to its trials.
    """

    def __post_init__(self) -> None:
        if self.train.autocast and self.model.dtype != "float32":
            expected = f"computes with weights in float32; model.dtype={self.model.dtype} is not"
            raise ConfigError("train.autocast", True, expected)

    def as_dict(self) -> dict[str, Any]:
        """The resolved config as plain JSON values."""
        plain: dict[str, Any] = validator(TrialConfig).dump_python(self, mode="json")
        plain["sources"] = [source.as_dict() for source in self.sources]
        for group, defaults in LATER.items():
            for name, default in defaults.items():
                if plain[group][name] == default:
                    del plain[group][name]
        return plain


@dataclass(frozen=True)
class RunConfig(Checked):
    """How trials are run, which is no part of what they are."""

    results: Path
    jobs: Count
    """Trials that train at the same time; what is timed is always alone."""
    timeout: Annotated[float, Field(gt=0)]
    """Minutes that a phase of a trial may take."""
    max_memory: Annotated[float, Field(gt=0)] | None
    """Bytes; a trial that needs more by its plan is left out."""
    phases: Annotated[tuple[Literal["train", "measure"], ...], Field(min_length=1)]
    """What this command does: train, or measure what was trained here or elsewhere, or both."""
    retry: Literal["failed", "none"]
    """Trials that once ended badly: run them again, or leave them as they are."""
    versions: Literal["keep", "rerun"]
    """Trials that ended well under other versions of the libraries: keep them, or run them anew."""
    others: Literal["wait", "leave"]
    """Trials that another sweep works on: wait for them, or leave them to it."""
    lease: Annotated[float, Field(gt=0)]
    """Seconds without a sign of life after which a sweep on another machine is taken for dead."""
    occupied: Literal["record", "refuse"]
    """A GPU on which other processes compute: write them down, or do not measure on it."""
    debug: bool
    """Tracebacks with the errors."""


@contextmanager
def readable() -> Iterator[None]:
    """What a composed config cannot answer is a ConfigError, such as `${absent}`."""
    try:
        yield
    except (MissingMandatoryValue, InterpolationToMissingValueError) as error:
        raise ConfigError(error.full_key or "config", "???", "needs a value") from error
    except OmegaConfBaseException as error:
        raise ConfigError(error.full_key or "config", "", str(error).splitlines()[0]) from error


@readable()
def trial_config(cfg: DictConfig, sources: Sequence[TrialConfig] = ()) -> TrialConfig:
    """The checked trial of a composed config; raises ConfigError.

    Where the task leaves its kind or files to the data, they are fetched and read.
    """
    from harness.tasks import inferred

    for name in ("model", "task", "method"):
        if not OmegaConf.is_dict(cfg.get(name)):
            raise ConfigError(name, cfg.get(name), "must be one of the configs of its group")
    cfg = cfg.copy()
    _set_size(cfg)
    task = inferred.settled(_without_shorts(_plain(cfg.task)))
    with open_dict(cfg):  # the kind of task has a say in the rate
        cfg.task = task
    plain = _plain(cfg)
    method = plain["method"]
    own = {entry.name for entry in fields(MethodConfig)} - {"options"}
    # The rate is the recipe's: the method's file only proposes it.
    options = {k: v for k, v in method.items() if k not in own | {"learning_rate", "default_size"}}
    plain["method"] = {k: method[k] for k in own if k in method} | {"options": options}
    plain["model"] = _without_shorts(plain["model"])
    plain["model"] = {**plain["model"], "name": _name(plain["model"])}
    # The family chooses the rate, which is the recipe's.
    family = plain["model"].pop("family", None)
    if family not in (None, *FAMILIES):
        raise ConfigError("model.family", family, f"one of {', '.join(FAMILIES)}")
    if plain.get("device") == "auto":
        plain["device"] = _found_device()
    names = [entry.name for entry in fields(TrialConfig) if entry.name not in ("sources", "stage")]
    if absent := [name for name in names if name not in plain]:
        raise ConfigError(absent[0], None, "needs a value")
    trial = from_plain(TrialConfig, {name: plain[name] for name in names})
    return replace(trial, model=_at_commit(trial.model), sources=tuple(sources))


@readable()
def run_config(cfg: DictConfig) -> RunConfig:
    """The checked run settings of a composed config; raises ConfigError."""
    names = [entry.name for entry in fields(RunConfig)]
    plain = {name: cfg[name] for name in names}
    plain["max_memory"] = parse_bytes("max_memory", plain["max_memory"])
    return from_plain(RunConfig, plain)


@readable()
def budget_of(cfg: DictConfig) -> float | None:
    """The share of trained parameters that a composed config asks for, in place of a size.

    Raises ConfigError where it also asks for a size.
    """
    share, own = parse_share("budget", cfg.budget), cfg.method.size_field
    for name, size in (("size", cfg.size), (f"method.{own}", own and cfg.method.get(own))):
        if share is not None and size is not None:
            raise ConfigError("budget", cfg.budget, f"contradicts {name}={size}; give one of them")
    return share


def identity(
    trial: TrialConfig,
    model_digest: str,
    task_digest: str,
    sources: Sequence[str] = (),
    text_digest: str | None = None,
) -> str:
    """16 hex digits of the sha256 over what makes a trial what it is.

    Licences are shown to readers and change nothing; the digests stand for the files' contents,
    so that a user's edited data set is another trial; `text_digest` is that of the plain text on
    which forgetting is measured, and `sources` are the ids of the trials that it builds on.
    """
    plain = replace(
        trial,
        model=replace(trial.model, source=replace(trial.model.source, licence=None)),
        task=replace(trial.task, source=replace(trial.task.source, licence=None)),
    ).as_dict()
    for name, digest in (("model", model_digest), ("task", task_digest)):
        plain[name]["source"] = digest
    if plain["measure"]["forgetting"]:
        plain["measure"]["forgetting"]["text"]["source"] = text_digest
    plain["sources"] = list(sources)
    if not sources:  # a trial that stands alone keeps the id that it had before there were any
        del plain["sources"]
    canonical = json.dumps([SCHEMA, plain], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _without_shorts(plain: dict[str, Any]) -> dict[str, Any]:
    """Short for source.path and its like, which the file refers to it."""
    return {key: value for key, value in plain.items() if key not in ("path", "repo", "revision")}


def _name(model: dict[str, Any]) -> object:
    """Of a model that was given none: that of its repository, or of its folder."""
    source = model.get("source")
    if model.get("name") is not None or not isinstance(source, dict):
        return model.get("name")
    where = source.get("repo") or source.get("path")
    return where and Path(str(where)).absolute().name


def _at_commit(model: ModelConfig) -> ModelConfig:
    """With the commit that its branch stands for today, so that its weights are known."""
    source = model.source
    if source.kind != "hub":
        return model
    commit = hub.commit(str(source.repo), str(source.revision), "model.revision")
    return replace(model, source=replace(source, revision=commit))


def _set_size(cfg: DictConfig) -> None:
    """Give the one size knob to the method, under the method's own name for it."""
    size, name = cfg.size, cfg.method.size_field
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
        raise ConfigError("size", size, "must be a whole number of at least 1")
    if name is None:
        return
    own = cfg.method.get(name)
    if size is not None and own is not None and own != size:
        raise ConfigError("size", size, f"contradicts method.{name}={own}; give one of them")
    own = size if own is None else own
    own = cfg.method.default_size if own is None else own
    if not isinstance(own, int) or isinstance(own, bool) or own < 1:
        raise ConfigError(f"method.{name}", own, "must be a whole number of at least 1")
    with open_dict(cfg.method):  # a type of peft has its size in peft's source, not in its file
        cfg.method[name] = own


@cache
def _found_device() -> str:
    """cuda if torch is built for it and the driver shows a GPU; asked without importing torch."""
    import pynvml

    if version("torch").endswith("+cpu"):
        return "cpu"
    try:
        pynvml.nvmlInit()
        return "cuda" if pynvml.nvmlDeviceGetCount() else "cpu"
    except pynvml.NVMLError:
        return "cpu"


def _plain(cfg: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}
