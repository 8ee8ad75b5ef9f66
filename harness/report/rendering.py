"""Templates with what every page of the report has: its style, its colours, its scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.report import style
from harness.report.glyphs import glyphs


def render(
    template: str,
    styles: Sequence[str],
    scripts: Sequence[str],
    embedded: Sequence[str] = (),
    **content: Any,
) -> str:
    """The page. `styles` and `scripts` are names in `templates/`; `embedded` are the texts of other
    scripts that the page may run, which its template places.
    """
    environment = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = "\n".join(map(_asset, scripts))
    return environment.get_template(template).render(
        style=Markup("\n".join(map(_asset, styles))),
        light=style.LIGHT,
        dark=style.DARK,
        families=style.FAMILIES,
        glyphs=glyphs(),
        script=Markup(script),
        hashes=[_hash(text) for text in (script, *embedded)],
        **content,
    )


def _asset(name: str) -> str:
    return files("harness.report").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """As a content security policy names an inline script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
