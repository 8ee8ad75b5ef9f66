"""The evidence as the files of multiples and schedules, and as a page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

from harness.recipes import as_shipped
from harness.recipes.evidence import NOISE, Cell, Tried, by_method, chosen, picked, scores
from harness.recipes.lengths import MAY_BE_CUT, Length
from harness.recipes.multiples import FAMILIES, REPRESENTATIVES
from harness.recipes.schedules import USUAL, by_cell, longer
from harness.recipes.schedules import chosen as chosen_schedule
from harness.recipes.schedules import picked as picked_schedules
from harness.recipes.schedules import scores as schedule_scores

KINDS = ("classification", "regression", "tokens", "generation")

HEAD = """\
# What a method's own learning rate (conf/method) is multiplied by, by kind of task, family of model
# and method. Other methods of a family take the multiple of lora, houlsby, prompt_tuning, ia3,
# bitfit or full, and where none is listed it is 1. Written from evidence.csv by
# `python -m harness.recipes`.
"""

SCHEDULES_HEAD = """\
# Steps and examples of each, by kind of task and family of models: what train=default takes. Where
# none is listed, those of classification by the same family, else 150 of 16. Written from
# schedules.csv by `python -m harness.recipes`.
"""

INTRO = f"""\
# Recipes

What a default should never be is the reason why a method looks bad. Three things were searched for,
by validation splits alone: the learning rate of each method, the schedule that all methods share,
and the length of texts. `python -m harness.recipes` searches again, and tests hold what is shipped
to the evidence.

## The learning rate

The learning rate of a trial is that of its method (`conf/method`), found for classification by an
encoder, times a multiple for the kind of task and the family of the model
(`conf/recipes/multiples.yaml`). The evidence, a line per trial, is `conf/recipes/evidence.csv`.
`train.learning_rate=…` sets the rate itself, and `search=halving` searches anew for each
configuration of a study.

**Rule.** The own rate and three times it first; while the chosen one lies at an edge, a further one
beyond it, about three times lower or higher. Scores within {NOISE:g} of the best count as equal,
and of equals the rate nearest to the method's own is chosen, then the lower. Rates that diverged
are out. Two seeds of one trial differ by as much, after a short training by twice as much: a choice
among rates that score nearly alike is a guess, and one among rates that are far apart is not.

**Length.** As each table says, of 2,000 examples to train on; at most 300 to validate on. Where one
method was tried at several lengths the longest counts: a short training likes a high rate. What
learns late (`slow` in conf/recipes.yaml) gets more steps than others where a cell says so.

**Family.** A model's config says `family`: encoder, decoder or encoder_decoder. A folder of your
own (`model=path`) is asked in its `config.json`: `is_encoder_decoder`, else the class that
`architectures` names (…ForCausalLM is a decoder). Where neither is there the multiple is 1;
`model.family=decoder` says it.

**The rest of a family.** What was not searched, methods of your own and types of peft among it,
takes the multiple of one method of its family: {{inherited}}. A kind of task that was not searched
takes the multiples of classification by the same family of models; where that was not searched
either, every method runs at its own rate.

{{cells}}

{{unsearched}}
"""

SCHEDULES = f"""\
## Steps and batches

All methods are trained equally long. Batch sizes are compared at one number of examples by the
mean over {{methods}}, each at its chosen rate, or the best that was tried; of those within
{NOISE:g} of the best the one nearest to {USUAL.batch_size} is taken. Then the steps are doubled
for as long as one of the methods gains more than {NOISE:g} by it (one of them learns late, lest
such be cut short) and their mean does not fall by more (at a rate that was found in a short
training a long one may ruin a method). Fewer than {USUAL.steps} steps are never chosen: they would
save time, and what has learned nothing yet would not get to it. **Bold** is what `train=default`
takes (`conf/recipes/schedules.yaml`; the evidence is `schedules.csv` beside it). Where nothing was
searched, that is the schedule of classification by the same family, else {USUAL.steps} steps of
{USUAL.batch_size}. `train=quick` and the sweeps that name their steps are shorter on purpose.

"""

LENGTHS = f"""\
## Length of texts

`max_length` of a task against the lengths of its training texts, special tokens counted
(`conf/recipes/lengths.csv`). It is to hold {1 - MAY_BE_CUT:.0%} of them whole; where it holds
fewer, that was to save time, and the table says how many are cut. Batches are padded to their
longest text, so a length that no text has costs nothing.

