"""A figure as the page holds it: its words, its still, and the data of its plot."""

from __future__ import annotations

import base64
import gzip
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
    """A figure as the page holds it. `plot` is zipped where there is no still, and `height` what
    the plot takes up, in px.
    """

    id: str
    title: str
    alternative: str
    caption: str
    still: Markup | None
    plot: Markup | None
    height: int
    variants: tuple[str, ...]


def picture(figure: Figure, key: str, stilled: bool = True) -> Picture:
    """`key` keeps its ids apart from those of other studies. Without a still it is one of many on
    its page, of which a reader comes near a few.
    """
    name = f"{key}{figure.name}"
    charts = {"": figure.chart} | figure.variants if figure.chart is not None else {}
    plots = {n: plot(chart) for n, chart in charts.items()}
    specs = safe_json(plots)
    still = figure.chart if stilled else None
    return Picture(
        id=name,
        title=figure.title,
        alternative=figure.alternative,
        caption=figure.caption,
        still=Markup(stills.inline(still, f"still-{name}")) if still else None,
        plot=(specs if stilled else Markup(zipped(specs))) if plots else None,
        height=plots[""]["layout"]["height"] if plots else 0,
        variants=tuple(figure.variants),
    )


def safe_json(content: Any) -> Markup:
    """JSON that no HTML parser can mistake for anything else."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character, escape in UNSAFE.items():
        text = text.replace(character, escape)
    return Markup(text)


def zipped(text: str) -> str:
    """As gzip in base64; the page unzips it before it is first used."""
    # Without a time, so that the same records give the same page.
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
