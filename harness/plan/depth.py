"""Peaks of a deep model from those of shallow ones, since its layers are alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_iter
from transformers import PreTrainedConfig, PreTrainedModel

from harness.measure.live_tensors import LiveTensors, Peak
from harness.methods.anatomy import DECODER_DEPTHS

# The first two layers and the last two may differ from those between them: the first hands no
# gradient on, the last one's states meet the head. Two depths tell what each further layer adds.
SHALLOW = (3, 4)
EDGE = 2

Sections = Sequence[tuple[str, Peak]]


@dataclass(frozen=True)
class _Place:
    """A section of a pass: what it is, seen from one end of the stack, and which time it comes."""

    name: str
    end: str
    distance: int
    time: int


def shallower(config: PreTrainedConfig, depth: int) -> PreTrainedConfig | None:
    """The same architecture with so many layers; None where its layers are not alike.

    An encoder-decoder gets as many in both halves, and needs as many in both.
    """
    config = deepcopy(config)
    deep = config.num_hidden_layers
    names = ["num_hidden_layers", *(name for name in DECODER_DEPTHS if hasattr(config, name))]
    if config.is_encoder_decoder and any(getattr(config, name) != deep for name in names):
        return None
    for name, value in vars(config).items():
        if isinstance(value, list) and len(value) == deep:  # such as one type per layer
            if any(each != value[0] for each in value):
                return None
            setattr(config, name, value[:depth])
    for name in names:
        setattr(config, name, depth)
    return config


def mark_layers(live: LiveTensors, backbone: PreTrainedModel, paths: Sequence[str]) -> None:
    """Begin a section of the ledger wherever a pass enters or leaves a layer, either way."""
    depths = Counter(path.rpartition(".")[0] for path in paths)
    for path in paths:
        stack, _, number = path.rpartition(".")
        place = f"{stack} {number} {depths[stack]}"
        block = backbone.get_submodule(path)
        block.register_forward_pre_hook(partial(_entered, live, f"forward {place}"))
        block.register_forward_hook(partial(_left, live, place))


def _entered(live: LiveTensors, name: str, *call: Any) -> None:
    live.mark(name)


def _left(live: LiveTensors, place: str, module: nn.Module, given: Any, output: Any) -> None:
    live.mark(f"after {place}")
    states = next(_tensors(output))
    if states.requires_grad:
        states.register_hook(lambda _: live.mark(f"backward {place}"))


def _tensors(output: Any) -> Iterator[Tensor]:
    """The tensors of what a layer returns, in order; a method may return an object of its own."""
    for leaf in tree_iter(output):
        for held in (leaf, *getattr(leaf, "__dict__", {}).values()):
            if isinstance(held, Tensor):
                yield held


def extrapolated(shallow: Sequence[Sections], depth: int) -> Peak | None:
    """The peak at `depth` from the sections at the depths of SHALLOW.

    Within a section every moment gains the same bytes with every further layer, so that its peak
    is linear in the depth; the highest of them is the peak of all. The layers between the edges
    are linear in their number, so that none of them exceeds both edges. None where the sections
    of the two depths are not the same.
    """
    lower, upper = (dict(_placed(sections)) for sections in shallow)
    if lower.keys() != upper.keys():
        return None
    low, high = SHALLOW
    further = (depth - low) / (high - low)
    peaks = []
    for place, peak in lower.items():
        grown = asdict(upper[place])
        parts = {part: round(n + further * (grown[part] - n)) for part, n in asdict(peak).items()}
        peaks.append(Peak(**parts))
    return max(peaks, key=lambda peak: peak.total)


def _placed(sections: Sections) -> Iterator[tuple[_Place, Peak]]:
    """Sections by where they are in the model, as seen from both ends of a stack."""
    times: Counter[tuple[str, str, int]] = Counter()
    for name, peak in sections:
        what, _, place = name.partition(" ")
        if not place:
            ends = [("", 0)]
        else:
            stack, number, depth = place.rsplit(" ", 2)
            first, last = int(number), int(depth) - 1 - int(number)
            what = f"{what} {stack}"
            ends = [(end, d) for end, d in (("first", first), ("last", last)) if d < EDGE]
        for end, distance in ends:
            key = (what, end, distance)
            times[key] += 1
            yield _Place(what, end, distance, times[key]), peak
