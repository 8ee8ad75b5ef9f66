"""The rule that picks a rate, and that the shipped recipe is what it picks."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from harness.entry import CONF, compose
from harness.errors import ConfigError
from harness.recipes import __main__ as command
from harness.recipes.evidence import Tried, beyond, by_method, chosen, read, scores, write
from harness.recipes.multiples import load
from harness.recipes.page import Found, multiples, page, schedules

FURTHER = (0.1, 0.3, 10, 30)
FOUND = command.read(CONF / "recipes")
EVIDENCE = FOUND.rates


def tried(multiple: float, validation: float | None, seed: int = 0, **other: object) -> Tried:
    status = "diverged" if validation is None else "ok"
    own = {"kind": "regression", "family": "encoder", "method": "lora", "status": status}
    told = {"model": "m", "task": "t", "size": 8, "steps": 4, "batch_size": 2, "metric": "spearman"}
    return Tried(
        **{**told, **own, **other},  # type: ignore[arg-type]
        multiple=multiple, learning_rate=2e-3 * multiple, seed=seed, validation=validation,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ({1: 0.5, 3: 0.6}, 3),
        ({1: 0.595, 3: 0.6}, 1),  # within the noise
        ({3: 0.6, 10: 0.605, 1: 0.5}, 3),  # nearer to the own rate
        ({0.3: 0.6, 3: 0.6, 1: 0.5}, 0.3),  # as near, and lower
        ({1: 0.5, 3: None}, 1),
        ({1: None, 3: None}, None),
    ],
)
def test_the_best_is_chosen_and_of_equals_the_one_nearest_to_the_own(means, expected):
    assert chosen(means) == expected


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ({1: 0.5, 3: 0.6}, 10),
        ({1: 0.6, 3: 0.5}, 0.3),
        ({0.3: 0.5, 1: 0.6, 3: 0.5}, None),
        ({1: 0.5, 3: 0.6, 10: None}, None),  # what diverged is an end, too
        ({10: 0.5, 30: 0.6}, None),  # nothing is left to try
        ({1: None, 3: None}, 0.3),
        ({}, None),
    ],
)
def test_a_choice_at_an_edge_asks_for_the_next_rate_beyond_it(means, expected):
    assert beyond(means, FURTHER) == expected


def test_seeds_are_averaged_and_one_that_diverged_rules_a_rate_out():
    rows = [tried(1, 0.5, 0), tried(1, 0.7, 1), tried(3, 0.9, 0), tried(3, None, 1)]
    assert scores(rows) == {1: pytest.approx(0.6), 3: None}


def test_rates_are_compared_at_the_longest_training_alone():
    rows = [tried(1, 0.4, steps=4), tried(3, 0.9, steps=4), tried(1, 0.6, steps=8)]
    (methods,) = by_method(rows).values()
    assert scores(methods["lora"]) == {1: 0.6}


def test_evidence_comes_back_as_it_was_written(tmp_path):
    rows = [tried(1, 0.5), tried(3, None), tried(1, 0.4, method="ia3", size=None)]
    write(tmp_path / "evidence.csv", rows)
    assert set(read(tmp_path / "evidence.csv")) == set(rows)


def test_a_line_that_is_no_trial_is_refused_by_its_field(tmp_path):
    write(tmp_path / "evidence.csv", [tried(1, 0.5)])
    text = (tmp_path / "evidence.csv").read_text("utf-8")
    (tmp_path / "evidence.csv").write_text(text.replace("0.5", "good"), "utf-8")
    with pytest.raises(ConfigError, match="validation=good"):
        read(tmp_path / "evidence.csv")


def test_shipped_multiples_are_what_the_rule_picks_out_of_the_evidence():
    shipped = load(CONF / "recipes" / "multiples.yaml")
    picked: dict[str, dict[str, dict[str, float | None]]] = {}
    for (kind, family), methods in by_method(EVIDENCE).items():
        own = {method: chosen(scores(rows)) for method, rows in methods.items()}
        picked.setdefault(kind, {})[family] = {m: c for m, c in own.items() if c is not None}
    assert shipped == picked
    assert shipped


def test_shipped_files_are_what_the_command_writes():
    cfg = compose([], "recipes")
    written = (CONF / "recipes" / "multiples.yaml").read_text("utf-8")
    assert written == multiples(EVIDENCE)
    written = (CONF / "recipes" / "schedules.yaml").read_text("utf-8")
    assert written == schedules(FOUND.schedules)
    found = page(FOUND, command.shipped(), cfg.unsearched)
    assert (CONF.parent / "docs" / "recipes.md").read_text("utf-8") == found


def test_evidence_is_of_the_rates_that_the_methods_have_now():
    for row in EVIDENCE:
        own = OmegaConf.load(CONF / "method" / f"{row.method}.yaml").learning_rate
        assert row.learning_rate == float(f"{own * row.multiple:.3g}"), row


def test_every_named_method_is_searched_or_says_why_not():
    cfg = compose([], "recipes")
    assert set(cfg.every) | set(cfg.unsearched) == set(command.shipped())
    assert set(cfg.every).isdisjoint(cfg.unsearched)


def test_every_cell_that_was_searched_has_what_its_low_rank_methods_inherit():
    for cell, methods in by_method(EVIDENCE).items():
        assert "lora" in methods, cell


@pytest.mark.parametrize(
    ("scores", "remark"),
    [
        ({1: 0.5, 3: 0.6, 10: 0.4}, ""),
        ({1: 0.6, 3: 0.605, 0.3: 0.1}, "tied with ×3"),
        ({1: 0.5, 3: 0.6}, "at an edge"),
        ({0.3: 0.0, 1: 0.0, 3: 0.0}, "open: all rates score alike"),
        ({1: None}, "no rate ended well: the own one stands"),
    ],
)
def test_page_says_of_a_choice_what_it_leaves_open(scores, remark):
    rows = [tried(multiple, score) for multiple, score in scores.items()]
    (line,) = [
        line for line in page(Found(rows), {}, {}).splitlines() if line.startswith("| lora |")
    ]
    assert line.endswith(f"| {remark} |")


def test_page_says_how_far_seeds_of_one_rate_are_apart():
    one = [tried(1, 0.5), tried(3, 0.6)]
    assert "Seeds of one rate" not in page(Found(one), {}, {})
    # Standard deviations of 0.1 (from 0.5, 0.6, 0.7) and 0.2 (from 0.2, 0.4, 0.6); diverged: none.
    several = [tried(1, score, seed) for seed, score in enumerate((0.5, 0.6, 0.7))]
    several += [tried(3, score, seed) for seed, score in enumerate((0.2, 0.4, 0.6))]
    several += [tried(10, None, 0), tried(10, 0.1, 1)]
    assert "Seeds of one rate differ by 0.150 (" in page(Found(several), {}, {})
