from __future__ import annotations

import numpy as np

from harness.report.labels import GAP, HEIGHT, LETTER, Anchor, place


def box(anchor: Anchor, position: str) -> tuple[float, float, float, float]:
    vertical, horizontal = position.split()
    width = LETTER * len(anchor.text)
    reach = anchor.size / 2 + GAP
    left = {"left": -reach - width, "center": -width / 2, "right": reach}[horizontal]
    low = {"bottom": -reach - HEIGHT, "middle": -HEIGHT / 2, "top": reach}[vertical]
    return anchor.x + left, anchor.y + low, anchor.x + left + width, anchor.y + low + HEIGHT


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] - 1e-9 and b[0] < a[2] - 1e-9 and a[1] < b[3] - 1e-9 and b[1] < a[3] - 1e-9


def test_no_name_covers_another_name_or_mark_and_none_leaves_the_plot() -> None:
    generator = np.random.default_rng(0)
    anchors = [
        Anchor(f"method {i}", *generator.uniform((0, 0), (600, 400)), 12.0, i) for i in range(40)
    ]
    placed = place(anchors, 600, 400)
    boxes = [box(anchors[index], position) for index, position in placed.items()]
    assert len(boxes) > 25
    for number, one in enumerate(boxes):
        assert one[0] >= 0
        assert one[1] >= 0
        assert one[2] <= 600
        assert one[3] <= 400
        assert not any(overlap(one, other) for other in boxes[:number])
    for index, position in placed.items():
        marks = [(a.x - 6, a.y - 6, a.x + 6, a.y + 6) for i, a in enumerate(anchors) if i != index]
        assert not any(overlap(box(anchors[index], position), mark) for mark in marks)


def test_the_least_rank_is_named_where_there_is_room_for_one() -> None:
    anchors = [Anchor("the first", 50.0, 10.0, 10.0, 1), Anchor("the second", 52.0, 10.0, 10.0, 0)]
    placed = place(anchors, 130, 20)
    assert list(placed) == [1]


def test_a_name_keeps_off_a_line_where_it_can() -> None:
    anchor = Anchor("name", 50.0, 50.0, 10.0, 0)
    assert place([anchor], 200, 100) == {0: "middle right"}
    assert place([anchor], 200, 100, [(50.0, 49.0, 200.0, 51.0)]) == {0: "middle left"}


def test_a_name_never_stands_nearer_to_another_mark() -> None:
    column = [Anchor(f"prefix_tuning {i}", 300.0 + i, 100.0 + 11 * i, 8.0, -i) for i in range(6)]
    placed = place(column, 600, 300)
    assert len(placed) >= 2
    for index, position in placed.items():
        low, high = np.array(box(column[index], position)).reshape(2, 2)
        marks = np.array([(a.x, a.y) for a in column])
        apart = np.maximum(np.maximum(low - marks - 4, marks - 4 - high), 0)
        assert (apart**2).sum(axis=1).argmin() == index
