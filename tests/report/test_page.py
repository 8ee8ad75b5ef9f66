from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from harness.analysis.study import studies
from harness.errors import ConfigError
from harness.report import build
from harness.report.picture import safe_json
from harness.store import load
from tests import records
from tests.report.conftest import HOSTILE, HOSTILE_FOLDER


class Page(HTMLParser):
    """What a browser would make of the page: elements, ids, scripts and shown text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._script = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        self._script = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if not self._script:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def built(folder: Path, made: list[dict]) -> Page:
    results = records.write(folder / "results", made)
    return Page(build(results, folder / "reports" / "index.html"))


def test_records_that_could_not_be_read_are_counted_and_named_as_text(sweep_page, tmp_path):
    page = Page(sweep_page)
    assert "unreadable" in [attributes.get("id") for attributes in page.all("section")]
    text = " ".join(page.text)
    assert "1 of the records" in text
    told = f"{HOSTILE_FOLDER}/record.json: trial={HOSTILE}: must be a plain name"
    assert told.replace("\u2028", "\\u2028") in text
    assert not page.all("img")
    without = built(tmp_path, [records.record()])
    assert "unreadable" not in [attributes.get("id") for attributes in without.all("section")]


def test_the_page_is_one_file_that_asks_for_no_other(sweep_page: Path) -> None:
    page = Page(sweep_page)
    assert not page.all("link")
    assert not page.all("iframe")
    assert not [a for _, a in page.elements if "src" in a]
    policy = next(a["content"] for a in page.all("meta") if "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    for link in page.all("a"):
        beside = ("index-methods.csv", "index-methods.tex")
        own = link["href"].startswith(("#", "../results/", "https://"))
        assert own or link["href"] in beside


def test_links_and_ids_hold_together(sweep_page: Path) -> None:
    page = Page(sweep_page)
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        target = link["href"]
        if target.startswith("#"):
            assert target[1:] in ids
        elif not target.startswith("https://"):
            assert (sweep_page.parent / target).is_file()


def test_a_hostile_label_is_text_and_nothing_else(sweep_page: Path) -> None:
    page = Page(sweep_page)
    assert len(page.all("script")) == 21  # own, library, the study, eighteen figures
    shown = "".join(page.text)
    # Name, reasons, texts of the forgetting, failure: wherever a record's words are shown.
    assert shown.count(HOSTILE) > 10
    assert not any(key.startswith("on") for _, attributes in page.elements for key in attributes)


def test_embedded_json_cannot_end_its_script() -> None:
    text = safe_json({"</script>": "<!-- & \u2028\u2029"})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {"</script>": "<!-- & \u2028\u2029"}


def test_every_finished_trial_is_found_in_the_table(tmp_path: Path) -> None:
    made = records.quick((0, 1), sizes=(8,))
    rows = [a["data-trial"] for a in built(tmp_path, made).all("tr") if "data-trial" in a]
    assert sorted(" ".join(rows).split()) == sorted(m["trial"] for m in made)


def test_the_still_lies_beside_the_page(sweep_page: Path) -> None:
    for suffix in ("svg", "png"):
        assert sweep_page.with_name(f"index-triangle.{suffix}").stat().st_size > 10_000


def test_headings_are_not_skipped_and_columns_have_scope(sweep_page: Path) -> None:
    page = Page(sweep_page)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert all(a.get("scope") in ("col", "row") for a in page.all("th"))
    assert all(a.get("aria-label") for _, a in page.elements if a.get("role") == "img")


def test_several_studies_are_parts_of_one_page(tmp_path: Path) -> None:
    made = [m for task in ("one", "two") for m in records.quick(sizes=(8,), task=task)]
    page = built(tmp_path, made)
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    assert len(page.all("article")) == 2
    assert {"triangle", "s2-triangle"} <= set(ids)


def test_a_study_without_the_further_measurements_says_so_in_three_sentences(
    tmp_path: Path,
) -> None:
    page = built(tmp_path, records.quick(sizes=(8,)))
    shown = "".join(page.text)
    for words in ("Capacity in bits", "Forgetting", "Serving"):
        assert f"{words} was not measured: not recorded." in shown
    assert "the quality gained over the floor stands in for them" in shown
    assert "No peak of memory was predicted: not recorded." in shown
    assert len(page.all("script")) == 14  # own, library, the study, eleven figures
    headers = [a.get("title") for a in page.all("th")]
    assert not any("nats" in title or "random labels" in title for title in headers if title)


def test_the_triangles_note_says_that_capacity_is_bits(sweep_page: Path) -> None:
    shown = "".join(Page(sweep_page).text)
    assert "Capacity is the bits of random labels that are held, on a log scale." in shown
    assert "bits held on a log scale, the fewest 0 (of those that hold any), the most 1" in shown


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ([], "There is no record"),
        ([records.failed("timeout", "too slow", method="lora", size=8)], "No trial finished"),
        ([records.record("lora", 8)], "lora 8 has the best accuracy"),
        ([records.record("lora", 8, quality=None)], "No trial has a quality"),
        (
            [
                records.record("lora", 8)
                | dict.fromkeys(("parameters", "memory", "latency", "training", "merge"))
            ],
            "Nothing can be concluded",
        ),
    ],
    ids=["no records", "none finished", "one", "no quality", "only quality"],
)
def test_little_to_show_is_shown_as_little(tmp_path: Path, made: list[dict], said: str) -> None:
    assert said in "".join(built(tmp_path, made).text)


def test_what_failed_is_listed_with_its_reason(sweep_page: Path) -> None:
    shown = "".join(Page(sweep_page).text)
    assert "lora 512, seed 0" in shown
    assert "diverged" in shown


def test_what_was_skipped_is_told_apart_from_what_failed_and_has_no_row(
    sweep_page: Path,
) -> None:
    page = Page(sweep_page)
    shown = "".join(page.text)
    failed, skipped = shown.split("What was skipped")
    assert "needs 9.1 GiB by the plan; max_memory is 8 GiB" not in failed
    assert "lora 4096, seed 0" in skipped
    assert "1 more trial failed; 1 trial left out beforehand." in shown
    skip = next(
        m for m in load(sweep_page.parent.parent / "results").itertuples() if m.size == 4096
    )
    assert sum(skip.trial in (a.get("data-trial") or "") for a in page.all("tr")) == 1


def test_no_results_folder_is_an_error_at_the_door(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="results"):
        build(tmp_path / "nowhere", tmp_path / "index.html")


def test_a_rebuild_of_the_same_records_is_the_same_page(sweep_page: Path) -> None:
    results = sweep_page.parent.parent / "results"
    before = sweep_page.read_bytes()
    assert build(results, sweep_page).read_bytes() == before


@pytest.mark.slow
def test_two_thousand_records_take_seconds(tmp_path: Path) -> None:
    made = records.quick(seeds=tuple(range(3)), sizes=tuple(range(1, 129)))
    assert len(made) > 1900
    results = records.write(tmp_path / "results", made)
    started = time.perf_counter()
    out = build(results, tmp_path / "index.html")
    assert time.perf_counter() - started < 60
    assert out.stat().st_size < 30e6


def test_a_method_that_stores_nothing_has_its_place_on_the_axis_of_bytes(tmp_path: Path) -> None:
    made = [*records.quick(), records.record("head", seed=1, parameters__file_bytes=0)]
    made[1]["parameters"]["file_bytes"] = 0  # the other seed of the head
    page = build(records.write(tmp_path / "results", made), tmp_path / "index.html")
    (found,) = studies(load(tmp_path / "results"))
    assert found.floor is not None
    assert found.floor["file_bytes"].value == 0
    assert "stored bytes" in page.read_text()
