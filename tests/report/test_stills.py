from __future__ import annotations

import re
from io import BytesIO
from xml.etree import ElementTree

from PIL import Image

from harness.report import stills
from harness.report.capacity import capacity
from harness.report.figures import memory, merging, triangle
from harness.report.forgetting import forgetting
from harness.report.planes import sizes, trade_offs
from harness.report.prediction import prediction
from harness.report.serving import serving
from harness.report.style import LIGHT
from tests import further, records
from tests.report.conftest import HOSTILE, MakeSubject


def all_inline(make_subject: MakeSubject) -> list[str]:
    rows = [*records.quick(), records.record(HOSTILE, 8)]
    made = [records.predicted(further.measured(row), 1.02, 0.97) for row in rows]
    subject = make_subject(made)
    figures = [triangle(subject), *trade_offs(subject), sizes(subject), merging(subject)]
    figures += [prediction(subject), memory(subject)]
    figures += [capacity(subject), forgetting(subject), serving(subject)]
    return [stills.inline(f.chart, f.name) for f in figures]


def test_inline_stills_are_well_formed_and_hold_no_script(make_subject: MakeSubject) -> None:
    for svg in all_inline(make_subject):
        root = ElementTree.fromstring(svg)
        assert root.tag.endswith("svg")
        assert not [node for node in root.iter() if node.tag.endswith(("script", "image"))]
        assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", svg)


def test_a_label_is_shown_as_it_is_written(make_subject: MakeSubject) -> None:
    texts = [
        "".join(node.itertext())
        for svg in all_inline(make_subject)
        for node in ElementTree.fromstring(svg).iter()
        if node.tag.endswith("text")
    ]
    assert any(text.startswith("<script>alert(1)</script>$x_1$") for text in texts)


def test_ids_of_several_stills_do_not_clash_and_every_reference_is_met(
    make_subject: MakeSubject,
) -> None:
    page = "".join(all_inline(make_subject))
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_inline_colours_follow_the_pages_theme(make_subject: MakeSubject) -> None:
    for svg in all_inline(make_subject):
        assert not [colour for colour in LIGHT.values() if colour in svg]
        assert "var(--ink)" in svg


def test_files_beside_the_page_stand_alone(make_subject: MakeSubject) -> None:
    made = stills.standalone(triangle(make_subject(records.quick())).chart)
    svg = made[".svg"].decode()
    assert "var(--" not in svg
    assert LIGHT["family-low_rank"] in svg
    with Image.open(BytesIO(made[".png"])) as picture:
        assert min(picture.size) >= 1000
        assert len(picture.convert("RGB").getcolors(10**6)) > 20
