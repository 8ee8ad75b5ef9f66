"""An invented table of fits, for what shows such tables; nothing may be concluded from it.

Its figures imitate a model of 3.2 billion parameters in bfloat16, by round rules.
"""

from __future__ import annotations

from typing import Any

from harness.analysis.fit_table import ArithmeticRow, FitRow, FitTable, Settings

GIB = 2**30
WEIGHTS = 6 * GIB
SETTINGS = Settings("bfloat16 throughout", "AdamW", "none", "one GPU")
# method: family, size field, parameters trained by a size of one.
METHODS = {
    "full": ("full", None, 3_212_749_824),
    "lora": ("low_rank", "rank", 1_519_616),
    "houlsby": ("bottleneck", "bottleneck_dim", 344_064),
    "prompt_tuning": ("prompt", "num_virtual_tokens", 3_072),
    "ia3": ("rescale", None, 286_720),
}
SHAPES = ((1, 512), (1, 2048), (4, 768), (8, 2048))
ARITHMETIC = (
    ArithmeticRow(
        "as quoted, 7B", 14 * 10**9, 14 * 10**9, 56 * 10**9, None, 84 * 10**9,
        "two bytes per weight and gradient, eight of optimizer state",
    ),
    ArithmeticRow(
        "bfloat16", 13 * GIB, 13 * GIB, 26 * GIB, 3 * GIB, 55 * GIB, "all of it in two bytes"
    ),
    ArithmeticRow(
        "float32", 26 * GIB, 26 * GIB, 52 * GIB, 6 * GIB, 110 * GIB, "all of it in four bytes"
    ),
)  # fmt: skip


def row(method: str = "lora", size: int | None = 8, **changes: Any) -> FitRow:
    """A setting; `changes` are fields of FitRow."""
    family, field, trained = METHODS.get(method, ("low_rank", "rank", 1_519_616))
    size = size if field else None
    batch, tokens = changes.get("batch_size", 1), changes.get("seq_len", 512)
    trained *= size or 1
    activations = batch * tokens * 2_500_000
    made = {
        "batch_size": batch,
        "seq_len": tokens,
        "trainable_parameters": trained,
        "adapter_file_bytes": 2 * trained,
        "train_peak_bytes": WEIGHTS + 6 * trained + activations,
        "inference_peak_bytes": WEIGHTS + activations // 8,
        "weights": WEIGHTS,
        "gradients": 2 * trained,
        "optimizer": 4 * trained,
        "activations": activations,
    }
    return FitRow(method, family, size, field, **(made | changes))


def failed(method: str = "lora", size: int | None = 8, error: str = "cannot be traced") -> FitRow:
    return FitRow(method, *("low_rank", size, "rank"), batch_size=1, seq_len=512, error=error)


def table(*rows: FitRow, **changes: Any) -> FitTable:
    """The rows as a table; without any, every method at every shape."""
    every = [
        row(method, size, batch_size=batch, seq_len=tokens)
        for method, (_, field, _) in METHODS.items()
        for size in ((4, 64) if field else (None,))
        for batch, tokens in SHAPES
    ]
    made = {"arithmetic": ARITHMETIC, "reserve": 0.75} | changes
    return FitTable("llama3_2_3b", 3_212_749_824, SETTINGS, rows or tuple(every), **made)
