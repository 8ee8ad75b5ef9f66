"""Result files that were changed at random: a record, or a refusal, and nothing outside of it."""

from __future__ import annotations

import json
import re
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.ingest.folder import ingest
from harness.store import load
from tests import published


def deep(levels: int) -> list[Any]:
    """A list in a list in a list."""
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


ODD = [None, True, False, 0, -1, 1, 2**53 + 1, 10**30, 10**400, 0.5, -0.0, 1e308, float("inf"),
       float("nan"), "", " ", "x" * 3000, "\ud800", "a\nb", "\x00", "\u202e", "../../x",
       "/etc/passwd", "lora/../../x", "LORA", "A_B", "é", "2026-01-01", "2026-13-45",
       "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "main", "success", "failed",
       "out of memory", [], [1], ["a", "b"], [[]], {}, {"lr": 0.1}, {"lr": "a"},
       {"test accuracy": 0.5}, {"peft_type": "LORA"}, {"peft_type": "VERA"},
       {"peft_type": "__class__"}, {"sha": 1}, {"a": {"b": [{}]}},
       {"tokens / sec": 1, "tokens_per_sec": 2}, {"": 1}, {"__proto__": {}}, "1e999", ["1e999"],
       {"a": "1e999"}, deep(90), deep(195), deep(300)]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(ODD),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=9), inner, max_size=3)
        ),
        max_leaves=6,
    ),
)
HUGE = "1e999"
"""A number in JSON, and infinite in Python."""
RUNS = sorted(published.ROWS)


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every container in a content, with each of its keys."""
    found = []
    for key, value in node.items() if isinstance(node, dict) else enumerate(node):
        found.append((node, key))
        if isinstance(value, dict | list):
            found += places(value)
    return found


@st.composite
def mutated(draw: st.DrawFn) -> str:
    content = published.result(draw(st.sampled_from(RUNS)), former_names=draw(st.booleans()))
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
        if not (choices := places(content)):
            break
        node, key = choices[draw(st.integers(0, len(choices) - 1))]
        match draw(st.sampled_from(["change", "change", "change", "remove", "rename"])):
            case "change":
                node[key] = deepcopy(draw(VALUES))
            case "remove":
                del node[key]
            case "rename" if isinstance(node, dict):
                node[draw(st.text(max_size=9))] = node.pop(key)
    return json.dumps(content).replace(f'"{HUGE}"', HUGE)


@st.composite
def bent(draw: st.DrawFn) -> bytes:
    """Mutated, and at times changed where no JSON may be changed."""
    content = bytearray(draw(mutated()).encode())
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 5]))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(bent(), min_size=1, max_size=2))
def test_mutated_files_are_records_or_are_refused_and_lead_nowhere_else(contents):
    with tempfile.TemporaryDirectory() as place:
        folder, results = Path(place, "json"), Path(place, "results")
        folder.mkdir()
        for number, content in enumerate(contents):
            (folder / f"{number}.json").write_bytes(content)
        found = ingest(folder, results)
        assert {one.file for one in found.refused} <= {"0.json", "1.json"}
        for one in found.refused:
            assert one.field.isprintable()
            assert one.reason.isprintable()
        records = {record["trial"] for record in found.records}
        assert all(re.fullmatch("[0-9a-f]{16}", trial) for trial in records)
        written = {path.relative_to(place).as_posix() for path in Path(place).rglob("*.json")}
        given = {f"json/{number}.json" for number in range(len(contents))}
        assert written == given | {f"results/{trial}/record.json" for trial in records}
        if records:
            assert set(load(results)["trial"]) == records
        assert ingest(folder, results) == found
