"""What would have been measured on other test examples and seeds, drawn many times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.analysis.study import Study

RESAMPLES = 200
Z = 1.959964


def resampled(study: Study) -> NDArray[np.float64]:
    """Qualities of shape (RESAMPLES, entries), NaN where unknown: draws from the intervals."""
    draws = np.random.default_rng(0).standard_normal((RESAMPLES, len(study.entries)))
    qualities = [entry["quality"] for entry in study.entries]
    middle = np.array([np.nan if q.value is None else q.value for q in qualities], dtype=float)
    widths = [(q.high or 0.0) - (q.low or 0.0) if q.bounded else 0.0 for q in qualities]
    return middle + draws * np.array(widths, dtype=float) / (2 * Z)
