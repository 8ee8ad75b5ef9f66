"""Records gone wrong, for tests of what reads them: torn, altered, swapped for other JSON."""

from __future__ import annotations

import json
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from harness.bench.many import real_record
from harness.ingest.published import read
from harness.ingest.record import record_of
from tests import further, published, records, searches


def _foreign() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.json"
        file.write_text(json.dumps(published.result()), "utf-8")
        return record_of(read(file, "run.json"))


def _moved() -> dict[str, Any]:
    """Trained elsewhere than it was measured."""
    made = further.measured(records.record("lora", 16))
    place = {"machine": "bbbb", "cpu": "A large CPU", "cores": 64, "gpu": None, "torch": "2.12.0"}
    made["environment"] |= {"machine": "aaaa", "elsewhere": [{"phases": ["train"], **place}]}
    return made


def _bases() -> list[dict[str, Any]]:
    return [
        real_record(),
        further.measured(records.record("lora", 8)),
        further.measured(records.record("head")),
        _moved(),
        records.failed(method="ia3"),
        records.skipped(method="lora", size=4096),
        *searches.search("lora", 8, {33: {1e-3: 0.7, 1e-2: None}}),
        _foreign(),
    ]


BASES = _bases()
HARD = [
    "", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "+1", "-1", "@a", "\t=1", "\r=1", "\x00",
    "\x1b]0;x\x07", "\u2028", "../../etc", "a.b", "NaN", "${x}", "{{ 7*7 }}", "%s", "ok", "final",
    "search", "head", "full", "trained in place", "𝔘", "é" * 300,
]  # fmt: skip
numbers = (
    st.sampled_from([0, 1, -1, 2, 0.5, 1e-9, -0.0, 5e-324, 1e-300, 1e18, 2**53, -(2**53), 2**62])
    | st.sampled_from([1e300, 2**63, 2**64, 10**30, 10**400, float("nan"), float("inf")])
    | st.integers(-5, 5000)
    | st.floats()
)
texts = st.sampled_from(HARD) | st.text(max_size=12)
scalars = st.none() | st.booleans() | numbers | texts
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


KINDS = ["alike"] * 8 + ["null"] * 3 + ["gone", "new", "any", "deep"]


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if depth % 2 else [value]
    return value


@st.composite
def altered(draw: st.DrawFn) -> dict[str, Any]:
    """A record in which a few values are others, some of their own kind, some are gone, and some
    keys are new.
    """
    made = deepcopy(draw(st.sampled_from(BASES)))
    for _ in range(draw(st.integers(1, 4))):
        places = _places(made)
        place, key = places[draw(st.integers(0, len(places) - 1))]
        kind = draw(st.sampled_from(KINDS))
        if kind == "gone":
            del place[key]
        elif kind == "new" and isinstance(place, dict):
            place[draw(texts | st.sampled_from(_names(made)))] = draw(json_values)
        elif kind == "deep":
            place[key] = nested(draw(st.sampled_from([3, 60, 150, 400])))
        else:
            place[key] = draw(_alike(place[key]) if kind == "alike" else json_values)
    return made


@st.composite
def torn(draw: st.DrawFn) -> tuple[str, bytes]:
    """A trial, and the bytes of its record: cut off, flipped, doubled, or with others put in."""
    made = draw(st.sampled_from(BASES))
    raw = bytearray(json.dumps(made, indent=1).encode())
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, max(0, len(raw) - 1)))
        kind = draw(st.sampled_from(["cut", "flip", "put", "lose", "double", "twice"]))
        length = draw(st.integers(1, 40))
        if kind == "cut":
            del raw[at:]
        elif kind == "flip" and raw:
            raw[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "put":
            raw[at:at] = draw(st.binary(max_size=8) | st.sampled_from(BYTES))
        elif kind == "lose":
            del raw[at : at + length]
        elif kind == "double":
            raw[at:at] = raw[at : at + length]
        elif kind == "twice":  # a key that stands there twice
            name = draw(st.sampled_from(_names(BASES[0])))
            pair = json.dumps({name: draw(scalars)}).encode()[1:-1]
            raw[1:1] = pair + b","
    return made["trial"], bytes(raw)


BYTES = [
    b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\xef\xbb\xbf", b"\x00", b"NaN", b"1e999",
    b'"', b"}", b",", b"[" * 500, b"9" * 400, b"9" * 5000,
]  # fmt: skip


def _alike(value: Any) -> st.SearchStrategy[Any]:
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, int):
        return st.integers(0, 40) | st.integers(0, 2**53) | numbers
    if isinstance(value, float):
        return st.floats(0, 2) | st.floats(0, 2.0**62) | st.floats(-1, 1) | numbers
    return texts if isinstance(value, str) else st.none()


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every container below a value, with each of its keys."""
    found: list[tuple[Any, Any]] = []
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], (dict, list)) and value[key]:
            found += _places(value[key])
    return found


def _names(made: dict[str, Any]) -> list[str]:
    """Keys that stand somewhere in a record, and names of columns, which must not be taken."""
    return [*(key for key in made), "quality.value", "memory.train.predicted", "path", "adapters"]
