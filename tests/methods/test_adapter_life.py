"""Several adapters on one base: added, switched, disabled and deleted between requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from peft import PeftModel

from tests.backbones import VOCABULARY, build, disturb, states, trained

ADAPTERS = ("reviews", "news", "spam")


class Separate(NamedTuple):
    """A model with one adapter: where it was saved, and what it answered."""

    folder: Path
    states: torch.Tensor


def separately(found: Any, folder: Path) -> dict[str, Separate]:
    """Models of their own, each with another adapter, as a trial each would leave them."""
    separate = {}
    for number, name in enumerate(ADAPTERS, 1):
        adapted = found.adapt(build("bert")).eval()
        disturb(adapted)
        with torch.no_grad():
            for parameter in trained(adapted):
                parameter *= number
        found.save(adapted, folder / name)
        separate[name] = Separate(folder / name, states(adapted))
    return separate


def served(model: PeftModel, name: str) -> torch.Tensor:
    model.set_adapter(name)
    return states(model)


@pytest.mark.parametrize(
    "method", ["houlsby", "pfeiffer", "parallel", "lora", "lora_fa", "dora", "ia3"]
)
@pytest.mark.filterwarnings("ignore:Adapter news was active which is now deleted:UserWarning")
class TestServing:
    @pytest.fixture
    def separate(self, method_of, method, tmp_path) -> dict[str, Separate]:
        return separately(method_of(method, "size=4"), tmp_path)

    @pytest.fixture
    def serving(self, separate) -> PeftModel:
        """One base with the first adapter, as a server starts."""
        folder = separate["reviews"].folder
        return PeftModel.from_pretrained(build("bert"), folder, adapter_name="reviews").eval()

    def add(self, serving: PeftModel, separate: dict[str, Separate], *names: str) -> None:
        for name in names:
            serving.load_adapter(str(separate[name].folder), adapter_name=name)

    def check(self, serving: PeftModel, separate: dict[str, Separate], requests: str) -> None:
        """Each request is answered as by the model that has its adapter alone."""
        for name in requests.split():
            expected = states(build("bert")) if name == "none" else separate[name].states
            if name == "none":
                with serving.disable_adapter():
                    found = states(serving)
            else:
                found = served(serving, name)
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-6, msg=name)

    def test_separate_models_differ_so_that_a_mix_up_would_show(self, separate):
        every = [states(build("bert")), *(one.states for one in separate.values())]
        for place, one in enumerate(every):
            for other in every[place + 1 :]:
                assert (one - other).abs().max() > 1e-2

    def test_requests_for_several_adapters_interleave(self, serving, separate):
        self.add(serving, separate, "news", "spam")
        self.check(serving, separate, "reviews spam none news news none none spam reviews spam")

    def test_adapter_added_while_serving_disturbs_nobody(self, serving, separate):
        self.check(serving, separate, "reviews none")
        self.add(serving, separate, "news")
        torch.testing.assert_close(
            states(serving), separate["reviews"].states, rtol=0, atol=1e-6
        )  # it is not put to work by being added
        self.check(serving, separate, "reviews news none reviews")

    def test_adapter_deleted_while_serving_is_gone_and_disturbs_nobody(self, serving, separate):
        self.add(serving, separate, "news", "spam")
        serving.set_adapter("reviews")
        serving.delete_adapter("news")
        self.check(serving, separate, "reviews spam none")
        assert set(serving.peft_config) == {"reviews", "spam"}
        assert not [name for name in serving.state_dict() if "news" in name]
        with pytest.raises(ValueError, match="news"):
            serving.set_adapter("news")

    def test_name_of_a_deleted_adapter_is_free_for_another(self, serving, separate):
        self.add(serving, separate, "news")
        serving.set_adapter("reviews")
        serving.delete_adapter("news")
        serving.load_adapter(str(separate["spam"].folder), adapter_name="news")
        torch.testing.assert_close(
            served(serving, "news"), separate["spam"].states, rtol=0, atol=1e-6
        )
        self.check(serving, separate, "reviews none")

    def test_deleting_the_adapter_at_work_leaves_the_others_whole(self, serving, separate):
        self.add(serving, separate, "news", "spam")
        serving.set_adapter("news")
        serving.delete_adapter("news")
        self.check(serving, separate, "spam none reviews")

    def test_whole_life_ends_at_the_base_to_the_bit(self, serving, separate):
        self.add(serving, separate, "news", "spam")
        self.check(serving, separate, "spam none news")
        serving.delete_adapter("news")
        self.add(serving, separate, "news")
        self.check(serving, separate, "reviews news spam")
        with serving.disable_adapter():
            assert torch.equal(states(serving), states(build("bert")))
        base = serving.unload()
        assert torch.equal(states(base), states(build("bert")))
        assert list(base.state_dict()) == list(build("bert").state_dict())


class TestMixedBatch:
    """Requests for several adapters in one batch, through peft's `adapter_names`."""

    NAMES = ("news", "__base__", "reviews", "spam", "reviews")

    def requests(self) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(3)
        input_ids = torch.randint(VOCABULARY, (len(self.NAMES), 9), generator=generator)
        attention_mask = torch.ones_like(input_ids)
        attention_mask[1, 4:] = attention_mask[3, 7:] = 0
        return {"input_ids": input_ids, "attention_mask": attention_mask}

    def serving(self, found: Any, folder: Path) -> PeftModel:
        separate = separately(found, folder)
        base = build("bert")
        model = PeftModel.from_pretrained(base, separate["reviews"].folder, adapter_name="reviews")
        for name in ("news", "spam"):
            model.load_adapter(str(separate[name].folder), adapter_name=name)
        return model.eval()

    def test_each_row_is_answered_by_its_own_lora(self, method_of, tmp_path):
        model = self.serving(method_of("lora", "size=4"), tmp_path)
        requests = self.requests()
        with torch.no_grad():
            mixed = model(**requests, adapter_names=list(self.NAMES)).last_hidden_state
            for row, name in enumerate(self.NAMES):
                one = {key: value[row : row + 1] for key, value in requests.items()}
                if name == "__base__":
                    with model.disable_adapter():
                        alone = model(**one).last_hidden_state
                else:
                    model.set_adapter(name)
                    alone = model(**one).last_hidden_state
                torch.testing.assert_close(mixed[row], alone[0], rtol=0, atol=1e-6, msg=name)

    def test_bottlenecks_refuse_what_they_would_answer_with_one_adapter(self, method_of, tmp_path):
        model = self.serving(method_of("houlsby", "size=4"), tmp_path)
        with pytest.raises(ValueError, match="one adapter at a time"):
            model(**self.requests(), adapter_names=list(self.NAMES))
