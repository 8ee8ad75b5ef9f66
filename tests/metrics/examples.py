"""Invented predictions and references for every metric, in the types that its module names."""

from __future__ import annotations

from typing import Any

import numpy as np

WORDS = ["the", "a", "cat", "Cat!", "dog", "sat", "on", "mat", "don't", "é", "12", "x"]
TAGS = ["O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def examples(metric: str, n: int, seed: int = 0) -> tuple[list[Any], list[Any]]:
    """Predictions that are right more often than by chance."""
    draw = np.random.default_rng(seed)
    kept = draw.random(n) < 0.5
    if metric == "perplexity":
        tokens = draw.integers(1, 9, n)
        return (tokens * draw.gamma(3.0, size=n)).tolist(), tokens.tolist()
    if metric in ("spearman", "pearson"):  # of few values, so that some are equal
        right = draw.normal(size=n).round(1)
        return (right + draw.normal(size=n)).round(1).tolist(), right.tolist()
    if metric == "entity_f1":
        lengths = draw.integers(1, 9, n)
        pairs = [[draw.choice(TAGS, length).tolist() for _ in "pr"] for length in lengths]
    elif metric in ("accuracy", "macro_f1"):
        pairs = draw.integers(0, 3, (n, 2)).tolist()
    else:
        pairs = [
            [" ".join(draw.choice(WORDS, draw.integers(0, 6))) for _ in "pr"] for _ in range(n)
        ]
    return [r if keep else p for (p, r), keep in zip(pairs, kept, strict=True)], [
        r for _, r in pairs
    ]
