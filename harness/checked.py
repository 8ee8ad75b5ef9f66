"""Dataclasses whose fields are validated when plain values become one."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from harness.errors import ConfigError

T = TypeVar("T")

Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=1e-100, lt=1e100)]
"""Of learning: products and quotients of such are finite."""
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(ge=0, lt=1)]
Name = Annotated[str, Field(min_length=1)]


class Checked:
    """Fields are validated when a config comes through `from_plain`; unknown ones are refused."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


def from_plain(kind: type[T], plain: dict[str, Any]) -> T:
    """`plain` as a checked dataclass; raises ConfigError for the first thing that is wrong."""
    try:
        return validator(kind).validate_python(plain)  # type: ignore[arg-type]
    except ValidationError as error:
        raise first_problem(error) from None


@cache
def validator(kind: type[T]) -> TypeAdapter[T]:
    """What checks a dataclass; building it takes longer than checking."""
    return TypeAdapter(kind)


def first_problem(error: ValidationError) -> ConfigError:
    """What is wrong first: the field, the value found there and what would be right."""
    problem = error.errors(include_url=False)[0]
    location = [part for part in problem["loc"] if isinstance(part, str)]
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, ConfigError):
        return ConfigError(".".join([*location, cause.field]), cause.value, cause.expected)
    place = ".".join(location)
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return ConfigError(place, problem["input"], "is not a known field")
    message = problem["msg"].removeprefix("Input ").replace("Value error, ", "")
    message = message.replace("a valid tuple", "a list in brackets")
    return ConfigError(place, problem["input"], message)