| task | model | texts | median | 99% | longest | max_length | cut |
|---|---|---|---|---|---|---|---|
"""


def multiples(rows: Sequence[Tried]) -> str:
    """conf/recipes/multiples.yaml: what the rule picks out of the evidence."""
    kinds: dict[str, list[str]] = {}
    for (kind, family), methods in picked(rows).items():
        lines = [f"    {m}: {each:g}" for m, each in methods.items()]
        kinds.setdefault(kind, []).extend([f"  {family}:", *lines])
    return HEAD + _of_kinds(kinds)


def schedules(rows: Sequence[Tried]) -> str:
    """conf/recipes/schedules.yaml: what the rule picks out of the evidence."""
    kinds: dict[str, list[str]] = {}
    for kind, families in picked_schedules(rows).items():
        for family, own in families.items():
            told = ", ".join(f"{name}: {each}" for name, each in own.items())
            kinds.setdefault(kind, []).append(f"  {family}: {{{told}}}")
    return SCHEDULES_HEAD + _of_kinds(kinds)


def _of_kinds(kinds: Mapping[str, Sequence[str]]) -> str:
    """The lines of each kind of task under its name, as YAML."""
    told = [line for kind, lines in kinds.items() for line in (f"{kind}:", *lines)]
    return ("\n".join(told) if told else "{}") + "\n"


@dataclass(frozen=True)
class Found:
    """All evidence."""

    rates: Sequence[Tried] = ()
    schedules: Sequence[Tried] = ()
    defaults: Sequence[Tried] = ()
    lengths: Sequence[Length] = ()


@dataclass(frozen=True)
class Own:
    """What a method's config says of it."""

    family: str
    learning_rate: float


def page(found: Found, methods: Mapping[str, Own], unsearched: Mapping[str, str]) -> str:
    """docs/recipes.md: the score of everything that was tried, and which of it was chosen.

    `methods` are all that ship; `unsearched` says why no cell searches a method.
    """
    cells = by_method(found.rates)
    intro = INTRO.format(
        inherited=", ".join(f"{role} of `{name}`" for role, name in REPRESENTATIVES.items()),
        cells="\n".join(_overview(cells)),
        unsearched="\n".join(f"- `{method}`: {why}." for method, why in unsearched.items()),
    )
    rest = {name: own for name, own in methods.items() if name not in unsearched}
    lines = [line for cell, own in cells.items() for line in (*_cell(cell, own), *_rest(own, rest))]
    parts = ["\n".join([intro, *lines])]
    if found.schedules:
        tried = sorted({f"`{row.method}`" for row in found.schedules})
        told = [
            line for cell, own in by_cell(found.schedules).items() for line in _trained(cell, own)
        ]
        parts.append(SCHEDULES.format(methods=", ".join(tried)) + "\n".join(told))
    if found.defaults:
        parts.append(as_shipped.section(found.rates, found.schedules, found.defaults))
    if found.lengths:
        parts.append(LENGTHS + "\n".join(map(_length, found.lengths)) + "\n")
    return "\n".join(parts)


def _trained(cell: Cell, rows: Sequence[Tried]) -> Iterator[str]:
    """The schedules of a cell in the order of their examples."""
    known = schedule_scores(rows)
    best = chosen_schedule(known)
    yield f"### {cell[0]}, {cell[1]}"
    yield ""
    first = rows[0]
    yield f"`model={first.model} task={first.task}`, {first.metric} on validation."
    yield ""
    methods = sorted({row.method for row in rows})
    yield f"| steps × batch | examples | {' | '.join(methods)} | mean |"
    yield "|---" * (len(methods) + 3) + "|"
    for each, own in known.items():
        told = f"{each.steps} × {each.batch_size}"
        told = f"**{told}**" if each == best else told
        said = " | ".join(f"{score:.3f}" for score in (*own.values(), fmean(own.values())))
        yield f"| {told} | {each.examples:,} | {said} |"
    yield ""
    if best is not None and best not in known:
        told = f"{best.steps} × {best.batch_size}"
        yield f"Chosen is {told}: fewer than {USUAL.steps} steps never are."
        yield ""
    if best is not None and not longer(best, known):
        yield "Nothing longer than the chosen one was tried: more may be gained."
        yield ""


def _length(row: Length) -> str:
    sizes = (row.texts, row.median, row.percentile_99, row.longest, row.max_length)
    told = " | ".join(f"{each:,}" for each in sizes)
    return f"| {row.task} | {row.model} | {told} | {row.cut:.1%} |"


