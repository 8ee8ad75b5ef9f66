"""The functions that test claims: found by name, and their arguments checked by their signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import field, fields, make_dataclass
from functools import cache
from importlib import import_module
from math import inf
from typing import Any, get_type_hints

from pydantic import ConfigDict

from harness.analysis.claims import (
    comparisons,
    latency,
    parameters,
    quality,
    scale,
    sizes,
    trend,
)
from harness.analysis.claims.verdict import Verdict
from harness.checked import from_plain
from harness.errors import ConfigError, nearest

Function = Callable[..., Verdict]

STUDY, STUDIES = "study", "studies"
FUNCTIONS: dict[str, dict[str, Function]] = {
    STUDY: {
        function.__name__: function
        for function in (
            latency.no_overhead,
            latency.overhead,
            comparisons.lower,
            comparisons.higher,
            comparisons.factor,
            comparisons.within,
            comparisons.below,
            comparisons.merges,
            parameters.share,
            quality.better,
            quality.as_good,
            quality.ranking,
            sizes.enough,
            sizes.needed,
            trend.rises_with,
        )
    },
    STUDIES: {"gap_closes": scale.gap_closes},
}


@cache
def function(name: str, scope: str) -> Function:
    """One of FUNCTIONS, or the user's own as `module:function`; raises ConfigError."""
    if ":" not in name:
        if name not in FUNCTIONS[scope]:
            known = nearest(name, FUNCTIONS[scope])
            raise ConfigError("test", name, f"{known} Or a function of your own, module:function")
        return FUNCTIONS[scope][name]
    module, _, attribute = name.partition(":")
    expected = "must be module:function of a module that can be imported"
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError("test", name, f"{expected} ({error})") from error
    if not inspect.isfunction(found):
        raise ConfigError("test", name, f"{expected}; {attribute} is none")
    return found


def checked_arguments(name: str, scope: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` as the function's keyword arguments, each of the type that its signature names;
    raises ConfigError for one that is unknown, missing or of another type.
    """
    kind = _arguments(function(name, scope))
    known = [each.name for each in fields(kind)]
    for argument in given:
        if argument not in known:
            expected = nearest(str(argument), known) if known else f"{name} takes no arguments"
            raise ConfigError(str(argument), given[argument], f"is not a known field; {expected}")
    checked = from_plain(kind, dict(given))
    return {name: getattr(checked, name) for name in known}


def defaults(name: str, scope: str) -> dict[str, Any]:
    """The arguments that a function has unless they are given, those without a bound left out."""
    _, *parameters = inspect.signature(function(name, scope)).parameters.values()
    known = {each.name: each.default for each in parameters if each.default is not each.empty}
    return {name: value for name, value in known.items() if value not in (inf, -inf, None)}


def rule(name: str, scope: str) -> str:
    """What a function looks at and when it decides: its docstring up to the first empty line."""
    told = inspect.getdoc(function(name, scope)) or "not described"
    return " ".join(told.partition("\n\n")[0].split())


@cache
def _arguments(function: Function) -> type[Any]:
    """A dataclass with the arguments of a function but its first, which is what is judged."""
    hints = get_type_hints(function, include_extras=True)
    _, *parameters = inspect.signature(function).parameters.values()
    return make_dataclass(
        "Arguments",
        [
            (each.name, hints.get(each.name, Any), field(default=each.default))
            if each.default is not each.empty
            else (each.name, hints.get(each.name, Any))
            for each in parameters
        ],
        kw_only=True,
        namespace={"__pydantic_config__": ConfigDict(extra="forbid")},
    )
