"""The page's one visual language: a colour per family, a shape per method."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Chosen by a search in OKLab so that no two families come close under simulated protanopia,
# deuteranopia or tritanopia (Machado 2009) and all keep a contrast of 3 to the paper.
LIGHT = {
    "paper": "#ffffff",
    "surface": "#f5f6f8",
    "ink": "#1a1e24",
    "muted": "#5a626d",
    "grid": "#e1e4e9",
    "link": "#1558a8",
    "warn": "#9a3412",
    "warn-surface": "#fff4ec",
    "family-bottleneck": "#2075cc",
    "family-low_rank": "#c91117",
    "family-prompt": "#1e6e27",
    "family-rescale": "#8e3394",
    "family-selective": "#b59006",
    "family-full": "#3c4148",
    "family-head": "#868c94",
    "family-other": "#0e7f8c",
    "part-weights": "#1f3b4d",
    "part-activations": "#4f7f96",
    "part-gradients": "#8fb4c4",
    "part-optimizer": "#c3d9e2",
    "fit-trains": "#d6eedd",
    "fit-inference": "#fbecc8",
    "standing-1": "#eef4fb",
    "standing-2": "#dfeaf7",
    "standing-3": "#cfdff3",
    "standing-4": "#b5cfec",
}
DARK = {
    "paper": "#14171c",
    "surface": "#1d2128",
    "ink": "#e9ecf1",
    "muted": "#a2abb8",
    "grid": "#313740",
    "link": "#82b7f2",
    "warn": "#ffb38a",
    "warn-surface": "#33241b",
    "family-bottleneck": "#6288f6",
    "family-low_rank": "#e3594a",
    "family-prompt": "#7fe39a",
    "family-rescale": "#ffadf9",
    "family-selective": "#cea600",
    "family-full": "#ebeff6",
    "family-head": "#9ba2ac",
    "family-other": "#4cc3d0",
    "part-weights": "#d3e3ec",
    "part-activations": "#8db1c2",
    "part-gradients": "#54798c",
    "part-optimizer": "#34505f",
    "fit-trains": "#1f4a33",
    "fit-inference": "#55431a",
    "standing-1": "#1b2430",
    "standing-2": "#20304a",
    "standing-3": "#263c60",
    "standing-4": "#2e4b7c",
}
FAMILIES = {
    "bottleneck": "Bottleneck",
    "low_rank": "Low rank",
    "prompt": "Prompt",
    "rescale": "Rescale",
    "selective": "Selective",
    "full": "Full",
    "head": "Head only",
}


@dataclass(frozen=True)
class Shape:
    """One mark under the names that its two renderers give it; a pale one is an outline with a tint
    of its colour, for the second of two things that are shown of one configuration; a faded one
    stands back behind the others.
    """

    matplotlib: str
    plotly: str
    pale: bool = False
    faded: bool = False


SHAPES = (
    Shape("o", "circle"),
    Shape("s", "square"),
    Shape("D", "diamond"),
    Shape("^", "triangle-up"),
    Shape("v", "triangle-down"),
    Shape("p", "pentagon"),
    Shape("*", "star"),
    Shape("P", "cross"),
    Shape("X", "x"),
    Shape("h", "hexagon"),
)
# The methods that ship keep their shape from report to report; no two of a family share one.
OWN = {
    "lora": "o",
    "lora_plus": "^",
    "lora_fa": "v",
    "dora": "h",
    "qlora": "p",
    "houlsby": "s",
    "pfeiffer": "D",
    "parallel": "h",
    "adapter_fusion": "P",
    "transfer": "X",
    "prompt_tuning": "^",
    "prefix_tuning": "v",
    "p_tuning": "o",
    "p_tuning_v2": "s",
    "ia3": "p",
    "bitfit": "*",
    "full": "P",
    "head": "X",
}
SMALLEST, LARGEST = 11.0, 17.0
TINT = 0x38
"""Opacity of a pale mark, of 255."""
FADED = 0.3
"""Opacity of a faded mark."""


def token(family: str) -> str:
    """The colour's name, for LIGHT, DARK and the page's custom properties."""
    return f"family-{family if family in FAMILIES else 'other'}"


def shapes(methods: Iterable[str]) -> dict[str, Shape]:
    """A shape per method; methods of the user's own take those that are free, by name."""
    names = sorted(set(methods))
    by_marker = {shape.matplotlib: shape for shape in SHAPES}
    taken = {OWN[name] for name in names if name in OWN}
    free = [shape for shape in SHAPES if shape.matplotlib not in taken] or list(SHAPES)
    others = [name for name in names if name not in OWN]
    chosen = {name: by_marker[OWN[name]] for name in names if name in OWN}
    return chosen | {name: free[place % len(free)] for place, name in enumerate(others)}


def mark_size(size: int | None, sizes: Iterable[int | None]) -> float:
    """Diameter in px: the method's sizes in their order from small to large."""
    known = sorted({s for s in sizes if s is not None})
    if size is None or len(known) < 2:
        return (SMALLEST + LARGEST) / 2
    return SMALLEST + (LARGEST - SMALLEST) * known.index(size) / (len(known) - 1)
