"""What phases measure, as everything that reads records relies on it: groups of figures."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from harness.checked import Rate
from harness.errors import ConfigError

# Of what is below, squares and sums are finite, and whole numbers fit into a column.
Number = Annotated[float, Field(gt=-(2.0**63), lt=2.0**63, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, lt=2.0**63, allow_inf_nan=False)]
# And quotients.
Positive = Annotated[float, Field(gt=1e-100, lt=2.0**63, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=2**53)]


class _Ends(TypedDict, total=False):
    ci_low: Number | None
    ci_high: Number | None


class _Interval(_Ends, total=False):
    value: Number | None


def _ordered(found: Any) -> Any:
    low, high = found.get("ci_low"), found.get("ci_high")
    if low is not None and high is not None and low > high:
        raise ConfigError("ci_low", low, f"must be ci_high, {high}, at most")
    return found


Interval = Annotated[_Interval, AfterValidator(_ordered)]


class _Ratio(TypedDict, total=False):
    value: Positive | None
    ci_low: Positive | None
    ci_high: Positive | None


Ratio = Annotated[_Ratio, AfterValidator(_ordered)]


class Timing(TypedDict, total=False):
    median_ms: Amount | None
    iqr_ms: Amount | None


class Parameters(TypedDict, total=False):
    trainable: Amount | None
    adapter: Amount | None
    head: Amount | None
    total: Amount | None
    share: Amount | None
    file_bytes: Amount | None


class _Quality(_Interval, total=False):
    metric: str | None
    higher_is_better: bool | None
    n: Count | None
    validation: Number | None
    after_merge: Number | None
    majority: Number | None


Quality = Annotated[_Quality, AfterValidator(_ordered)]


class Peak(TypedDict, total=False):
    allocated_peak: Amount | None
    reserved_peak: Amount | None
    process_peak: Amount | None
    predicted: Amount | None
    weights: Amount | None
    gradients: Amount | None
    optimizer: Amount | None
    activations: Number | None
    source: str | None


class Memory(TypedDict, total=False):
    train: Peak | None
    inference: Peak | None
    load: Peak | None
    unpredicted: str | None


class Shape(TypedDict, total=False):
    batch_size: Count | None
    sequence_length: Count | None
    prompt_tokens: Count | None
    new_tokens: Count | None


class Timed(TypedDict, total=False):
    shape: Shape | None
    base: Timing | None
    unmerged: Timing | None
    merged: Timing | None
    unmerged_over_base: Ratio | None
    merged_over_base: Ratio | None
    stable: bool | None


class Generation(TypedDict, total=False):
    shape: Shape | None
    prefill_unmerged_over_base: Ratio | None
    prefill_merged_over_base: Ratio | None
    decode_unmerged_over_base: Ratio | None
    decode_merged_over_base: Ratio | None
    stable: bool | None


class Latency(Timed, total=False):
    batch: Timed | None
    generation: Generation | None


class Look(TypedDict):
    step: Count
    validation: Number | None


class Training(TypedDict, total=False):
    examples_per_s: Amount | None
    tokens_per_s: Amount | None
    seconds: Amount | None
    seconds_per_step: Timing | None
    steps: Count | None
    learning_rate: Rate | None
    stable: bool | None
    curve: list[Look] | None


class Merge(TypedDict, total=False):
    mergeable: bool | None
    reason: str | None
    max_abs_logit_difference: Amount | None
    seconds: Amount | None


class Budget(TypedDict, total=False):
    sequences: Count | None
    tokens: Count | None
    classes: Count | None
    steps: Count | None
    batch_size: Count | None


class _Capacity(_Ends, total=False):
    bits: Number | None
    bits_per_parameter: Number | None
    parameters: Number | None
    ceiling_bits: Number | None
    at_ceiling: bool | None
    tried: list[dict[str, Any]] | None
    budget: Budget | None


Capacity = Annotated[_Capacity, AfterValidator(_ordered)]


class Forgetting(TypedDict, total=False):
    objective: str | None
    before: Number | None
    after: Number | None
    adapter_off: Number | None
    increase: Interval | None
    n: Count | None
    texts: Count | None


class Served(TypedDict):
    adapters: Count
    bytes: NotRequired[Amount | None]
    full_models_bytes: NotRequired[Amount | None]


class Requests(TypedDict, total=False):
    merged: Amount | None
    same: Amount | None
    mixed: Amount | None
    one_at_a_time: Amount | None


class Serving(TypedDict, total=False):
    adapters: list[Served] | None
    bytes_per_adapter: Number | None
    switch: Timing | None
    batch_size: Count | None
    requests_per_s: Requests | None
    mixed_over_one_at_a_time: Ratio | None
    mixed_over_merged: Ratio | None
    one_at_a_time_over_merged: Ratio | None
    mixed_max_abs_difference: Amount | None
    stable: bool | None


class Energy(TypedDict, total=False):
    source: str | None
    covers: str | None
    training_joules_per_example: Number | None
    base_joules_per_request: Number | None
    unmerged_joules_per_request: Number | None
    merged_joules_per_request: Number | None


class PerClass(TypedDict, total=False):
    label: str | None
    train: Count | None
    validation: Count | None
    test: Count | None


class Data(TypedDict, total=False):
    rows: Count | None
    dropped: Count | None
    no_text: Count | None
    no_label: Count | None
    contradictory: Count | None
    duplicate: Count | None
    in_other_split: Count | None
    train: Count | None
    validation: Count | None
    test: Count | None
    classes: Count | None
    commonest: Amount | None
    imbalance: Amount | None
    median_tokens: Amount | None
    full: Amount | None
    per_class: list[PerClass] | None


class PhaseSeen(TypedDict, total=False):
    busy: bool | None
    other_cores: Number | None
    stolen_cores: Number | None


class Place(TypedDict, total=False):
    """A machine, and the versions of what ran there."""

    machine: str | None
    platform: str | None
    cpu: str | None
    gpu: str | None
    cores: Amount | None
    python: str | None
    torch: str | None
    transformers: str | None
    peft: str | None
    harness: str | None


class Elsewhere(Place, total=False):
    phases: list[str] | None


class Environment(Place, total=False):
    phases: dict[str, PhaseSeen] | None
    elsewhere: list[Elsewhere] | None
    commit: str | None
    dirty: bool | None
    threads: Amount | None
    busy: bool | None


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
    data: Data | None
    environment: Environment | None
