from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, LlamaForCausalLM

from harness.config import ModelConfig, Source
from harness.isolation import Failure
from harness.measure.generation import Generator, figures, per_token
from harness.measure.latency import Timing, interleaved
from harness.models import NoOutput, generates, load_backbone, load_output
from harness.phases import generation
from tests.backbones import BUILDERS, VOCABULARY, WIDTH, build, disturb
from tests.measure.test_latency import MS, FakeClock

NEW = 8
# GPT-2 has no key and value projections of their own, which IA3 places itself on.
IA3_ON_GPT2 = (
    "+method.target_modules=[c_attn,mlp.c_proj]", "+method.feedforward_modules=[mlp.c_proj]",
)  # fmt: skip


def output() -> nn.Linear:
    torch.manual_seed(7)
    return nn.Linear(WIDTH, VOCABULARY, bias=False)


def prompts(batch_size: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randint(VOCABULARY, (batch_size, 6), generator=generator)


def adapted_by(method: Any, architecture: str) -> nn.Module:
    model = method.adapt(build(architecture)).eval()
    disturb(model)
    # Fresh weights are so small that the states hardly depend on the text: every token the same.
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1 and not parameter.requires_grad:
                parameter *= 10
    return model


@torch.no_grad()
def recomputed(model: nn.Module, head: nn.Module, input_ids: Tensor) -> Tensor:
    """The tokens that follow, the whole text read anew for each of them and nothing kept."""
    text = input_ids
    for _ in range(NEW):
        read = model(input_ids=text, attention_mask=torch.ones_like(text))
        text = torch.cat([text, head(read.last_hidden_state[:, -1:]).argmax(-1)], dim=1)
    return text[:, input_ids.shape[1] :]


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
class TestTokens:
    @pytest.mark.parametrize(
        "name", ["lora", "pfeiffer", "ia3", "prompt_tuning", "prefix_tuning", "bitfit"]
    )
    def test_tokens_are_those_of_reading_the_whole_text_each_time(
        self, method_of, architecture, name
    ):
        if (name, architecture) == ("bitfit", "llama"):
            pytest.skip("a Llama has no biases")
        overrides = IA3_ON_GPT2 if (name, architecture) == ("ia3", "gpt2") else ()
        method = method_of(name, *overrides)
        model, head = adapted_by(method, architecture), output()
        generator = Generator(model, method.after_prompt(model), head)
        with torch.inference_mode():
            prompt = generator.prefill(prompts())
            said = generator.decode(prompt, NEW)
            again = generator.decode(prompt, NEW)
        assert torch.equal(said, recomputed(model, head, prompts()))
        assert torch.equal(again, said), "a prompt can be gone on from more than once"
        assert len(said.unique()) > 2, "tokens that are all alike would show no mistake"

    @pytest.mark.parametrize("name", ["prompt_tuning", "prefix_tuning"])
    def test_virtual_tokens_put_in_twice_are_a_failure(self, method_of, architecture, name):
        model = adapted_by(method_of(name, "size=3"), architecture)
        wrong = Generator(model, model, output())
        with torch.inference_mode(), pytest.raises(Failure, match="the cache grew by"):
            wrong.generate(prompts(), NEW)

    def test_length_of_the_prompt_counts_its_virtual_tokens(self, method_of, architecture):
        for name, length in (("prompt_tuning", 5), ("prefix_tuning", 5), ("lora", 0)):
            method = method_of(name, "size=5")
            model = adapted_by(method, architecture)
            with torch.inference_mode():
                prompt = Generator(model, method.after_prompt(model), output()).prefill(prompts())
            assert prompt.length == length + 6


class TestCount:
    def test_so_many_tokens_are_said_for_every_prompt(self):
        model = build("gpt2")
        with torch.inference_mode():
            for new in (2, 5):
                assert Generator(model, model, output()).generate(prompts(3), new).shape == (3, new)

    def test_decoder_that_keeps_no_keys_is_a_failure(self):
        model = build("gpt2")

        def forgetful(**given: Any) -> Any:
            return model(input_ids=given["input_ids"])

        generator = Generator(model, forgetful, output())
        with torch.inference_mode(), pytest.raises(Failure, match="grew by 0 keys for 3 tokens"):
            generator.generate(prompts(), 4)


class TestFigures:
    def timed(self, **milliseconds: float) -> Timing:
        clock = FakeClock()
        subjects = {name: clock.subject(name, ms) for name, ms in milliseconds.items()}
        return interleaved(subjects, seconds=0, rounds=20, warmups=1, seed=0, clock=clock)

    def test_times_and_ratios_of_the_first_token_and_of_each_further_one(self):
        prefill = self.timed(base=10, unmerged=12, merged=10)
        decode = per_token(self.timed(base=62, unmerged=93, merged=62), 31)
        found = figures(prefill, decode)
        assert found["base"]["prefill"]["median_ms"] == 10
        assert found["base"]["decode_per_token"]["median_ms"] == 2
        assert found["unmerged"]["decode_per_token"]["median_ms"] == 3
        assert found["prefill_unmerged_over_base"] == {"value": 1.2, "ci_low": 1.2, "ci_high": 1.2}
        assert found["decode_unmerged_over_base"] == {"value": 1.5, "ci_low": 1.5, "ci_high": 1.5}
        assert found["decode_merged_over_base"]["value"] == 1
        assert found["stable"]

    def test_what_does_not_merge_has_nulls(self):
        timing = self.timed(base=1, unmerged=2)
        found = figures(timing, timing)
        assert found["merged"] is found["prefill_merged_over_base"] is None
        assert found["decode_merged_over_base"] is None

    def test_time_of_a_token_is_its_share(self):
        timing = Timing({"base": (30 * MS, 60 * MS)}, {"base": 90 * MS}, 0, False, (0, 1))
        found = per_token(timing, 30)
        assert (found.samples, found.cold) == ({"base": (MS, 2 * MS)}, {"base": 3 * MS})


def saved(architecture: str, folder: Any) -> ModelConfig:
    build(architecture).save_pretrained(folder)
    return ModelConfig(architecture, Source(kind="path", path=str(folder)), pooling="last")


class TestOutput:
    def test_decoders_alone_say_what_comes_next(self):
        found = {name for name in BUILDERS if generates(build(name).config)}
        assert found == {"llama", "gpt2"}

    def test_tied_output_is_the_embedding(self, tmp_path):
        model = saved("gpt2", tmp_path)
        embedding = build("gpt2").get_input_embeddings()
        assert torch.equal(load_output(model).weight, embedding.weight)  # type: ignore[arg-type]

    def test_untied_output_comes_from_the_checkpoint(self, tmp_path):
        torch.manual_seed(3)
        whole = LlamaForCausalLM(build("llama").config)
        whole.save_pretrained(tmp_path)
        model = ModelConfig("llama", Source(kind="path", path=str(tmp_path)), pooling="last")
        assert torch.equal(load_output(model).weight, whole.lm_head.weight)  # type: ignore[arg-type]

    def test_a_decoder_in_bfloat16_generates_under_an_output_in_bfloat16(self, tmp_path):
        model = replace(saved("gpt2", tmp_path), dtype="bfloat16")
        backbone, output = load_backbone(model).eval(), load_output(model)
        generator = Generator(backbone, backbone, output)
        with torch.inference_mode():
            prompt = generator.prefill(torch.tensor([[5, 6, 7]]))
            states = backbone(torch.tensor([[5, 6, 7]])).last_hidden_state
        assert states.dtype == torch.bfloat16
        assert prompt.token.item() == output(states)[0, -1].argmax().item()

    def test_checkpoint_without_an_output_is_told_apart(self, tmp_path):
        assert not AutoConfig.for_model("llama").tie_word_embeddings
        with pytest.raises(NoOutput, match="has no output embedding"):
            load_output(saved("llama", tmp_path))

    @pytest.mark.parametrize("architecture", ["bert", "t5"])
    def test_what_is_no_decoder_has_none(self, architecture, tmp_path):
        with pytest.raises(NoOutput, match="not a decoder"):
            load_output(saved(architecture, tmp_path))

    def test_phase_leaves_the_reason(self, tmp_path):
        bench: Any = SimpleNamespace(trial=SimpleNamespace(model=saved("bert", tmp_path)))
        found = generation.run(bench)["latency"]
        assert found["generation"] is None
        assert "not a decoder" in found["generation_reason"]
