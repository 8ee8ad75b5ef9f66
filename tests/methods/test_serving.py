from __future__ import annotations

import pytest
import torch

from harness.methods.serving import NotServable
from tests.backbones import build, disturb, states


@pytest.mark.parametrize(
    "method",
    ["lora", "dora", "pfeiffer", "ia3", "prompt_tuning", "prefix_tuning", "bitfit", "full"],
)
class TestAdapters:
    @pytest.fixture
    def adapters(self, method_of, method, tmp_path):
        """A new model that holds the trained adapter, each time it is asked for."""
        found = method_of(method)
        adapted = found.adapt(build("bert"))
        disturb(adapted)
        found.save(adapted, tmp_path)
        return lambda: found.serve(found.restore(build("bert"), tmp_path))

    def test_switch_changes_the_answers_to_the_other_adapters_and_back(self, adapters):
        several = adapters()
        for _ in range(2):
            several.add()
        expected = [states(adapters().model)]
        for number in (1, 2):
            alone = adapters()
            alone.become(number)
            expected.append(states(alone.model))
        assert (expected[0] - expected[1]).abs().max() > 1e-4
        assert (expected[1] - expected[2]).abs().max() > 1e-4
        for number in (0, 2, 1, 1, 0, 2):
            several.switch(number)
            torch.testing.assert_close(
                states(several.model), expected[number], rtol=0, atol=1e-5, msg=str(number)
            )

    def test_no_adapter_shares_memory_with_another(self, adapters):
        several = adapters()
        several.add()
        places = [{t.data_ptr() for t in several.versions[number]} for number in (0, 1)]
        assert len(places[0]) == len(several.versions[0]) == len(several.versions[1])
        assert places[0].isdisjoint(places[1])

    def test_adding_one_leaves_the_one_at_work_at_work(self, adapters):
        several = adapters()
        before = states(several.model)
        several.add()
        assert torch.equal(states(several.model), before)


def test_method_that_names_no_tensors_of_its_own_is_not_served(method_of):
    from harness.methods import Method

    method = method_of("head")
    with pytest.raises(NotServable, match="nothing to switch"):
        method.serve(build("bert"))
    with pytest.raises(NotServable, match="says of no tensors"):
        Method.serve(method, build("bert"))
