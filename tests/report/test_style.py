from __future__ import annotations

import numpy as np
import pytest

from harness.entry import CONF, compose
from harness.report.style import DARK, FAMILIES, LIGHT, OWN, SHAPES, mark_size, shapes, token

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
VISION = {
    "full": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# Ottosson (2020), A perceptual color space for image processing.
CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    return OKLAB @ np.cbrt(CONES @ np.clip(rgb, 0, 1))


def contrast(first: str, second: str) -> float:
    """WCAG 2."""
    luminances = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (first, second))
    return (luminances[1] + 0.05) / (luminances[0] + 0.05)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_families_stay_apart_for_every_eye(theme: dict[str, str], vision: str) -> None:
    seen = [oklab(VISION[vision] @ linear(theme[token(family)])) for family in FAMILIES]
    gaps = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(gaps) > 0.08


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_marks_and_letters_stand_out_from_the_paper(theme: dict[str, str]) -> None:
    for name, colour in theme.items():
        if name.startswith("family-"):
            assert contrast(colour, theme["paper"]) >= 3, name
    for name in ("ink", "muted", "link"):
        assert contrast(theme[name], theme["paper"]) >= 4.5, name
        assert contrast(theme[name], theme["surface"]) >= 4.5, name
    assert contrast(theme["warn"], theme["warn-surface"]) >= 4.5
    for name in ("fit-trains", "fit-inference"):
        assert contrast(theme["ink"], theme[name]) >= 4.5, name
    for step in range(1, 5):
        assert contrast(theme["ink"], theme[f"standing-{step}"]) >= 4.5, step


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_a_better_standing_is_further_from_the_paper_for_every_eye(
    theme: dict[str, str], vision: str
) -> None:
    names = ("paper", *(f"standing-{step}" for step in range(1, 5)))
    lightness = [oklab(VISION[vision] @ linear(theme[name]))[0] for name in names]
    steps = np.abs(np.diff(lightness))
    assert len(set(np.sign(np.diff(lightness)))) == 1
    assert steps.min() > 0.015


def test_a_still_can_be_turned_dark_since_every_colour_has_one_name() -> None:
    assert len(set(LIGHT.values())) == len(LIGHT)
    assert LIGHT.keys() == DARK.keys()


def test_shipped_methods_keep_their_shape_and_others_take_a_free_one() -> None:
    assert {name: shape.matplotlib for name, shape in shapes(OWN).items()} == OWN
    shipped = ("lora", "houlsby", "full")
    assert shapes([*shipped, "mine"])["mine"].matplotlib not in {OWN[name] for name in shipped}


def test_no_two_shipped_methods_of_a_family_look_alike() -> None:
    looks = [(compose([f"method={name}"]).method.family, shape) for name, shape in OWN.items()]
    assert len(set(looks)) == len(looks)
    assert set(OWN) == {path.stem for path in (CONF / "method").glob("*.yaml")}


def test_more_methods_than_shapes_share_them() -> None:
    names = [f"method_{number}" for number in range(25)]
    assert set(shapes(names).values()) <= set(SHAPES)


def test_a_mark_grows_with_the_methods_sizes() -> None:
    small, middle, large = (mark_size(size, [4, 16, 64]) for size in (4, 16, 64))
    assert small < middle < large
    assert mark_size(None, [None]) == mark_size(8, [8]) == middle
