"""A folder of published files: what counts, what gives way, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import ConfigError, Unreadable
from harness.ingest.folder import ingest
from harness.ingest.published import LARGEST
from harness.store import load
from tests import published, records

LATER, LATEST = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+01:00"


def written(results: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.parent.name: (path.stat().st_mtime_ns, path.read_bytes())
        for path in results.glob("*/record.json")
    }


def test_every_published_run_becomes_a_record_and_a_second_time_changes_nothing(tmp_path):
    folder, results = published.everything(tmp_path / "json"), tmp_path / "results"
    first = ingest(folder, results)
    assert len(first.records) == len(published.ROWS) >= 60
    assert not first.refused
    assert not first.superseded
    before = written(results)
    assert ingest(folder, results) == first
    assert written(results) == before
    frame = load(results)
    assert set(frame["origin.run"]) == set(published.ROWS)


def test_same_content_in_two_files_and_another_order_of_keys_is_one_record(tmp_path):
    content = published.result()
    turned = dict(reversed(content.items()))
    folder = published.write(tmp_path / "json", {"a.json": content, "b.json": turned})
    found = ingest(folder, tmp_path / "results")
    assert len(found.records) == 1
    assert not found.superseded


def test_latest_run_counts_and_the_others_are_named(tmp_path):
    runs = {
        "results/a.json": published.result(),
        "results/c.json": published.result(run_info__created_at=LATEST),
        "temporary_results/b.json": published.result(run_info__created_at=LATER),
    }
    for name, content in runs.items():
        published.write(tmp_path / "json" / Path(name).parent, {Path(name).name: content})
    found = ingest(tmp_path / "json", tmp_path / "results")
    (kept,) = found.records
    assert kept["origin"]["created_at"] == LATEST
    assert kept["origin"]["file"] == "results/c.json"
    earlier = published.result()["run_info"]["created_at"]
    assert {one.created_at for one in found.superseded} == {earlier, LATER}
    assert {one.by for one in found.superseded} == {LATEST}


@pytest.mark.parametrize(
    "changes", [{"train_info__status": "canceled"}, {"run_info__peft_branch": "try-this"}]
)
def test_later_run_that_was_cancelled_or_of_a_branch_replaces_none_that_counts(tmp_path, changes):
    later = published.result(run_info__created_at=LATEST, **changes)
    folder = published.write(
        tmp_path / "json", {"a.json": published.result(), "cancelled.json": later}
    )
    found = ingest(folder, tmp_path / "results")
    assert [record["origin"]["created_at"] for record in found.records] != [LATEST]
    assert len(found.records) == 1


def test_changed_file_is_another_record_in_place_of_the_earlier_run(tmp_path):
    results = records.write(tmp_path / "results", [records.record()])
    own = set(written(results))
    folder = published.write(tmp_path / "json", {"a.json": published.result()})
    (first,) = ingest(folder, results).records
    published.write(folder, {"a.json": published.result(run_info__created_at=LATER)})
    again = ingest(folder, results)
    (second,) = again.records
    assert second["trial"] != first["trial"]
    assert [one.by for one in again.superseded] == [LATER]
    assert set(written(results)) == own | {second["trial"]}
    # The earlier file alone changes nothing any more.
    published.write(folder, {"a.json": published.result()})
    assert ingest(folder, results).records == ()
    assert set(written(results)) == own | {second["trial"]}


def test_what_is_corrupt_in_the_results_is_told_and_written_anew(tmp_path):
    results = records.write(tmp_path / "results", [records.record()])
    folder = published.write(tmp_path / "json", {"a.json": published.result()})
    (first,) = ingest(folder, results).records
    for path in results.glob("*/record.json"):
        path.write_text("{")
    with pytest.warns(Unreadable) as told:
        assert ingest(folder, results).records == (first,)
    assert sorted(str(warning.message).rpartition("; ")[2] for warning in told) == [
        "left out", "left out", "set aside as record.json.corrupt-1",
    ]  # fmt: skip
    with pytest.warns(Unreadable):
        assert list(load(results)["trial"]) == [first["trial"]]


BAD = {
    "not JSON": ("{", "content"),
    "a list": ("[]", "content"),
    "no number": (json.dumps(published.result()).replace("36715216", "NaN"), "content"),
    "deep": ("[" * 100_000, "content"),
    "large": (" " * (LARGEST + 1), "size"),
    "another file": ('{"dependencies": {}}', "run_info"),
    "image-gen": (published.result(meta_info__dataset_info={"sha": "x"}),
                  "meta_info.dataset_info"),
    "no rate": (published.result(run_info__train_config__optimizer_kwargs={}),
                "run_info.train_config.optimizer_kwargs.lr"),
    "no date": (published.result(run_info__created_at="yesterday"), "run_info.created_at"),
    "name": (published.result(run_info__experiment_name="a\x1b[2J"), "run_info.experiment_name"),
    "status": (published.result(train_info__status="fine"), "train_info.status"),
    "memory": (published.result(train_info__accelerator_memory_max=-1),
               "train_info.accelerator_memory_max"),
    "text": (published.result(train_info__file_size="36715216"), "train_info.file_size"),
    "type": (published.result(run_info__peft_config__peft_type="../../x"),
             "run_info.peft_config.peft_type"),
    "size": (published.result(run_info__peft_config__r=0), "run_info.peft_config.r"),
    "accuracy": (published.result(**{"train_info__metrics__1__test accuracy": 0.48}),
                 "train_info.metrics.test accuracy"),
    "no test": (published.result(train_info__metrics=[]), "train_info.metrics.test accuracy"),
    "loss": (published.result(**{"train_info__metrics__1__train loss": None}),
             "train_info.metrics.train loss"),
}  # fmt: skip


def test_bad_files_are_refused_by_field_and_the_rest_is_read(tmp_path):
    folder = published.write(tmp_path / "json", {"good.json": published.result()})
    for name, (content, _) in BAD.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text, "utf-8")
    found = ingest(folder, tmp_path / "results")
    assert [record["origin"]["file"] for record in found.records] == ["good.json"]
    refused = {one.file.removesuffix(".json"): one.field for one in found.refused}
    assert refused == {name: field for name, (_, field) in BAD.items()}
    assert all(one.reason and len(one.reason) < 300 for one in found.refused)


@pytest.mark.parametrize("folder", ["missing", "."])
def test_folder_without_results_is_an_error(tmp_path, folder):
    with pytest.raises(ConfigError, match=r"^folder="):
        ingest(tmp_path / folder, tmp_path / "results")


def test_results_that_are_a_file_are_an_error(tmp_path):
    folder = published.write(tmp_path / "json", {"a.json": published.result()})
    with pytest.raises(ConfigError, match=r"^results=.*a\.json: is no folder"):
        ingest(folder, folder / "a.json")
