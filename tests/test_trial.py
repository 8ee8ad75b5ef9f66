from __future__ import annotations

import pytest

from harness.trial import check
from tests.own_model import write_model, write_table


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (("measure.sequence_length=32",), None),
        (("measure.sequence_length=33",), "after a timed prompt of 33"),
        (("method=prompt_tuning", "size=4", "measure.sequence_length=29"),
         "after a timed prompt of 33"),
        (("measure.sequence_length=33", "measure.new_tokens=null"), None),
    ],
)  # fmt: skip
def test_prompt_and_new_tokens_have_to_fit_a_decoders_context(
    trial_of, tmp_path, overrides, problem
):
    write_model(tmp_path / "model", "gpt2")  # of 64 positions
    write_table(tmp_path / "data.csv")
    trial = trial_of(
        "model=path", f"model.path={tmp_path}/model", "task=csv", "task.max_length=16",
        f"task.path={tmp_path}/data.csv", "measure.new_tokens=32", *overrides,
    )  # fmt: skip
    found = check({"trial": trial.as_dict()})["problems"].get("trial")
    if problem is None:
        assert found is None
    else:
        assert found == f"measure.new_tokens=32: exceeds the model's context of 64 tokens {problem}"