def _overview(cells: Mapping[Cell, Mapping[str, Sequence[Tried]]]) -> Iterator[str]:
    """Which cells were searched, and for how many methods."""
    yield f"| kind | {' | '.join(FAMILIES)} |"
    yield "|---" * (len(FAMILIES) + 1) + "|"
    for kind in KINDS:
        told = [_searched((kind, family), cells) for family in FAMILIES]
        yield f"| {kind} | {' | '.join(told)} |"


def _searched(cell: Cell, cells: Mapping[Cell, Mapping[str, Sequence[Tried]]]) -> str:
    if cell in cells:
        return f"{len(cells[cell])} methods searched"
    if cell == ("generation", "encoder"):
        return "none: an encoder says no texts"
    first = ("classification", cell[1])
    return "not searched: as classification" if first in cells else "not searched: own rates"


def _cell(cell: Cell, methods: Mapping[str, Sequence[Tried]]) -> Iterator[str]:
    """A section: a row per method, a column per multiple."""
    first = max((own[0] for own in methods.values()), key=lambda row: row.steps)
    tried = sorted({row.multiple for own in methods.values() for row in own})
    yield f"### {cell[0]}, {cell[1]}"
    yield ""
    yield (
        f"`model={first.model} task={first.task}`, {first.metric} on validation after {first.steps}"
        f" steps of {first.batch_size}, by multiple of the own rate; **bold** is chosen. One seed"
        f" where no more are named.{_between_seeds(methods)}"
    )
    yield ""
    yield f"| method | chosen rate | {' | '.join(f'×{each:g}' for each in tried)} | |"
    yield "|---" * (len(tried) + 3) + "|"
    for method, own in methods.items():
        yield _row(method, own, tried, first.steps)
    yield ""


def _between_seeds(methods: Mapping[str, Sequence[Tried]]) -> str:
    """How far seeds of one rate are apart, where several were tried."""
    alike: dict[tuple[str, float], list[float]] = defaultdict(list)
    for row in (row for own in methods.values() for row in own):
        if row.validation is not None:
            alike[row.method, row.multiple].append(row.validation)
    apart = [stdev(scores) for scores in alike.values() if len(scores) > 1]
    if not apart:
        return ""
    return f" Seeds of one rate differ by {median(apart):.3f} (standard deviation, the median)."


def _rest(searched: Mapping[str, Sequence[Tried]], methods: Mapping[str, Own]) -> Iterator[str]:
    """The methods of a cell that were not searched, and the rates that they take."""
    told = []
    for name, own in methods.items():
        if name in searched:
            continue
        model = REPRESENTATIVES[own.family]
        multiple = chosen(scores(searched[model])) if model in searched else None
        said = f"{own.learning_rate * (multiple or 1):.3g}"
        told.append(f"{name} {said}" + (f" (×{multiple:g}, as {model})" if multiple else ""))
    if told:
        yield f"Not searched here: {', '.join(told)}."
        yield ""


def _row(method: str, rows: Sequence[Tried], tried: Sequence[float], usual: int) -> str:
    """`usual` are the steps of the section."""
    means = scores(rows)
    best = chosen(means)
    rate = next((f"{row.learning_rate:g}" for row in rows if row.multiple == best), "none")
    cells = []
    for multiple in tried:
        score = means.get(multiple)
        told = "" if multiple not in means else "diverged" if score is None else f"{score:.3f}"
        cells.append(f"**{told}**" if multiple == best else told)
    seeds = len({row.seed for row in rows})
    steps = rows[0].steps
    remarks = [
        _remark(means, best),
        f"{seeds} seeds" if seeds > 1 else "",
        f"after {steps} steps" if steps != usual else "",
    ]
    return f"| {method} | {rate} | {' | '.join(cells)} | {'; '.join(filter(None, remarks))} |"


def _remark(means: Mapping[float, float | None], best: float | None) -> str:
    """What a reader should know of a choice: others are as good, or a better may lie beyond."""
    if best is None:
        return "no rate ended well: the own one stands"
    sound = {multiple: score for multiple, score in means.items() if score is not None}
    top = max(sound.values())
    ties = [m for m, score in sound.items() if m != best and score >= top - NOISE]
    if 0 < len(ties) == len(sound) - 1:
        return "open: all rates score alike"
    told = [f"tied with {', '.join(f'×{each:g}' for each in ties)}"] if ties else []
    if best in (min(means), max(means)):
        told.append("at an edge")
    return "; ".join(told)
