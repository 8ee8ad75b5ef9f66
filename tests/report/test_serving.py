from __future__ import annotations

from pathlib import Path

from harness.report.serving import caption, served, serving
from tests import further, records
from tests.report.conftest import MakeSubject


def sweep(**changes: object) -> list[dict]:
    made = [further.measured(m) for m in records.quick()]
    for row in made:
        for key, value in changes.items():
            if row["serving"]["adapters"]:
                records.change(row, key, value)
    return made


def test_the_caption_says_what_many_adapters_cost_and_what_a_mixed_batch_gains(
    make_subject: MakeSubject,
) -> None:
    told = caption(make_subject(sweep())).replace("\u00a0", " ")
    # 87 MiB and 100 adapters of 4 × 384 × 4 or 9312 × 16 × 4 bytes; 100 × 87 MiB.
    assert told.startswith(
        "100 adapters on one base take 87.6 MiB (prompt_tuning 4) to 144 MiB (houlsby 16), "
        "100 full models 8.50 GiB."
    )
    assert "Switching takes 0.600 ms." in told
    assert "lora 16 and lora 4 answer 2.80× to 2.81× as many requests as one adapter" in told
    assert "0.67× as many as a merged model" in told


def test_a_gain_that_may_be_none_is_owned_up_to(make_subject: MakeSubject) -> None:
    ratio = {"value": 1.02, "ci_low": 0.97, "ci_high": 1.06}
    made = [further.measured(records.record("lora", 8))]
    made[0]["serving"]["mixed_over_one_at_a_time"] = ratio
    assert caption(make_subject(made)).endswith("For lora 8 the gain may be none.")


def test_where_nothing_mixes_the_reason_is_told(make_subject: MakeSubject) -> None:
    made = [further.measured(records.record("houlsby", 8))]
    assert caption(make_subject(made)).endswith(
        "None answers several adapters in one batch: "
        "peft has no batches of several adapters for this type."
    )


def test_the_forest_has_a_group_per_comparison(make_subject: MakeSubject) -> None:
    chart = serving(make_subject(sweep())).chart
    rows = {title: {row.label for row in group} for title, group in chart.groups}
    assert rows == {
        "Mixed / one at a time": {"lora 4", "lora 16"},
        "Mixed / merged": {"lora 4", "lora 16"},
        "One at a time / merged": {"lora 4", "lora 16", "ia3"},
    }
    assert chart.neutral == 1.0


def test_the_table_holds_bytes_beside_full_models(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    made = served(make_subject(sweep()), tmp_path / "index.html")
    titles = [column.title for column in made.columns]
    row = next(row for row in made.rows if row.label == "lora 16")
    cells = dict(zip(titles, row.cells, strict=True))
    assert cells["Further adapter"].order == 4 * 9216 * 16
    assert cells["100 adapters"].order == 87 * 2**20 + 100 * 4 * 9216 * 16
    assert cells["100 full models"].text == "8.50"
    assert cells["Switch"].text == "0.600"
    assert cells["Mixed / merged"].text == "0.67×"
    assert cells["Mixed error"].order == 2e-6
    houlsby = next(row for row in made.rows if row.label == "houlsby 16")
    mixed = houlsby.cells[titles.index("Mixed / one at a time")]
    assert mixed.reason.startswith("peft has no batches")
    merged = houlsby.cells[titles.index("Mixed / merged")]
    assert merged.reason == "its modules are not linear in the weights"
    assert {row.label for row in made.rows}.isdisjoint({"full", "head", "bitfit"})


def test_measured_for_nobody_is_one_sentence_and_no_table(
    make_subject: MakeSubject, tmp_path: Path
) -> None:
    subject = make_subject([records.record("lora", 8, serving={"reason": "no memory left"})])
    assert serving(subject).chart is None
    assert serving(subject).caption == "Serving was not measured: no memory left."
    assert served(subject, tmp_path / "index.html").rows == ()
