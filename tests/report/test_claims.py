from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.analysis.claims import SUPPORTED, across, ledger, shipped, with_own
from harness.analysis.study import studies
from harness.entry import compose
from harness.errors import ConfigError
from harness.report import build
from harness.report.__main__ import command
from harness.report.claims import SHOWN, claims
from harness.store import load
from tests import further, records
from tests.report.conftest import HOSTILE, opened


class Rows(HTMLParser):
    """The rows of the ledgers by id: the text of each, its verdict and its trials."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, Any]] = {}
        self._row: dict[str, Any] | None = None
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        attributes = dict(given)
        name = attributes.get("id") or ""
        if tag == "tr":
            self._row = None
            if "claim-" in name:
                self._row = self.rows[name] = {"text": "", "trials": [], "links": []}
        elif self._row is not None:
            kinds = (attributes.get("class") or "").split()
            if tag == "td" and "verdict" in kinds:
                self._row["verdict"] = kinds[-1]
            if "data-trial" in attributes:
                self._row["trials"].append(attributes["data-trial"])
            if tag == "a":
                self._row["links"].append(attributes["href"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            self._row = None

    def handle_data(self, data: str) -> None:
        if self._row is not None:
            self._row["text"] += data


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = [further.measured(row) for row in records.quick(seeds=(0, 1, 2))]
    return records.write(tmp_path_factory.mktemp("claims") / "results", made)


@pytest.fixture(scope="module")
def page(results: Path) -> Path:
    return build(results, results.parent / "reports" / "index.html")


def test_the_page_says_what_the_ledger_says(results: Path, page: Path) -> None:
    (study,) = studies(load(results))
    found = Rows(page).rows
    expected = {f"claim-{row.claim.id}": row for row in ledger(study)}
    expected |= {f"across-claim-{row.claim.id}": row for row in across([study])}
    assert found.keys() == expected.keys()
    for name, row in expected.items():
        text = " ".join(found[name]["text"].split())
        assert found[name]["verdict"] == row.verdict.verdict
        assert row.verdict.verdict in text
        assert row.claim.statement in text
        assert row.claim.source in text
        assert " ".join(row.verdict.evidence.split()) in text
        assert row.verdict.run in text
        assert found[name]["trials"] == list(row.verdict.trials[:SHOWN])
        if row.claim.link:
            assert row.claim.link in found[name]["links"]


def test_the_conclusion_is_told_in_a_sentence(results: Path, page: Path) -> None:
    (study,) = studies(load(results))
    assert f">{ledger(study).conclusion}<" in page.read_text(encoding="utf-8")


def test_links_lead_to_the_records_and_to_the_sources_alone(page: Path) -> None:
    for row in Rows(page).rows.values():
        for link in row["links"]:
            assert re.match(
                r"https://arxiv\.org/abs/\d{4}\.\d{4,5}$|https://huggingface\.co/", link
            ) or ((page.parent / link).is_file())


def test_what_is_decided_stands_first(results: Path, page: Path) -> None:
    (study,) = studies(load(results))
    made = claims(ledger(study), [study], page)
    (ratio,) = (row for row in made.decided if row.id == "merged-lora-no-overhead")
    assert ratio.tested == "no_overhead (which: lora; figure: merged; margin: 0.02)"
    order = [row["verdict"] for row in Rows(page).rows.values()][: len(made.decided)]
    assert "undecided" not in order
    assert all(row.verdict == "undecided" for row in made.undecided)
    assert {name for name, _ in made.rules} == {
        claim.test for claim in shipped() if claim.scope == "study"
    }


def test_several_studies_have_a_ledger_each_and_one_across(tmp_path: Path) -> None:
    made = [row for task in ("one", "two") for row in records.quick(sizes=(8,), task=task)]
    found = Rows(build(records.write(tmp_path / "results", made), tmp_path / "index.html")).rows
    scopes = [claim.scope for claim in shipped()]
    assert len(found) == 2 * scopes.count("study") + scopes.count("studies")
    assert {
        "claim-the-ranking",
        "s2-claim-the-ranking",
        "across-claim-prompt-tuning-needs-scale",
    } <= (found.keys())


def test_a_hostile_claim_of_ones_own_is_text_and_nothing_else(
    results: Path, tmp_path: Path
) -> None:
    own = {
        "id": "mine",
        "statement": f"{HOSTILE} is best.",
        "source": HOSTILE,
        "url": 'https://example.org/?a="><script>alert(2)</script>'.replace(" ", ""),
        "test": "within",
        "arguments": {"which": {"method": ["lora", HOSTILE]}, "figure": "trainable", "least": 1},
        "needs": HOSTILE,
    }
    unknown = own | {"id": "other", "arguments": {"which": HOSTILE, "figure": "trainable"}}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump([own, unknown], allow_unicode=True))
    out = build(results, results.parent / "reports" / "own.html", with_own([path]))
    assert "<script>alert" not in out.read_text(encoding="utf-8")
    found = Rows(out).rows
    assert found["claim-mine"]["verdict"] == SUPPORTED
    assert f"{HOSTILE} is best." in found["claim-mine"]["text"]
    assert f"There is no record of {HOSTILE}." in found["claim-other"]["text"]


@pytest.mark.parametrize("many", [False, True])
def test_the_command_takes_claims_of_ones_own(tmp_path: Path, many: bool) -> None:
    own = {
        "id": "mine",
        "statement": "Mine.",
        "source": "folklore",
        "test": "merges",
        "arguments": {"which": "lora"},
        "needs": "One trial.",
    }
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump([own]))
    results = records.write(tmp_path / "results", [records.record("lora", 8)])
    out = tmp_path / "index.html"
    given = f"claims=[{path}]" if many else f"claims={path}"
    command([compose([f"results={results}", f"out={out}", given], "report")])
    assert Rows(out).rows["claim-mine"]["verdict"] == SUPPORTED
    missing = compose([f"results={results}", f"out={out}", "claims=none.yaml"], "report")
    with pytest.raises(ConfigError, match=r"claims=none.yaml: cannot be read"):
        command([missing])


def test_a_page_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    results = records.write(tmp_path / "results", [])
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"out=.*file.*: cannot be written: "):
        command([compose([f"results={results}", f"out={tmp_path}/file/x.html"], "report")])


def test_no_record_no_ledger(tmp_path: Path) -> None:
    out = build(records.write(tmp_path / "results", []), tmp_path / "index.html")
    assert Rows(out).rows == {}


@pytest.mark.browser
def test_a_phone_reads_the_ledger_without_scrolling_sideways(browser: Any, page: Path) -> None:
    with opened(browser, page, viewport={"width": 390, "height": 844}) as shown:
        table = shown.locator("#claims table").first
        box = table.bounding_box()
        assert 300 < box["width"] <= 390
        evidence = table.locator(".evidence").first.bounding_box()
        assert evidence["width"] > 0.8 * box["width"]
        assert table.locator("tbody [role=rowheader]").count() > 5


@pytest.mark.browser
def test_print_opens_what_is_not_decided(browser: Any, page: Path) -> None:
    with opened(browser, page) as shown:
        row = shown.locator("#claims .open-claims tr").last
        assert not row.is_visible()
        shown.emulate_media(media="print")
        assert row.is_visible()
