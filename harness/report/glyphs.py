"""The marks' shapes as SVG paths, for the legends and the table."""

from __future__ import annotations

import numpy as np
from matplotlib.markers import MarkerStyle

from harness.report.style import SHAPES


def glyphs() -> dict[str, str]:
    """Path data by matplotlib's marker, in a box from -1 to 1 with y downwards."""
    return {shape.matplotlib: _path(shape.matplotlib) for shape in SHAPES}


def _path(marker: str) -> str:
    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform())
    polygons = [np.asarray(polygon) for polygon in path.to_polygons()]
    reach = max(float(np.abs(polygon).max()) for polygon in polygons)
    pieces = []
    for polygon in polygons:
        points = polygon / reach * (1, -1)
        pieces.append("M" + "L".join(f"{x:.3f},{y:.3f}" for x, y in points) + "Z")
    return "".join(pieces)
