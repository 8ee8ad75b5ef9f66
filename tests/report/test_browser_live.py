"""What a reader can do to the page: constraints, filter, weights, sort, download. What its scripts
work out is held to what Python works out of the same records.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.analysis import numbers
from harness.analysis.choice import choose
from harness.analysis.constraints import LIMITS, NEEDS, PREFERENCES, Constraints
from harness.analysis.resampling import win_shares
from harness.analysis.study import studies
from harness.report import build, export
from harness.report.data import study_data
from harness.report.page import AT_ONCE
from harness.report.subject import Subject
from harness.report.table import table
from harness.store import load
from tests import further, records
from tests.report.conftest import HOSTILE, opened

pytestmark = pytest.mark.browser

READY = ".constraints:not([hidden])"
SETS = 250


def live_records() -> list[dict[str, Any]]:
    """With gaps: something without latencies, something without memory, something hostile."""
    made = [further.measured(row) for row in records.quick(seeds=(0, 1, 2), sizes=(2, 8, 32))]
    made += [records.record("lora", 64, seed, latency=None) for seed in (0, 1)]
    made += [records.record("pfeiffer", 64, memory=None)]
    made += [records.record("houlsby", 64, quality__value=None)]
    return [*made, records.record(f"={HOSTILE}", 8, family=HOSTILE)]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Subject]:
    folder = tmp_path_factory.mktemp("live")
    results = records.write(folder / "results", live_records())
    (study,) = studies(load(results))
    return build(results, folder / "reports" / "index.html"), Subject(study)


@pytest.fixture(scope="module")
def shared(browser: Any, live: tuple[Path, Subject]) -> Iterator[Any]:
    """One page for the tests that only ask its functions."""
    with opened(browser, live[0], READY) as page:
        yield page


def limit(page: Any, name: str, kind: str = "number") -> Any:
    return page.locator(f".limit[data-limit={name}] input[type={kind}]")


def constraints(rng: np.random.Generator, subject: Subject) -> Constraints:
    """Bounds from below the least to above the most that was measured."""
    asked: dict[str, Any] = {}
    for name, figure in LIMITS.items():
        known = [e[figure].value for e in subject.entries if e[figure].known]
        if rng.random() < 0.35:
            value = rng.choice(known) if rng.random() < 0.5 else rng.uniform(0.8, 1.1) * max(known)
            if value > 0:
                asked[name] = float(value)
    needs = tuple(need for need in NEEDS if rng.random() < 0.2)
    return Constraints(**asked, needs=needs, prefer=str(rng.choice(PREFERENCES)))


def asked_of(page: Any, sets: list[Constraints]) -> list[dict[str, Any]]:
    plain = [
        {
            "limits": {n: v for n in LIMITS if (v := getattr(one, n)) is not None},
            "needs": list(one.needs),
            "prefer": one.prefer,
        }
        for one in sets
    ]
    script = """sets => sets.map(set => {
        const found = choose([...studies.values()][0], set);
        return { ...found, wins: [...found.wins] };
    })"""
    return page.evaluate(script, plain)


def resamples(data: dict[str, Any]) -> NDArray[np.float64]:
    """(resamples, entries), NaN where unknown."""
    packed = data["resamples"]
    codes = np.frombuffer(base64.b64decode(packed["codes"]), f"<u{packed['bytes']}")
    codes = codes.reshape(packed["count"], -1).astype(float)
    codes[codes == 2 ** (8 * packed["bytes"]) - 1] = np.nan
    return codes


def wins(subject: Subject, codes: NDArray[np.float64], data: Any, one: Constraints) -> Any:
    """In how many resamples each entry wins, by the analysis."""
    out = {o.entry.label for o in choose(subject.study, replace(one, min_quality=None)).ruled_out}
    allowed = np.array([entry.label not in out for entry in subject.entries])
    step = data["resamples"]["step"]
    least = None if one.min_quality is None else one.min_quality - step / 2
    cost = None
    if one.prefer != "quality":
        sign = -1 if one.preferred == "capacity" else 1
        values = [entry[one.preferred].value for entry in subject.entries]
        cost = sign * np.array([np.nan if value is None else value for value in values])
    qualities = (data["resamples"]["low"] + codes) * step
    return len(codes) * win_shares(qualities, allowed, True, least, cost)


def test_the_page_picks_and_rules_out_what_python_does(
    shared: Any, live: tuple[Path, Subject]
) -> None:
    subject = live[1]
    labels = [entry.label for entry in subject.entries]
    rng = np.random.default_rng(5)
    sets = [constraints(rng, subject) for _ in range(SETS)]
    answered = nothing = 0
    for one, found in zip(sets, asked_of(shared, sets), strict=True):
        choice = choose(subject.study, one)
        by = {
            labels[out["entry"]]: [
                ("needs" if v["by"] in NEEDS else v["by"], v["value"]) for v in out["violations"]
            ]
            for out in found["ruledOut"]
        }
        assert by == {
            o.entry.label: [
                (v.constraint, None if v.limit is None else v.value) for v in o.violations
            ]
            for o in choice.ruled_out
        }
        if choice.pick is None:
            nothing += 1
            assert found["pick"] is None
            assert choice.relaxed_for is not None
            assert labels[found["nearest"]["entry"]] == choice.relaxed_for.label
            continue
        answered += 1
        assert labels[found["pick"]] == choice.pick.label
        if one.prefer != "quality":
            assert [labels[i] for i in found["ties"]] == [e.label for e, _ in choice.ties]
            assert [labels[i] for i in found["runnersUp"]] == [e.label for e in choice.runners_up]
    assert answered > SETS / 5
    assert nothing > SETS / 10


def test_how_sure_a_pick_is_comes_from_the_same_resamples(
    shared: Any, live: tuple[Path, Subject]
) -> None:
    out, subject = live
    data = study_data(subject, out)
    codes = resamples(data)
    rng = np.random.default_rng(6)
    sets = [Constraints(), *(constraints(rng, subject) for _ in range(40))]
    sets += [replace(one, prefer="quality") for one in sets]
    compared = 0
    for one, found in zip(sets, asked_of(shared, sets), strict=True):
        assert found["wins"] == pytest.approx(list(wins(subject, codes, data, one)))
        if one.prefer == "quality" and found["pick"] is not None:
            beaten = (codes[:, [found["pick"]]] > codes).mean(axis=0)
            kept = set(range(len(subject.entries))) - {o["entry"] for o in found["ruledOut"]}
            tied = {i for i in kept if beaten[i] < 0.975} - {found["pick"]}
            assert set(found["ties"]) == tied
            compared += 1
    assert compared > 20


def test_numbers_look_as_python_writes_them(shared: Any) -> None:
    rng = np.random.default_rng(7)
    values = [0.0, 0.5, 1.0, 2.5, 0.125, 0.375, 1234.5, 1225.0, 1235.0, 999.5, 9995.0, 99.95, 59.95]
    values += [*(2.0 ** np.arange(-3, 45)), *(10.0 ** np.arange(-6, 14)), 1.005, 0.0015, 9.995e-5]
    values += [*(10 ** rng.uniform(-6, 12, 500)), *(rng.integers(0, 2**20, 200) / 8.0)]
    signed = [*values, *(-v for v in values if v)]
    of = {
        "significant": (numbers.significant, signed),
        "points": (numbers.points, signed),
        "signedPoints": (numbers.signed_points, signed),
        "nats": (numbers.nats, signed),
        "seconds": (numbers.seconds, values),
        "ratio": (numbers.ratio, values),
        "count": (numbers.count, values),
        "bytes": (numbers.in_bytes, values),
    }
    for name, (show, some) in of.items():
        plain = [float(v) for v in some]
        found = shared.evaluate("([name, some]) => some.map(v => formats[name](v))", [name, plain])
        assert found == [show(v) for v in plain], name
    names = ["short", "e" * 32, "e" * 33, f"{'e' * 30} {'e' * 9}", "😀" * 33]
    assert shared.evaluate("names => names.map((it) => shortened(it))", names) == [
        numbers.shortened(name) for name in names
    ]


def test_what_is_told_of_a_mark_is_what_python_tells(
    shared: Any, live: tuple[Path, Subject]
) -> None:
    script = """() => { const study = [...studies.values()][0];
        return study.labels.map((_, entry) => toldOf(study, entry)); }"""
    assert shared.evaluate(script) == [list(live[1].hover(e)) for e in live[1].entries]


def test_a_slider_rules_out_and_all_plots_and_tables_fade(
    browser: Any, live: tuple[Path, Subject]
) -> None:
    out, subject = live
    with opened(browser, out) as page:
        number, slider = limit(page, "max_train_memory"), limit(page, "max_train_memory", "range")
        slider.focus()
        for _ in range(12):
            page.keyboard.press("ArrowLeft")
        bound = float(number.input_value()) * 2**20
        choice = choose(subject.study, Constraints(max_train_memory=bound))
        out_now = {o.entry.label for o in choice.ruled_out}
        assert 5 < len(out_now) < len(subject.entries)
        assert page.locator(".constraints .pick .label").inner_text() == choice.pick.label
        rows = page.locator("#methods tbody tr.faded").evaluate_all(
            "rows => rows.map(row => Number(row.dataset.entry))"
        )
        assert {subject.entries[i].label for i in rows} == out_now
        for name in ("triangle", "trade-memory", "sizes", "merging", "capacity", "memory"):
            plot = page.locator(f"#{name}-plot")
            plot.scroll_into_view_if_needed()
            page.wait_for_timeout(300)  # a plot out of view fades when it comes into view
            script = """plot => [...plot.querySelectorAll(".point.faded")].map(point =>
                point.closest(".trace").__data__[0].trace.meta.entries[point.__data__.i])"""
            faded = {subject.entries[i].label for i in plot.evaluate(script)}
            assert faded <= out_now
            assert len(faded) > 3
        page.get_by_role("button", name="Start again").click()
        page.wait_for_timeout(100)
        still = page.locator("#methods .faded").count()
        assert still == len(choose(subject.study, Constraints()).ruled_out)
        assert number.input_value() == ""


def test_a_plot_that_is_drawn_anew_stays_faded(browser: Any, live: tuple[Path, Subject]) -> None:
    with opened(browser, live[0]) as page:
        limit(page, "max_train_memory").fill("200")
        page.locator("#triangle-plot").scroll_into_view_if_needed()
        page.wait_for_selector("#triangle-plot .point.faded", state="attached")
        before = page.locator("#triangle-plot .point.faded").count()
        page.get_by_role("radio", name="by rank").check()
        page.wait_for_timeout(200)
        assert page.locator("#triangle-plot .point.faded").count() == before > 0


def test_where_nothing_is_left_the_page_says_what_to_relax(
    browser: Any, live: tuple[Path, Subject]
) -> None:
    with opened(browser, live[0], READY) as page:
        limit(page, "max_train_memory").fill("1")
        said = page.locator(".constraints .pick").inner_text()
        assert "Nothing keeps to all of it. Nearest is head: training peak, at most 97 MiB" in said
        assert "instead of 1 MiB" in said
        page.locator(".ruled-out summary").press("Enter")
        page.wait_for_selector(".ruled-out li")
        assert page.locator(".ruled-out li").count() == len(live[1].entries)
        assert "houlsby 64: quality: not recorded" in page.locator(".ruled-out ul").inner_text()


def test_needs_and_preference_answer_as_python_does(
    browser: Any, live: tuple[Path, Subject]
) -> None:
    out, subject = live
    with opened(browser, out, READY) as page:
        page.locator(".needs input[value=hot_swap]").press("Space")
        page.locator("#prefer").select_option("train_memory")
        limit(page, "max_latency_ratio").fill("1.1")
        asked = Constraints(needs=("hot_swap",), prefer="train_memory", max_latency_ratio=1.1)
        choice = choose(subject.study, asked)
        assert page.locator(".constraints .pick .label").inner_text() == choice.pick.label


def test_the_filter_holds_in_the_table_and_in_the_selector(
    browser: Any, live: tuple[Path, Subject]
) -> None:
    with opened(browser, live[0], READY) as page:
        page.locator("#methods-name").fill("prompt 8")
        rows = page.locator("#methods tbody th").all_inner_texts()
        assert [row.strip() for row in rows] == ["prompt_tuning 8"]
        assert page.locator("#selector-name").input_value() == "prompt 8"
        # Out of view by now, and what is out of view has no inner text.
        assert page.locator(".constraints .pick .label").text_content() == "prompt_tuning 8"
        page.locator("#methods-name").fill("")
        for family in ("full", "head"):
            page.locator(f"#methods .by-family[value={family}]").uncheck()
        assert not page.locator("#selector .by-family[value=head]").is_checked()
        kept = len(live[1].entries) - 2
        assert page.locator("#methods tbody tr").count() == kept
        assert page.locator("#methods output").inner_text() == f"{kept} of {kept + 2} rows"


def test_weights_rank_by_the_weighted_mean_of_benefits(
    browser: Any, live: tuple[Path, Subject]
) -> None:
    out, subject = live
    with opened(browser, out) as page:
        own = """() => { const { data } = document.querySelector("#triangle-plot");
            const { a, b, c } = data.find(trace => trace.meta?.own); return [a[0], b[0], c[0]]; }"""
        assert page.evaluate(own) == pytest.approx([1 / 3] * 3)
        for corner, presses in ((1, 10), (2, 10)):
            page.locator(f"[data-corner='{corner}']").focus()
            for _ in range(presses - 4):
                page.keyboard.press("ArrowLeft")
        weights = np.array([50, 20, 20]) / 90
        page.wait_for_timeout(500)
        assert page.evaluate(own) == pytest.approx(list(weights))
        best = sorted(subject.triangle.positions, key=lambda p: -float(weights @ p.benefits))[:10]
        shown = page.locator(".weighed tbody tr")
        assert shown.locator("th").all_inner_texts() == [p.entry.label for p in best]
        scores = [float(row.split("\t")[1]) for row in shown.all_inner_texts()]
        assert scores == pytest.approx([float(weights @ p.benefits) for p in best], abs=0.0051)
        rules = (subject.triangle, *subject.alternatives)
        tops = [max(float(weights @ p.benefits) for p in rule.positions) for rule in rules]
        agree = sum(
            (place := rule.of(best[0].entry)) is not None
            and float(weights @ place.benefits) >= top - 1e-6
            for rule, top in zip(rules, tops, strict=True)
        )
        assert f"under {agree} of {len(rules)} rules" in page.locator(".leader").inner_text()


def test_downloads_are_the_files_that_python_writes(
    browser: Any, live: tuple[Path, Subject], tmp_path: Path
) -> None:
    out, subject = live
    written = {
        "csv": export.csv(subject).encode(),
        "tex": export.latex(table(subject, out)).encode(),
    }
    with opened(browser, out, READY) as page:
        for suffix, name in (("csv", "CSV"), ("tex", "LaTeX")):
            with page.expect_download() as download:
                page.get_by_role("button", name=f"Download as {name}").press("Enter")
            assert (
                download.value.suggested_filename == f"minilm-on-rotten_tomatoes-methods.{suffix}"
            )
            got = Path(download.value.path()).read_bytes()
            assert got == written[suffix] == out.with_name(f"index-methods.{suffix}").read_bytes()
        page.locator("#methods-name").fill("lora 8")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download as CSV").click()
        assert Path(download.value.path()).read_text().count("\n") == 2


def test_a_table_of_many_rows_makes_them_when_asked(browser: Any, tmp_path: Path) -> None:
    made = [further.measured(row) for row in records.quick(sizes=tuple(range(1, 31)))]
    results = records.write(tmp_path / "results", made, with_outcomes=False)
    out = build(results, tmp_path / "reports" / "index.html")
    (study,) = studies(load(results))
    subject = Subject(study)
    rows = table(subject, out).rows
    assert len(rows) > AT_ONCE
    cells = "rows => rows.map(row => [...row.cells].map(cell => cell.textContent.trim()))"
    with opened(browser, out, READY, java_script_enabled=False) as page:
        assert page.locator("#methods tbody tr").count() == AT_ONCE
        assert (
            page.locator("#methods a", has_text="CSV").get_attribute("href") == "index-methods.csv"
        )
    with opened(browser, out, READY) as page:
        lines = page.locator("#methods tbody tr")
        assert lines.count() == AT_ONCE
        page.get_by_role("button", name="Show more rows").press("Enter")
        assert lines.count() == len(rows)
        assert not page.get_by_role("button", name="Show more rows").is_visible()
        for line, row in zip(lines.evaluate_all(cells)[AT_ONCE:], rows[AT_ONCE:], strict=True):
            assert line[0].startswith(row.rank.text)
            assert line[1].startswith(row.label)
            for text, cell in zip(line[2:-1], row.cells, strict=True):
                shown = cell.text if cell.order is not None else f"–none: {cell.reason}"
                assert text == (f"{shown} {cell.below}" if cell.below else shown)
        links = page.locator("#methods .records a").evaluate_all("a => a.map(a => a.href)")
        assert len(links) == len(rows)
        assert all(Path(link.removeprefix("file://")).is_file() for link in links)
        page.locator("#methods thead th button").nth(2).click()
        shown = page.locator("#methods tbody tr").evaluate_all(
            "rows => rows.map(row => parseFloat(row.cells[2].textContent))"
        )
        assert all(a <= b for a, b in pairwise(shown))


def test_everything_can_be_reached_and_named_by_keyboard(
    browser: Any, live: tuple[Path, Subject]
) -> None:
    with opened(browser, live[0], READY) as page:
        controls = page.locator("#selector, #triangle, #methods").locator(
            "input:visible, select:visible, button:visible"
        )
        nameless = controls.evaluate_all("""all => all.filter(it =>
            !it.labels?.length && !it.ariaLabel && !it.textContent.trim()).length""")
        assert nameless == 0
        reached = set()
        page.locator("#selector h2 a").focus()
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.add(
                page.evaluate(
                    "document.activeElement.closest('[data-limit]')?.dataset.limit"
                    " ?? document.activeElement.className"
                )
            )
        assert set(LIMITS) <= reached
        assert {"by-name", "by-family"} <= reached
        assert page.locator(".constraints .pick").get_attribute("aria-live") == "polite"


def test_without_javascript_the_selector_says_where_to_turn(
    browser: Any, live: tuple[Path, Subject]
) -> None:
    with opened(browser, live[0], java_script_enabled=False) as page:
        # Text of what is out of view is in the page, and laid out when it comes into view.
        assert "python -m harness.select" in page.locator("#selector").text_content()
        for hidden in (".constraints", ".weights", ".weighed", ".table-tools"):
            assert not page.locator(hidden).is_visible()


def test_paper_shows_no_controls_and_nothing_faded(
    browser: Any, live: tuple[Path, Subject]
) -> None:
    with opened(browser, live[0], READY) as page:
        limit(page, "max_train_memory").fill("200")
        page.emulate_media(media="print")
        for hidden in ("#selector", ".weights", ".table-tools"):
            assert not page.locator(hidden).is_visible()
        row = page.locator("#methods tr.faded").first
        assert row.evaluate("row => getComputedStyle(row).opacity") == "1"
