"""The metric modules: right, and loaded without a network by many processes at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness import metrics

PREDICTED = [0, 0, 1, 1, 2, 2, 2, 0]
RIGHT = [0, 1, 1, 1, 2, 0, 2, 0]
# By hand: precision and recall are 2/3 and 2/3 for class 0, 1 and 2/3 for 1, 2/3 and 1 for 2.
EXPECTED = {"accuracy": 6 / 8, "macro_f1": (2 / 3 + 4 / 5 + 4 / 5) / 3}

ASK = """
import json, sys
from harness import metrics
scores = {}
for name in ("accuracy", "macro_f1"):
    scores |= metrics.load(name).compute(**json.loads(sys.argv[1]))
print(json.dumps(scores))
"""


@pytest.mark.parametrize("name", EXPECTED)
def test_the_score_is_the_one_by_hand(name: str) -> None:
    found = metrics.load(name).compute(predictions=PREDICTED, references=RIGHT)
    assert found == {name: pytest.approx(EXPECTED[name])}


def test_a_class_that_is_never_right_counts_as_zero() -> None:
    found = metrics.load("macro_f1").compute(predictions=[0, 0, 0, 0], references=[0, 0, 1, 1])
    assert found == {"macro_f1": pytest.approx((2 / 3 + 0) / 2)}


@pytest.mark.slow
def test_processes_with_an_empty_cache_and_no_network_load_at_once(tmp_path: Path) -> None:
    offline = {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    asked = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                ASK,
                json.dumps({"predictions": PREDICTED, "references": RIGHT}),
            ],
            cwd=Path(harness.__file__).parents[1],
            env=os.environ | offline,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in asked:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert json.loads(out) == pytest.approx(EXPECTED)
