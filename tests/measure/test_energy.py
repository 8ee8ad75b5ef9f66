"""Counters of energy, on made-up machines of known power."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pynvml
import pytest

from harness.measure import energy
from harness.measure.energy import NoCounter, Nvml, Rapl, idle_watts, joules_per_unit, rapl
from harness.phases import energy as phase
from harness.workbench import Workbench

RANGE = 1_000_000  # microjoules


def domain(root: Path, number: str, name: str, microjoules: int = 0) -> Path:
    folder = root / f"intel-rapl:{number}"
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "max_energy_range_uj").write_text(f"{RANGE}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    return folder


class Machine:
    """A clock that runs when it is told to, and counters that draw a known power meanwhile."""

    def __init__(self, watts: dict[Path, float]) -> None:
        self.now = 0.0
        self.watts = watts

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for folder, watts in self.watts.items():
            # As the processor does it: round and round.
            (folder / "energy_uj").write_text(str(round(1e6 * self.now * watts) % RANGE))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Two packages of 2 W and 1 W, whose domains and neighbours are not to be counted."""
    return Machine(
        {
            domain(tmp_path, "0", "package-0"): 2.0,
            domain(tmp_path, "1", "package-1"): 1.0,
            domain(tmp_path, "0:0", "core"): 500.0,
            domain(tmp_path, "2", "psys"): 500.0,
        }
    )


def test_packages_are_summed_and_nothing_else(machine, tmp_path):
    counter = rapl(tmp_path)
    machine.sleep(0.1)
    assert counter.joules() == pytest.approx(0.3)


def test_counters_that_wrap_around_go_on(machine, tmp_path):
    counter = rapl(tmp_path)
    for _ in range(30):  # a package of 2 W wraps around every half second
        machine.sleep(0.3)
        counter.joules()
    assert counter.joules() == pytest.approx(0.3 * 30 * 3)


def test_idle_power_is_energy_over_time(machine, tmp_path):
    found = idle_watts(rapl(tmp_path), 0.4, machine.clock, machine.sleep)
    assert found == pytest.approx(3.0)


def test_known_power_over_known_work_gives_known_joules(machine, tmp_path):
    calls = []

    def work() -> int:
        calls.append(1)
        machine.sleep(0.05)
        return 4

    found = joules_per_unit(rapl(tmp_path), work, 0.3, clock=machine.clock)
    # 3 W for 0.05 s, shared by four requests
    assert found == pytest.approx(3 * 0.05 / 4)
    assert len(calls) == 1 + 6, "one call to warm up, then as many as fill the time"


def test_work_that_is_only_queued_is_waited_for(machine, tmp_path):
    counter, queued = rapl(tmp_path), []

    def synchronize() -> None:
        machine.sleep(0.1 * len(queued))
        queued.clear()

    def work() -> int:
        queued.append(1)
        return 1

    found = joules_per_unit(counter, work, 0.25, synchronize, machine.clock)
    assert found == pytest.approx(3 * 0.1)


def test_machine_without_packages_has_no_counter(tmp_path):
    with pytest.raises(NoCounter, match="no RAPL package in"):
        rapl(tmp_path / "absent")
    domain(tmp_path, "0", "psys")
    with pytest.raises(NoCounter, match="no RAPL package in"):
        rapl(tmp_path)


def test_counter_that_only_root_may_read_is_told(tmp_path, monkeypatch):
    folder = domain(tmp_path, "0", "package-0")
    read = Path.read_text

    def guarded(path: Path) -> str:
        if path.name == "energy_uj":  # chmod would not stop a suite that root runs
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_text", guarded)
    with pytest.raises(NoCounter, match=f"{folder}/energy_uj cannot be read: Permission denied"):
        rapl(tmp_path)


def test_counter_that_stands_still_counts_nothing(tmp_path):
    counter = Rapl([domain(tmp_path, "0", "package-0", microjoules=77)])
    with pytest.raises(NoCounter, match=r"rapl stood still for 0.01 s"):
        idle_watts(counter, 0.01)


def nvml(**answers: object) -> SimpleNamespace:
    """A library of one GPU that has drawn 5 J."""
    found = {
        "NVMLError": pynvml.NVMLError,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetHandleByUUID": lambda uuid: {"GPU-12-34": "the GPU"}[uuid],
        "nvmlDeviceGetTotalEnergyConsumption": lambda handle: {"the GPU": 5000}[handle],
    }
    return SimpleNamespace(**{**found, **answers})


def test_gpu_is_found_by_its_uuid_and_counts_millijoules():
    assert Nvml("GPU-12-34", nvml()).joules() == 5.0


@pytest.mark.parametrize(
    "failing",
    ["nvmlInit", "nvmlDeviceGetHandleByUUID", "nvmlDeviceGetTotalEnergyConsumption"],
)
def test_gpu_without_a_counter_says_why(failing):
    def fail(*_: object) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    with pytest.raises(NoCounter, match="NVML counts no energy of GPU-12-34: Not Supported"):
        Nvml("GPU-12-34", nvml(**{failing: fail}))


def test_without_a_counter_no_model_is_loaded_and_the_reason_is_told(
    trial_of, tmp_path, monkeypatch
):
    def fail(*_: object) -> None:
        raise AssertionError("something was loaded")

    monkeypatch.setattr(energy, "counter_for", lambda uuid: rapl(tmp_path))
    for name in ("base", "fresh", "restored", "training_batches"):
        monkeypatch.setattr(Workbench, name, fail)
    found = phase.run(Workbench(trial_of("device=cpu"), tmp_path))["energy"]
    assert found.pop("reason") == f"no RAPL package in {tmp_path}"
    assert set(found) == {"source", "covers", *phase.FIGURES}
    assert set(found.values()) == {None}


@pytest.mark.network
@pytest.mark.parametrize(("method", "mergeable"), [("lora", True), ("pfeiffer", False)])
def test_every_figure_is_there_where_there_is_a_counter(
    trial_of, tmp_path, monkeypatch, method, mergeable
):
    class Steady:
        source, covers = "steady", "everything"
        drawn = 0.0

        def joules(self) -> float:
            self.drawn += 1.0  # a joule between any two looks
            return self.drawn

    trial = trial_of(
        "sweep=smoke", "size=4", f"method={method}", "device=cpu", "measure.energy_seconds=0.01"
    )
    bench = Workbench(trial, tmp_path)
    bench.save(bench.fresh())
    monkeypatch.setattr(energy, "counter_for", lambda uuid: Steady())
    found = phase.run(Workbench(trial, tmp_path))["energy"]
    assert (found["source"], found["covers"], found["reason"]) == ("steady", "everything", None)
    assert (found["merged_joules_per_request"] is not None) is mergeable
    assert all(found[name] > 0 for name in phase.FIGURES if mergeable or "merged_j" not in name)
    assert found["training_joules_per_example"] <= 1 / 8, "a batch has eight examples"
