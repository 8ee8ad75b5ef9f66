"""How long 10,000 records take to be read and to become a page, and how large the page is."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.bench.many import many, write
from harness.report import build
from harness.store import RECORD, load

SHAPES = {
    "one study": [("minilm", "rotten_tomatoes", 3333)],
    "12 studies": [
        (model, task, 278)
        for model in ("minilm", "bert_tiny", "roberta")
        for task in ("rotten_tomatoes", "bbc_news", "agnews", "trec")
    ],
}
SEEDS = 3
LOAD_S, BUILD_S, PAGE_BYTES = 2.0, 20.0, 15e6


def run() -> dict[str, Any]:
    """Seconds to load and to build, beside those that the standard library takes to parse the same
    records, since those tell how fast the machine is just now; and the page's bytes.
    """
    shapes = {}
    for name, asked in SHAPES.items():
        with tempfile.TemporaryDirectory() as folder:
            results = Path(folder) / "results"
            for model, task, configurations in asked:
                write(results, many(configurations, SEEDS, model, task))
            shapes[name] = measured(results, Path(folder) / "reports" / "index.html")
    return {"shapes": shapes, "holds": all(shape["holds"] for shape in shapes.values())}


def measured(results: Path, out: Path) -> dict[str, Any]:
    """Of records whose files are warm."""
    paths = list(results.glob(f"*/{RECORD}"))
    parse_s = _seconds(lambda: [json.loads(path.read_bytes()) for path in paths])
    load_s = _seconds(lambda: load(results))
    build_s = _seconds(lambda: build(results, out))
    size = out.stat().st_size
    return {
        "records": len(paths),
        "parse_s": parse_s,
        "load_s": load_s,
        "build_s": build_s,
        "load_over_parse": load_s / parse_s,
        "build_over_parse": build_s / parse_s,
        "page_bytes": size,
        "holds": load_s <= LOAD_S and build_s <= BUILD_S and size <= PAGE_BYTES,
    }


def lines(result: dict[str, Any]) -> list[str]:
    told = []
    for name, shape in result["shapes"].items():
        verdict = "holds" if shape["holds"] else "FAILS"
        told += [
            f"{shape['records']:,} records, {name}: load {shape['load_s']:.1f} s, "
            f"page {shape['build_s']:.1f} s and {shape['page_bytes'] / 1e6:.1f} MB  {verdict}",
            f"  {shape['load_over_parse']:.1f} and {shape['build_over_parse']:.1f} times as long "
            f"as json.loads alone, {shape['parse_s']:.1f} s",
        ]
    limits = f"load {LOAD_S:.0f} s, page {BUILD_S:.0f} s and {PAGE_BYTES / 1e6:.0f} MB"
    return [*told, f"at most {limits}"]


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
