"""A page of more studies than a reader draws: stills of the largest, the rest as they come near."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from harness.bench.many import many, write
from harness.errors import ConfigError
from harness.report import build, page, picture, section
from tests.report.conftest import opened

STUDIES = page.FEW + 1


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five studies of one task, each on a model of its own, the largest first."""
    folder = tmp_path_factory.mktemp("many") / "results"
    for place in range(STUDIES):
        write(folder, many(8 - place, 1, f"m{place}", "t"))
    return folder


@pytest.fixture(scope="module")
def many_page(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(results, tmp_path_factory.mktemp("page") / "index.html")


def articles(path: Path) -> list[str]:
    return re.findall(r"<article .*?</article>", path.read_text(encoding="utf-8"), re.DOTALL)


def test_the_largest_studies_have_stills_and_the_others_say_how_to_get_them(
    many_page: Path,
) -> None:
    for place, article in enumerate(articles(many_page)):
        stills = article.count('<svg aria-hidden="true"')
        told = article.count(f"python -m harness.report study.model=m{place} study.task=t out=…")
        pictures = article.count('<div class="still">')
        assert pictures > 10
        if place < page.STILLED:
            assert stills > 10
            assert told == 0
        else:
            assert stills == 0
            assert told == pictures


def test_no_still_is_drawn_and_thrown_away(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []

    def named(chart: object, name: str) -> str:
        names.append(name)
        return "<svg></svg>"

    monkeypatch.setattr(picture.stills, "inline", named)
    monkeypatch.setattr(section.stills, "inline", named)
    build(results, tmp_path / "index.html")
    assert any(name.startswith("still-s3-") for name in names)
    assert not any(name.startswith(("still-s4-", "still-s5-")) for name in names)


def test_a_plot_without_a_still_is_zipped_and_the_same(
    results: Path, many_page: Path, tmp_path: Path
) -> None:
    pattern = r'class="plot-data">([^<]*)</script>'
    (alone,) = articles(build(results, tmp_path / "index.html", model="m4"))
    packed = re.findall(pattern, articles(many_page)[4])
    plain = re.findall(pattern, alone)
    assert len(packed) == len(plain) > 5
    for one, other in zip(packed, plain, strict=True):
        assert json.loads(gzip.decompress(b64decode(one))) == json.loads(other)


def test_a_page_of_one_model_or_task_has_its_studies_and_their_stills(
    results: Path, tmp_path: Path
) -> None:
    (alone,) = articles(build(results, tmp_path / "index.html", model="m4", task="t"))
    assert "Still pictures are of the largest" not in alone
    assert alone.count('<svg aria-hidden="true"') > 10
    assert len(articles(build(results, tmp_path / "index.html", task="t"))) == STUDIES


@pytest.mark.parametrize(("field", "there"), [("model", "m0, m1, m2, m3 and m4"), ("task", "t")])
def test_an_unknown_model_or_task_is_told_what_there_is(
    results: Path, tmp_path: Path, field: str, there: str
) -> None:
    with pytest.raises(ConfigError, match=f"{field}.*nothing.*: {there}"):
        build(results, tmp_path / "index.html", **{field: "nothing"})


@pytest.mark.browser
def test_plots_without_stills_are_drawn_as_a_reader_comes_near(
    browser: Any, many_page: Path
) -> None:
    with opened(browser, many_page) as tab:
        last = tab.locator("#s5-study")
        assert last.locator(".drawn").count() == 0
        figure = last.locator("#s5-trade-memory-figure .picture, #s5-trade-offs .picture").first
        figure.scroll_into_view_if_needed()
        figure.locator(".plot .point").first.wait_for()
        assert last.locator(".unstilled.drawn").count() > 0
        front = last.locator(".front .picture-box")
        front.scroll_into_view_if_needed()
        front.locator(".plot .point").first.wait_for()
        assert last.locator(".still .note:visible").count() == 0
        tab.emulate_media(media="print")
        assert figure.locator(".still .note").is_visible()
        assert not figure.locator(".plot").is_visible()


@pytest.mark.browser
def test_without_javascript_a_sentence_stands_for_each_missing_still(
    browser: Any, many_page: Path
) -> None:
    with opened(browser, many_page, java_script_enabled=False) as tab:
        notes = tab.locator("#s5-study .still .note")
        assert notes.count() > 10
        assert notes.first.is_visible()
