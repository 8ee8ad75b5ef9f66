from __future__ import annotations

from pathlib import Path

import pytest

from harness.report.table import Row, Table, table
from tests import further, records
from tests.report.conftest import MakeSubject


def cell(made: Table, label: str, title: str) -> object:
    (row,) = (row for row in made.rows if row.label == label)
    return row.cells[[column.title for column in made.columns].index(title)]


def row(made: Table, label: str) -> Row:
    return next(row for row in made.rows if row.label == label)


def test_figures_stand_with_interval_unit_and_order(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    made = records.record(
        "lora", 8, quality__value=0.786, quality__ci_low=0.7604, quality__ci_high=0.8111,
        memory__train__allocated_peak=200 * 2**20, parameters__trainable=74_498,
    )  # fmt: skip
    shown = table(make_subject([made]), tmp_path / "index.html")
    accuracy = cell(shown, "lora 8", "Accuracy")
    assert (accuracy.text, accuracy.below, accuracy.order) == ("78.6", "76.0–81.1", 0.786)
    assert cell(shown, "lora 8", "Training peak").text == "200"
    assert cell(shown, "lora 8", "Trained").text == "74.5k"
    units = {column.title: column.unit for column in shown.columns}
    assert (units["Accuracy"], units["Training peak"]) == ("points", "MiB")


def test_a_null_is_a_dash_with_its_reason(make_subject: MakeSubject, tmp_path: Path) -> None:
    shown = table(make_subject(records.quick()), tmp_path / "index.html")
    merged = cell(shown, "houlsby 16", "Merged")
    assert (merged.text, merged.order) == ("–", None)
    assert merged.reason == "its modules are not linear in the weights"
    assert cell(shown, "head", "Over floor").reason == "it is the floor"


def test_floor_ceiling_and_unstable_rows_are_marked(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    made = [*records.quick(), records.record("vera", 2, latency__stable=False)]
    shown = table(make_subject(made), tmp_path / "index.html")
    tags = {r.label: [word for word, _ in r.tags] for r in shown.rows if r.tags}
    assert tags == {"head": ["floor"], "full": ["ceiling"], "vera 2": ["unstable"]}


def test_a_shared_rank_says_with_whom(make_subject: MakeSubject, tmp_path: Path) -> None:
    made = [
        records.record("lora", 8, quality__value=0.780),
        records.record("houlsby", 8, quality__value=0.779),
        records.record("ia3", 8, quality__value=0.600),
    ]
    shown = table(make_subject(made), tmp_path / "index.html")
    assert [r.rank.text for r in shown.rows] == ["1=", "1=", "3"]
    assert shown.rows[1].rank.reason.startswith("tied with lora 8: −0.1 points, paired")


def test_rows_lead_to_the_records_of_all_their_seeds(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    out = tmp_path / "reports" / "deep" / "index.html"
    made = [records.record("lora", 8, seed) for seed in (0, 1)]
    only = row(table(make_subject(made), out), "lora 8")
    assert set(only.trials.split()) == {m["trial"] for m in made}
    for link in only.records:
        assert (out.parent / link.href).resolve() == (
            tmp_path / "results" / link.trial / "record.json"
        )


def test_capacity_forgetting_and_time_to_floor_have_columns_where_known(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    made = [further.measured(row) for row in records.quick()]
    shown = table(make_subject(made), tmp_path / "index.html")
    titles = [column.title for column in shown.columns]
    assert titles[:4] == ["Accuracy", "Over floor", "Capacity", "Forgetting"]
    assert "Prefill" not in titles
    full = cell(shown, "full", "Capacity")
    assert (full.text, full.below) == ("≥\u00a016,400", "")
    lora = cell(shown, "lora 4", "Capacity")
    assert lora.below == "2,840–3,140"
    assert cell(shown, "head", "Capacity").text == "0"
    assert cell(shown, "lora 4", "Forgetting").text == "+0.021"
    floor = next(row for row in made if row["method"] == "head")["quality"]["validation"]
    training = next(row for row in made if row["method"] == "lora")["training"]
    steps = [point["step"] for point in training["curve"] if point["validation"] >= floor]
    expected = steps[0] * training["seconds_per_step"]["median_ms"] / 1000
    assert cell(shown, "lora 4", "To floor").order == pytest.approx(expected)
    assert cell(shown, "head", "To floor").reason == "it is the floor"


def test_a_generator_has_columns_for_prefill_and_decode(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    made = records.record("lora", 8)
    made["latency"]["generation"] = further.generation(1.2, 1.1)
    shown = table(make_subject([made, records.record("full")]), tmp_path / "index.html")
    assert cell(shown, "lora 8", "Prefill").text == "1.20×"
    assert cell(shown, "lora 8", "Decode").text == "1.10×"
    assert cell(shown, "full", "Decode").reason == "not recorded"


def test_rows_measured_on_a_busy_machine_are_marked(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    made = further.measured(records.record("lora", 8))
    made["environment"]["busy"] = True
    made["training"]["stable"] = False
    (only,) = table(make_subject([made]), tmp_path / "index.html").rows
    assert [word for word, _ in only.tags] == ["unstable", "busy machine"]
    assert only.tags[0][1].endswith("training speed")
