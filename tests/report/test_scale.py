"""What must not grow with the number of records, counted rather than timed."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from harness import reading
from harness.bench.many import many, write
from harness.report import build, page, stills
from harness.report.capacity import capacity
from harness.report.charts import Scatter, Ternary
from harness.report.figures import triangle
from harness.report.planes import sizes, trade_offs
from harness.report.prediction import peaks, prediction
from harness.report.subject import MOST, Subject
from tests import further, records
from tests.report.conftest import MakeSubject


@pytest.fixture
def crowded(make_subject: MakeSubject) -> Subject:
    """A study of which at most 40 configurations are drawn."""
    rows = [further.measured(row) for row in records.quick(seeds=(0, 1), sizes=tuple(range(1, 31)))]
    made = [records.predicted(row, 1 + 0.001 * place, 1.01) for place, row in enumerate(rows)]
    return Subject(make_subject(made).study, 40)


def test_each_file_of_a_record_is_opened_once_for_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = records.write(tmp_path / "results", records.quick(seeds=(0, 1)))
    opened: Counter[str] = Counter()
    plain = reading.read_bytes

    def counted(path: Path) -> bytes:
        opened[f"{path.parent.name}/{path.name}"] += 1
        return plain(path)

    monkeypatch.setattr(reading, "read_bytes", counted)
    build(results, tmp_path / "index.html")
    trials = [folder.name for folder in results.iterdir()]
    for name in ("record.json", "outcomes.json"):
        assert {opened[f"{trial}/{name}"] for trial in trials} == {1}


def test_marks_are_capped_and_the_caption_says_so(crowded: Subject) -> None:
    assert len(crowded.entries) > 100
    for figure in (triangle(crowded), *trade_offs(crowded), sizes(crowded), capacity(crowded)):
        assert isinstance(figure.chart, Scatter | Ternary)
        assert len(figure.chart.marks) <= 40
        assert f"Shown are 40 of {len(crowded.entries)} configurations" in figure.caption
        svg = stills.inline(figure.chart, figure.name)
        assert len(svg) < 60_000


def test_the_best_the_fronts_and_every_method_are_among_the_drawn(crowded: Subject) -> None:
    drawn = {entry.label for entry in crowded.drawn}
    assert crowded.best is not None
    assert crowded.best.label in drawn
    assert {entry.method for entry in crowded.drawn} == {e.method for e in crowded.entries}
    for figure in ("train_memory", "unmerged", "trainable"):
        assert {entry.label for entry in crowded.on_front(figure)} <= drawn


def test_of_the_predicted_peaks_the_worst_are_shown(crowded: Subject) -> None:
    n = len(crowded.predicted)
    assert f"Shown are the 40 worst of {n:,}." in prediction(crowded).caption
    errors = [abs(float(row.cells[2].text.replace("−", "-"))) for row in peaks(crowded).rows]
    assert len(errors) == 40
    worst = sorted((100 * abs(one.error) for one in crowded.predicted), reverse=True)[:40]
    assert errors == pytest.approx(worst, abs=0.051)


def test_where_all_are_drawn_nothing_is_said_of_it(make_subject: MakeSubject) -> None:
    subject = make_subject(records.quick())
    assert len(subject.entries) < MOST
    assert subject.drawn == list(subject.entries)
    assert subject.drawn_words == ""


def test_a_further_configuration_adds_little_to_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond what is drawn and the rows that stand in the page it adds its figures."""
    monkeypatch.setattr(page, "MOST", 40)
    monkeypatch.setattr(page, "AT_ONCE", 40)
    sizes = []
    for configurations in (100, 200):
        folder = tmp_path / str(configurations)
        write(folder / "results", many(configurations, 1, "m", "t"))
        sizes.append(build(folder / "results", folder / "index.html").stat().st_size)
    assert (sizes[1] - sizes[0]) / 100 < 2_000


def test_a_still_keeps_the_digits_of_a_name(make_subject: MakeSubject) -> None:
    made = [
        records.record(
            "lora", 8, config__train__learning_rate=rate, quality__value=quality,
            memory__train__allocated_peak=peak,
        )
        for rate, quality, peak in ((1e-4, 0.6, 2e8), (0.00125, 0.8, 3e8))
    ]  # fmt: skip
    svg = stills.inline(trade_offs(make_subject(made))[0].chart, "still")
    assert "learning_rate=0.00125" in svg
    assert not re.search(r' (?:x|y|d)="[^"]*\d\.\d{3}', svg)
