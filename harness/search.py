"""Learning rates chosen on validation, with one budget for every configuration, before its trials.

A configuration is a model, a task, a method with its options and a recipe; it is searched once for
all of its seeds. Trials that others build on, such as the adapters that are fused, keep the rate
that their own method's file proposes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from harness import assets, store
from harness.config import SCHEMA, RunConfig, TrialConfig
from harness.errors import ConfigError
from harness.isolation import run_alone
from harness.measure_config import MeasureConfig
from harness.prerequisites import writable
from harness.progress import configuration_of
from harness.rungs import Budget, best_first, budget, chosen, edge, rates
from harness.search_config import SearchConfig
from harness.sweep import run_sweep
from harness.trials import Trial, trial_of

# The same for every search: what is measured of the final trials makes no other search of it.
UNMEASURED = MeasureConfig(
    batch_sizes=(1,), sequence_length=1, latency_seconds=0.0, latency_rounds=1, warmups=1,
    speed_steps=1, curve_points=1, forgetting=None, capacity=None, energy_seconds=None,
    serving=None, new_tokens=None,
)  # fmt: skip


@dataclass
class Search:
    """The search of one configuration, as far as it has come."""

    config: TrialConfig
    """One of its trials; the others differ from it in their seeds alone."""
    seeds: tuple[int, ...]
    grid: tuple[float, ...]
    budget: Budget
    rungs: list[dict[float, float | None]] = field(default_factory=list)
    """Mean validation by rate, a rung after the other; None where a rate did not end well."""
    reasons: list[str] = field(default_factory=list)
    """Why trials did not end well."""
    left_out: bool = False
    """By its plan it needs more than the limit of memory."""
    higher_is_better: bool = True

    @property
    def over(self) -> bool:
        return self.left_out or len(self.rungs) == len(self.budget.rungs)

    @property
    def chosen(self) -> float | None:
        return chosen(self.rungs, self.grid, self.higher_is_better)

    def next_trials(self) -> dict[float, list[TrialConfig]]:
        """Those of the next rung, by rate."""
        rung = self.budget.rungs[len(self.rungs)]
        standing: Sequence[float] = self.grid
        if self.rungs:
            standing = best_first(self.rungs[-1], self.grid, self.higher_is_better)[: rung.rates]
        return {rate: [self._trial(rate, rung.steps, s) for s in self.seeds] for rate in standing}

    def take(self, found: dict[float, list[dict[str, Any]]]) -> None:
        """Keep what the records of a rung say."""
        records = [record for own in found.values() for record in own]
        ended = [record for record in records if record["status"] == "ok"]
        self.left_out = bool(records) and all(r["status"] == "skipped" for r in records)
        if ended:
            self.higher_is_better = ended[0]["quality"]["higher_is_better"]
        self.reasons += [f"{r['status']}: {r['reason']}" for r in records if r["status"] != "ok"]
        self.rungs.append({rate: _validation(own) for rate, own in found.items()})

    def tuned(self, config: TrialConfig) -> TrialConfig:
        """A trial of this configuration at the chosen rate; as it was where there is none."""
        rate = self.chosen
        if rate is None:
            return config
        return replace(config, train=replace(config.train, learning_rate=rate))

    def _trial(self, rate: float, steps: int, seed: int) -> TrialConfig:
        train = replace(self.config.train, learning_rate=rate, steps=steps)
        return replace(self.config, stage="search", seed=seed, train=train, measure=UNMEASURED)


def run_searched(
    configs: Sequence[TrialConfig], search: SearchConfig | None, run: RunConfig
) -> list[dict[str, Any]]:
    """As `run_sweep`, at the learning rates that a search finds first where one is asked for.

    What is known of earlier searches is not run again. Raises ConfigError for a search that
    contradicts a recipe, and whatever `run_sweep` raises.
    """
    if search is None:
        return run_sweep(configs, run)
    searches = _searches(configs, search, run)
    _tell_costs(searches.values(), search)
    while standing := [each for each in searches.values() if not each.over]:
        _climb(standing, run)
    for each in searches.values():
        print(_told(each), flush=True)
    finals, lost = [], {}
    for config in configs:
        found = searches.get(_configuration(config))
        finals.append(found.tuned(config) if found else config)
        if found and found.chosen is None and not found.left_out:
            lost[repr(config)] = f"no learning rate of the search ended well; {found.reasons[-1]}"
    run_sweep([config for config in finals if repr(config) not in lost], run)
    trials = {trial.id: trial for trial in (trial_of(config, run.results) for config in finals)}
    return [_record(trial, lost.get(repr(trial.config)), run) for trial in trials.values()]


def _record(trial: Trial, lost: str | None, run: RunConfig) -> dict[str, Any]:
    """What a final trial left; one without a rate fails, unless it was once run at the recipe's."""
    if lost is not None and not store.done(run.results, trial.id):
        return trial.finish("failed", lost, "search")
    return store.record(trial.folder) or trial.unfinished()


