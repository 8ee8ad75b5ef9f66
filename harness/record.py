"""The shape of a record: what everything that reads records relies on.

Every field that some reader uses is declared, once; all others are let through, so that records of
other versions, and foreign ones, keep what they say beyond it. What a reader uses of an older
schema has the same shape, so that one check does for all.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired, Required, get_args

from pydantic import AfterValidator, ConfigDict, Field, with_config
from typing_extensions import TypedDict

Status = Literal["ok", "failed", "diverged", "out_of_memory", "killed", "timeout", "skipped"]
STATUSES: tuple[str, ...] = get_args(Status)

# Of what is below, squares and sums are finite, and whole numbers fit into a column.
Number = Annotated[float, Field(gt=-(2.0**63), lt=2.0**63, allow_inf_nan=False)]
Whole = Annotated[int, Field(gt=-(2**53), lt=2**53)]


def _id(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", text):
        raise ValueError("must be a plain name: letters, digits, - and _")
    return text


def _date(text: str) -> str:
    try:
        datetime.fromisoformat(text).astimezone()
    except OverflowError:
        raise ValueError("must be a date and time of our era") from None
    return text


Id = Annotated[str, AfterValidator(_id)]
"""Safe in a path, a link and a cell; ours are 16 hex digits."""
Date = Annotated[str, AfterValidator(_date)]


class Interval(TypedDict, total=False):
    value: Number | None
    ci_low: Number | None
    ci_high: Number | None


class Timing(TypedDict, total=False):
    median_ms: Number | None
    iqr_ms: Number | None


class Parameters(TypedDict, total=False):
    trainable: Number | None
    adapter: Number | None
    head: Number | None
    total: Number | None
    share: Number | None
    file_bytes: Number | None


class Quality(Interval, total=False):
    metric: str | None
    higher_is_better: bool | None
    n: Whole | None
    validation: Number | None
    after_merge: Number | None
    majority: Number | None


class Peak(TypedDict, total=False):
    allocated_peak: Number | None
    reserved_peak: Number | None
    process_peak: Number | None
    predicted: Number | None
    weights: Number | None
    gradients: Number | None
    optimizer: Number | None
    activations: Number | None
    source: str | None


class Memory(TypedDict, total=False):
    train: Peak | None
    inference: Peak | None
    load: Peak | None
    unpredicted: str | None


class Shape(TypedDict, total=False):
    batch_size: Whole | None
    sequence_length: Whole | None
    prompt_tokens: Whole | None
    new_tokens: Whole | None


class Timed(TypedDict, total=False):
    shape: Shape | None
    base: Timing | None
    unmerged: Timing | None
    merged: Timing | None
    unmerged_over_base: Interval | None
    merged_over_base: Interval | None
    stable: bool | None


class Generation(TypedDict, total=False):
    shape: Shape | None
    prefill_unmerged_over_base: Interval | None
    prefill_merged_over_base: Interval | None
    decode_unmerged_over_base: Interval | None
    decode_merged_over_base: Interval | None
    stable: bool | None


class Latency(Timed, total=False):
    batch: Timed | None
    generation: Generation | None


class Look(TypedDict):
    step: Whole
    validation: Number | None


class Training(TypedDict, total=False):
    examples_per_s: Number | None
    tokens_per_s: Number | None
    seconds: Number | None
    seconds_per_step: Timing | None
    steps: Whole | None
    learning_rate: Number | None
    stable: bool | None
    curve: list[Look] | None


class Merge(TypedDict, total=False):
    mergeable: bool | None
    reason: str | None
    max_abs_logit_difference: Number | None
    seconds: Number | None


class Budget(TypedDict, total=False):
    sequences: Whole | None
    tokens: Whole | None
    classes: Whole | None
    steps: Whole | None
    batch_size: Whole | None


class Capacity(TypedDict, total=False):
    bits: Number | None
    ci_low: Number | None
    ci_high: Number | None
    bits_per_parameter: Number | None
    parameters: Number | None
    ceiling_bits: Number | None
    at_ceiling: bool | None
    tried: list[dict[str, Any]] | None
    budget: Budget | None


class Forgetting(TypedDict, total=False):
    objective: str | None
    before: Number | None
    after: Number | None
    adapter_off: Number | None
    increase: Interval | None
    n: Whole | None
    texts: Whole | None


class Served(TypedDict):
    adapters: Whole
    bytes: NotRequired[Number | None]
    full_models_bytes: NotRequired[Number | None]


class Requests(TypedDict, total=False):
    merged: Number | None
    same: Number | None
    mixed: Number | None
    one_at_a_time: Number | None


class Serving(TypedDict, total=False):
    adapters: list[Served] | None
    bytes_per_adapter: Number | None
    switch: Timing | None
    batch_size: Whole | None
    requests_per_s: Requests | None
    mixed_over_one_at_a_time: Interval | None
    mixed_over_merged: Interval | None
    one_at_a_time_over_merged: Interval | None
    mixed_max_abs_difference: Number | None
    stable: bool | None


class Energy(TypedDict, total=False):
    source: str | None
    covers: str | None
    training_joules_per_example: Number | None
    base_joules_per_request: Number | None
    unmerged_joules_per_request: Number | None
    merged_joules_per_request: Number | None


class PhaseSeen(TypedDict, total=False):
    busy: bool | None
    other_cores: Number | None
    stolen_cores: Number | None


class Environment(TypedDict, total=False):
    phases: dict[str, PhaseSeen] | None
    python: str | None
    torch: str | None
    transformers: str | None
    peft: str | None
    harness: str | None
    commit: str | None
    dirty: bool | None
    platform: str | None
    cpu: str | None
    gpu: str | None
    cores: Number | None
    threads: Number | None
    busy: bool | None


class Origin(TypedDict, total=False):
    """Of a foreign record."""

    project: Required[str]
    benchmark: Required[str]
    run: Required[str]
    created_at: Required[Date]
    branch: str | None
    url: str | None


class Train(TypedDict, total=False):
    steps: Whole | None
    batch_size: Whole | None
    learning_rate: Number | None


class Config(TypedDict, total=False):
    model: dict[str, Any]
    task: dict[str, Any]
    method: dict[str, Any]
    train: Train


class Groups(TypedDict, total=False):
    """What phases measure, null where they did not."""

    parameters: Parameters | None
    quality: Quality | None
    memory: Memory | None
    latency: Latency | None
    training: Training | None
    merge: Merge | None
    capacity: Capacity | None
    forgetting: Forgetting | None
    serving: Serving | None
    energy: Energy | None
    environment: Environment | None


@with_config(ConfigDict(strict=True))
class Record(Groups, total=False):
    schema: Required[Whole]
    trial: Required[Id]
    status: Required[Status]
    reason: str | None
    phase: str | None
    model: str | None
    task: str | None
    method: Required[str]
    family: str | None
    size: Whole | None
    size_field: str | None
    seed: Whole | None
    stage: str | None
    origin: Origin | None
    config: Config | None


@with_config(ConfigDict(strict=True))
class Part(TypedDict):
    """What one phase left of a trial."""

    schema: Whole
    groups: Groups
