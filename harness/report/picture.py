"""A figure as the page holds it: its words, its still, and the data of its plot."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from harness.report import stills
from harness.report.charts import Figure
from harness.report.plots import plot

# Outside HTML's own syntax in every place where a script's text may stand.
UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True)
class Picture:
    """A figure as the page holds it."""

    id: str
    title: str
    alternative: str
    caption: str
    still: Markup | None
    plot: Markup | None
    variants: tuple[str, ...]


def picture(figure: Figure, key: str) -> Picture:
    """`key` keeps its ids apart from those of other studies."""
    name = f"{key}{figure.name}"
    charts = {"": figure.chart} | figure.variants if figure.chart is not None else {}
    return Picture(
        id=name,
        title=figure.title,
        alternative=figure.alternative,
        caption=figure.caption,
        still=Markup(stills.inline(figure.chart, f"still-{name}")) if figure.chart else None,
        plot=safe_json({n: plot(chart) for n, chart in charts.items() if chart})
        if charts
        else None,
        variants=tuple(figure.variants),
    )


def safe_json(content: Any) -> Markup:
    """JSON that no HTML parser can mistake for anything else."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character, escape in UNSAFE.items():
        text = text.replace(character, escape)
    return Markup(text)
