"""How learning rates are searched for: the dataclass behind conf/search/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from omegaconf import DictConfig, OmegaConf
from pydantic import Field

from harness.checked import Checked, Count, from_plain
from harness.config import readable
from harness.errors import ConfigError

Multiple = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class SearchConfig(Checked):
    """The budget that every configuration has for its learning rate, and how it is spent."""

    low: Multiple
    """The lowest rate, as a multiple of the recipe's."""
    high: Multiple
    trials: Annotated[int, Field(ge=2)]
    """Rates that are tried, evenly spaced on a log scale."""
    keep: Annotated[int, Field(ge=2)] | None
    """The best 1/keep of the rates go on with keep times the steps; null: all go the whole way."""
    examples: Count | None
    """The most training examples that the search of one configuration may see, in all."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    """Each rate is tried with each of them; their mean counts."""

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise ConfigError("low", self.low, f"must be below search.high={self.high:g}")
        if len(set(self.seeds)) < len(self.seeds):
            raise ConfigError("seeds", list(self.seeds), "names a seed twice")
        if self.keep is not None and self.trials < 2 * self.keep:
            expected = f"leaves nothing to choose from after the first rung with keep={self.keep}"
            expected += f"; at least {2 * self.keep}, or keep=null"
            raise ConfigError("trials", self.trials, expected)


@readable()
def search_config(cfg: DictConfig) -> SearchConfig | None:
    """The checked search of a composed config; None where none is asked for.

    Raises ConfigError.
    """
    plain = OmegaConf.to_container(cfg.search, resolve=True)
    assert isinstance(plain, dict)
    if not plain:
        return None
    try:
        return from_plain(SearchConfig, {str(key): value for key, value in plain.items()})
    except ConfigError as error:
        raise ConfigError(f"search.{error.field}", error.value, error.expected) from None