def _searches(
    configs: Sequence[TrialConfig], search: SearchConfig, run: RunConfig
) -> dict[str, Search]:
    """By configuration; those that take no steps, or that cannot run, have nothing to search."""
    first = {_configuration(config): config for config in reversed(configs)}
    planned = {
        key: Search(
            config,
            search.seeds,
            rates(search, config.train.learning_rate),
            budget(search, config.train),
        )
        for key, config in reversed(first.items())
    }
    for model in {repr(config.model): config.model for config in first.values()}.values():
        assets.fetch(model.source, "model.source")
    writable(run.results)
    checked = run_alone(
        "checking the configurations",
        "harness.trial:check",
        {"configs": {key: config.as_dict() for key, config in first.items()}},
        run.results / "check.log",
        60 * run.timeout,
    )
    out = {*checked["problems"], *checked["stepless"]}
    return {key: each for key, each in planned.items() if key not in out}


def _climb(searches: Sequence[Search], run: RunConfig) -> None:
    """The next rung of all configurations at once, so that their trials run side by side."""
    asked = [each.next_trials() for each in searches]
    trials = {repr(c): trial_of(c, run.results) for own in asked for r in own.values() for c in r}
    records = {t.id: record for t in trials.values() if (record := _ended(t)) is not None}
    left = [trial.config for trial in trials.values() if trial.id not in records]
    records |= {record["trial"]: record for record in run_sweep(left, run)}
    unfinished = sum(record["status"] not in store.STATUSES for record in records.values())
    if unfinished:
        told = f"{unfinished} trials of the search are not over; others=wait waits for them"
        raise ConfigError("others", run.others, told)
    for each, own in zip(searches, asked, strict=True):
        each.take({rate: [records[trials[repr(c)].id] for c in own[rate]] for rate in own})


def _ended(trial: Trial) -> dict[str, Any] | None:
    """The record of a trial that would end the same way again: a rate that diverged has its say."""
    record = store.record(trial.folder)
    known = record and record.get("schema") == SCHEMA and record["status"] in ("ok", "diverged")
    return record if known else None


def _validation(records: Sequence[dict[str, Any]]) -> float | None:
    """The mean over seeds; None where one of them did not end well."""
    if any(record["status"] != "ok" for record in records):
        return None
    return fmean(record["quality"]["validation"] for record in records)


def _configuration(config: TrialConfig) -> str:
    """What trials have in common that differ in their seeds, or in what is measured of them."""
    sources = tuple(replace(each, seed=0, measure=UNMEASURED) for each in config.sources)
    return repr(replace(config, seed=0, measure=UNMEASURED, sources=sources))


def _tell_costs(searches: Iterable[Search], search: SearchConfig) -> None:
    budgets = [each.budget for each in searches]
    for each in dict.fromkeys(budgets):
        n = budgets.count(each)
        rungs = ", then ".join(f"{rung.rates} rates × {rung.steps} steps" for rung in each.rungs)
        print(
            f"search: {n} configuration{'' if n == 1 else 's, each'}: {rungs}"
            f" from {search.low:g} to {search.high:g} times its recipe's rate:"
            f" {each.trials} trials, {each.examples:,} examples",
            flush=True,
        )
    trials, examples = sum(b.trials for b in budgets), sum(b.examples for b in budgets)
    print(f"search: {trials:,} trials, {examples:,} examples in all", flush=True)


def _told(search: Search) -> str:
    """One line for people: what the search of a configuration came to."""
    name, rate = configuration_of(search.config), search.chosen
    if search.left_out:
        return f"search: {name}: left out; {search.reasons[-1]}"
    if rate is None:
        return f"search: {name}: no rate ended well; {search.reasons[-1]}"
    value = next(rung[rate] for rung in reversed(search.rungs) if rate in rung)
    told = f"search: {name}: learning_rate={rate:g} (validation {value:.3f}"
    failed = sum(score is None for rung in search.rungs for score in rung.values())
    told += f", {failed} did not end well)" if failed else ")"
    end = edge(rate, search.grid)
    return f"{told}; at the {end} edge of the grid, a better one may lie beyond" if end else told
