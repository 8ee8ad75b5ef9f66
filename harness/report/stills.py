"""Charts as still pictures, by matplotlib: for paper, for readers without JavaScript, for others'
documents.
"""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from harness.report.charts import Bars, Chart, Forest, Scatter, Ternary
from harness.report.drawing import DPI, bars, forest, scatter
from harness.report.drawing_triangle import ternary
from harness.report.style import LIGHT

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "still",
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "axes.edgecolor": LIGHT["muted"],
    "axes.labelcolor": LIGHT["ink"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": LIGHT["grid"],
    "grid.linewidth": 1,
    "text.color": LIGHT["ink"],
    "text.parse_math": False,
    "xtick.color": LIGHT["muted"],
    "ytick.color": LIGHT["muted"],
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
}


def inline(chart: Chart, name: str) -> str:
    """The still as an SVG element whose colours are the page's and whose ids are its own."""
    with matplotlib.rc_context(RC):
        figure = draw(chart)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    # Its style sheet would hold for the whole page, whose own says the same of stills.
    useless = r"<metadata>.*?</metadata>|<style.*?</style>"
    svg = re.sub(useless, "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = _compact(svg)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    for key, colour in LIGHT.items():
        svg = svg.replace(f"{colour};", f"var(--{key});").replace(f'{colour}"', f'var(--{key})"')
    svg = svg.replace("'DejaVu Sans'", FONT)
    return svg.replace("<svg ", '<svg aria-hidden="true" ', 1)


def _compact(svg: str) -> str:
    """Without what no reader sees: names that nothing refers to, breaks, digits past 0.01 px."""
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r">\s*\n\s*<", "><", svg)
    # Only in tags: a name may have digits, too.
    return re.sub(r"<[^>]+>", lambda tag: _short(tag[0]), svg)


def _short(tag: str) -> str:
    return re.sub(r"(\d\.\d\d)\d+", r"\1", re.sub(r"\s*\n\s*", " ", tag))


def standalone(chart: Chart) -> dict[str, bytes]:
    """The still as files of their own, by suffix: on white and with letters as outlines."""
    with matplotlib.rc_context(RC | {"svg.fonttype": "path", "figure.facecolor": LIGHT["paper"]}):
        figure = draw(chart)
        svg, png = io.BytesIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None})
        figure.savefig(png, format="png", dpi=2 * DPI)
    return {".svg": svg.getvalue(), ".png": png.getvalue()}


def draw(chart: Chart) -> Figure:
    match chart:
        case Ternary():
            return ternary(chart)
        case Scatter():
            return scatter(chart)
        case Forest():
            return forest(chart)
        case Bars():
            return bars(chart)
