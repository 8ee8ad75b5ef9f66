"""A budget in place of a size, from the command line to the trials that run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import budget as module
from harness import store
from harness.budget import with_sizes
from harness.compose.__main__ import compositions
from harness.config import run_config
from harness.entry import compose
from harness.errors import ConfigError
from harness.sources import with_sources
from harness.trials import trial_of

SMALL = ("model=bert_tiny", "task=rotten_tomatoes")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("budget=5", "budget=5: must be a share such as 0.5% or 0.005"),
        ("budget=much", "budget=much: must be a share"),
        ("budget=0.5% size=4", "budget=0.5%: contradicts size=4; give one of them"),
        ("budget=0.5% method.rank=4", "budget=0.5%: contradicts method.rank=4; give one of them"),
        ("budget=0.5% method=peft/vera method.r=4", "budget=0.5%: contradicts method.r=4"),
        ("budget=0.5% results=setup.cfg/r", "results=setup.cfg/r: cannot be written"),
    ],
)
@pytest.mark.network
def test_wrong_budget_is_refused_at_the_door(tmp_path, monkeypatch, overrides, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "setup.cfg").write_text("")
    cfg = compose([*SMALL, *overrides.split()])
    with pytest.raises(ConfigError) as error:
        with_sizes([cfg], run_config(cfg))
    assert str(error.value).startswith(message)


def test_adapters_to_merge_have_no_budget():
    cfg = compose(["+merge={}", "budget=0.5%"])
    with pytest.raises(ConfigError, match=r"budget=0\.5%: adapters that are merged share one size"):
        compositions([cfg])


def test_without_a_budget_nothing_is_asked(monkeypatch):
    monkeypatch.setattr(module, "run_alone", None)
    cfgs = [compose(["size=4"]), compose(["method=ia3"])]
    assert with_sizes(cfgs, run_config(cfgs[0])) == cfgs


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was asked; size 3 for every method that has one, and a share of 0.6%."""
    found: list[dict[str, Any]] = []

    def answer(key: str, call: str, arguments: dict[str, Any], *run: Any) -> dict[str, Any]:
        found.extend(arguments["asked"])
        sizes = [3 if one["config"]["method"]["size_field"] else None for one in arguments["asked"]]
        return {"found": [{"size": n, "share": 0.006, "refusal": None} for n in sizes]}

    monkeypatch.setattr(module, "run_alone", answer)
    return found


@pytest.fixture
def sized(tmp_path: Path) -> Callable[..., list[Any]]:
    def make(*trials: str) -> list[Any]:
        cfgs = [compose([*SMALL, f"results={tmp_path}", *trial.split()]) for trial in trials]
        return with_sizes(cfgs, run_config(cfgs[0]))

    return make


@pytest.mark.network
class TestSizes:
    def test_what_runs_is_the_trial_that_the_size_is(self, asked, sized, tmp_path):
        for method in ("lora", "houlsby", "peft/vera"):
            (cfg,) = sized(f"method={method} budget=0.5%")
            same = compose([*SMALL, f"method={method}", "size=3"])
            ids = [trial_of(with_sources(each), tmp_path).id for each in (cfg, same)]
            assert ids[0] == ids[1]
            # What a config derives from the size is derived from the one that was chosen.
            assert with_sources(cfg) == with_sources(same)

    def test_seeds_and_recipes_of_a_method_are_counted_once(self, asked, sized, capsys):
        trials = [
            f"method=lora budget=0.5% seed={seed} train.steps={steps}"
            for seed in (0, 1)
            for steps in (10, 20)
        ]
        cfgs = sized(*trials)
        assert len(asked) == 1
        assert [(cfg.size, cfg.budget) for cfg in cfgs] == [(3, None)] * 4
        assert len(capsys.readouterr().out.splitlines()) == 1

    def test_each_budget_and_method_is_counted_and_sizes_are_left_alone(self, asked, sized):
        cfgs = sized("budget=0.5%", "budget=1%", "method=houlsby budget=0.005", "size=4")
        assert [one["budget"] for one in asked] == [0.005, 0.01, 0.005]
        assert [cfg.size for cfg in cfgs] == [3, 3, 3, 4]

    def test_classes_are_those_of_the_data_or_of_the_config(self, asked, sized):
        sized("budget=0.5%", "budget=0.5% task.labels=[a,b,c]")
        assert [one["classes"] for one in asked] == [2, 3]

    @pytest.mark.parametrize(
        ("trial", "told"),
        [
            ("method=lora budget=0.58%", "budget=0.58%: lora rank=3 trains 0.6%"),
            ("method=lora budget=0.5%", "budget=0.5%: lora rank=3 trains 0.6%"),
            ("method=bitfit budget=0.3%", "budget=0.3%: bitfit has no size and trains 0.6%"),
        ],
    )
    def test_one_line_says_what_came_of_it_and_how_far_off_that_is(
        self, asked, sized, capsys, trial, told
    ):
        sized(trial)
        far = {"0.58%": "", "0.5%": ", 1.2 times the budget; no size comes closer",
               "0.3%": ", 2 times the budget"}[trial.rpartition("=")[2]]  # fmt: skip
        where = " on rotten_tomatoes with bert_tiny"
        assert capsys.readouterr().out == f"{told}{where}{far}\n"


@pytest.mark.network
@pytest.mark.slow
def test_methods_swept_under_a_budget_train_about_that_share(tmp_path):
    methods = "method=lora,peft/adaption_prompt"
    given = ["sweep=smoke", "size=null", methods, "budget=0.5%", f"results={tmp_path}"]
    command = [sys.executable, "-m", "harness", "-m", *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, "peft has no adaption prompt for BERT"
    assert "peft/adaption_prompt takes no size" in done.stdout
    trials = json.loads(done.stdout.splitlines()[-1])["trials"]
    lora, refused = [store.read_json(Path(trial["record"])) or {} for trial in trials]
    assert (refused["status"], refused["phase"]) == ("failed", "check")
    # Hu et al. 2021, arXiv 2106.09685: a rank costs both widths of each map; 2 layers of 128, 512.
    rank, maps, head = lora["size"], 2 * (4 * 2 * 128 + 2 * (128 + 512)), 2 * 128 + 2
    base = lora["parameters"]["total"] - lora["parameters"]["trainable"]

    def off(size: int) -> float:
        trained = size * maps + head
        return abs(trained / (base + trained) - 0.005)

    assert rank == min(range(1, 129), key=off)
    assert abs(lora["parameters"]["share"] - 0.005) == pytest.approx(off(rank))
