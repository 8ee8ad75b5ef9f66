"""The front door: overrides in, configs or one line out."""

from __future__ import annotations

import sys

import pytest

from harness import entry
from harness.errors import ConfigError


def configs(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list:
    monkeypatch.setattr(sys, "argv", ["harness", *arguments])
    return entry.asked("config").configs


@pytest.fixture
def results(tmp_path) -> str:
    return f"results={tmp_path}"


def test_commas_expand_to_every_combination(monkeypatch, results):
    found = configs(monkeypatch, "-m", results, "method=lora,ia3", "size=4,16", "seed=0,1,2")
    assert len(found) == 2 * 2 * 3
    assert {(cfg.method.name, cfg.size, cfg.seed) for cfg in found} == {
        (method, size, seed) for method in ("lora", "ia3") for size in (4, 16) for seed in (0, 1, 2)
    }


def test_types_of_peft_sweep_beside_named_methods(monkeypatch, results):
    found = configs(monkeypatch, "-m", results, "method=lora,peft/vera,peft/loha", "size=2")
    assert [cfg.method.name for cfg in found] == ["lora", "peft/vera", "peft/loha"]


def test_flag_for_a_sweep_may_stand_anywhere(monkeypatch, results):
    assert len(configs(monkeypatch, results, "-m", "size=4,16")) == 2
    assert len(configs(monkeypatch, results, "size=4,16", "--multirun")) == 2


def test_preset_sweeps_without_being_told_to(monkeypatch, results):
    found = configs(monkeypatch, results, "sweep=quick")
    assert len(found) == 9 * 2
    assert {(cfg.train.steps, cfg.jobs, cfg.task.limit.test) for cfg in found} == {(96, 2, 800)}


def test_command_line_overrides_a_preset(monkeypatch, results):
    found = configs(monkeypatch, results, "sweep=quick", "method=lora", "size=2", "seed=0,1")
    assert [(cfg.method.name, cfg.size, cfg.seed) for cfg in found] == [
        ("lora", 2, 0),
        ("lora", 2, 1),
    ]


def test_what_is_left_out_of_a_sweep_is_counted(monkeypatch, capsys, results):
    out = "leave_out=[{method:ia3,seed:1}]"
    found = configs(monkeypatch, "-m", results, "method=lora,ia3", "seed=0,1", out)
    assert [(cfg.method.name, cfg.seed) for cfg in found] == [("lora", 0), ("lora", 1), ("ia3", 0)]
    assert "left out: 1 of 4 combinations" in capsys.readouterr().out


def test_a_sweep_of_which_nothing_is_left_is_refused(monkeypatch, results):
    with pytest.raises(ConfigError, match="leaves nothing to run"):
        configs(monkeypatch, results, "method=lora", "leave_out=[{method:lora}]")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("method=lorra", "method=lorra: did you mean lora"),
        ("method=peft/verra", "method=peft/verra: did you mean peft/vera"),
        ("task=rotten", "task=rotten: did you mean rotten_tomatoes"),
        ("model=minlm", "model=minlm: did you mean minilm"),
        ("model=zzz", "model=zzz: one of bert_base, bert_tiny, flan_t5_small"),
        ("metod=lora", "metod=lora: is not a known key; did you mean method"),
        ("train.stps=3", "train.stps=3: is not a known key; did you mean steps"),
        ("size=[", r"override=size=\[: "),
    ],
)
def test_unknown_name_is_answered_with_the_nearest(monkeypatch, results, argument, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        configs(monkeypatch, results, argument)


def test_folder_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^results=.*file.*: cannot be written: "):
        configs(monkeypatch, f"results={tmp_path}/file/results")


def test_error_is_one_line_and_a_traceback_only_when_asked(monkeypatch, capsys, results):
    def fail(cfgs: list) -> int:
        raise ConfigError("size", 0, "must be larger")

    for debug in (False, True):
        monkeypatch.setattr(sys, "argv", ["harness", results, f"debug={str(debug).lower()}"])
        assert entry.run(fail) == 1
        told = capsys.readouterr().err
        assert told.splitlines()[-1] == "error: size=0: must be larger"
        assert ("Traceback" in told) == debug


@pytest.mark.parametrize(
    "config_name", ["config", "report", "select", "methods", "compose", "ingest"]
)
def test_help_is_written_for_people(monkeypatch, capsys, config_name):
    monkeypatch.setattr(sys, "argv", ["harness", "--help"])
    with pytest.raises(SystemExit) as stop:
        entry.asked(config_name)
    assert stop.value.code == 0
    told = capsys.readouterr().out
    assert "python -m harness" in told
    assert "Powered by Hydra" not in told
