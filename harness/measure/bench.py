"""Does the measuring tell a difference from noise here? `python -m harness.measure.bench`

Two nulls and one positive control are timed as trials time base, unmerged and merged: a second
copy of the base model, a merged LoRA (the same architecture), and the base with one extra
matrix product of 3% of the work of its own. Time does not depend on what the weights are, so
that random ones do.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import BertConfig, BertModel

from harness.measure.environment import environment
from harness.measure.latency import Subjects, Timing, interleaved
from harness.measure.placement import share_weights
from harness.measure.statistics import Interval, paired_ratio, spread

BATCH, TOKENS = 1, 32
EXTRA_WORK = 0.03
WIDEST_HALF = 0.01
# At 95% a sound harness would fail one of its two nulls in every tenth run.
CONFIDENCE = 0.99

NULLS = {"again": "base / base", "merged": "merged / base"}
CONTROL = "control"


def base_model() -> BertModel:
    """Six layers of width 384, the shape of the default model, with the same random weights."""
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    )
    return BertModel(config, add_pooling_layer=False).eval()


def subjects() -> Subjects:
    """The calls to time: base, the same again, a merged LoRA, and base with extra work."""
    base, again = base_model(), base_model()
    lora = LoraConfig(r=8, target_modules=["query", "value"], init_lora_weights=False)
    merged = get_peft_model(base_model(), lora).merge_and_unload().eval()
    share_weights(base, [again, merged])
    tokens = torch.randint(base.config.vocab_size, (BATCH, TOKENS))
    mask = torch.ones_like(tokens)
    width = base.config.hidden_size
    left = torch.randn(BATCH * TOKENS, width)
    # Both products take 2 x tokens x weights operations, so that the weights alone set the share.
    weights = sum(m.weight.numel() for m in base.modules() if isinstance(m, nn.Linear))
    right = torch.randn(width, round(EXTRA_WORK * weights / width))

    @torch.inference_mode()
    def forward(model: nn.Module) -> None:
        model(tokens, attention_mask=mask)

    @torch.inference_mode()
    def forward_and_product() -> None:
        base(tokens, attention_mask=mask)
        left @ right

    return {
        "base": lambda: forward(base),
        "again": lambda: forward(again),
        "merged": lambda: forward(merged),
        CONTROL: forward_and_product,
    }


def verdicts(timing: Timing) -> dict[str, Any]:
    """The ratios to base with their intervals, and whether each is what it has to be."""
    base = timing.samples["base"]
    ratios = {
        name: paired_ratio(samples, base, timing.seed, confidence=CONFIDENCE)
        for name, samples in timing.samples.items()
        if name != "base"
    }
    return {
        name: asdict(ratio)
        | {"half_width": _half_width(ratio), "holds": _holds(ratio, null=name in NULLS)}
        for name, ratio in ratios.items()
    }


def _half_width(ratio: Interval) -> float | None:
    if ratio.ci_low is None or ratio.ci_high is None:
        return None
    return (ratio.ci_high - ratio.ci_low) / 2


def _holds(ratio: Interval, null: bool) -> bool:
    half = _half_width(ratio)
    if ratio.ci_low is None or ratio.ci_high is None or half is None:
        return False
    if null:
        return ratio.ci_low <= 1 <= ratio.ci_high and half <= WIDEST_HALF
    return ratio.ci_low > 1


def main(arguments: list[str] | None = None) -> int:
    """Print the table and one JSON line; 0 when nulls and control are what they have to be."""
    parser = argparse.ArgumentParser(prog="python -m harness.measure.bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=36, help="of timing, repeated if unstable")
    parser.add_argument("--rounds", type=int, default=100, help="of timing at least")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--seed", type=int, default=0, help="of the order and the resampling")
    options = parser.parse_args(arguments)

    started = time.perf_counter()
    torch.set_num_threads(options.threads)
    timing = interleaved(
        subjects(),
        seconds=options.seconds,
        rounds=options.rounds,
        warmups=10,
        seed=options.seed,
    )
    found = verdicts(timing)
    milliseconds = spread([sample / 1e6 for sample in timing.samples["base"]])
    result = {
        "ratios": found,
        "base_ms": milliseconds.median,
        "rounds": milliseconds.n,
        "confidence": CONFIDENCE,
        "stable": timing.stable,
        "repeated": timing.repeated,
        "holds": all(ratio["holds"] for ratio in found.values()),
        "seconds": time.perf_counter() - started,
        "environment": environment(),
    }
    _print_table(result)
    print(json.dumps(result))
    return 0 if result["holds"] else 1


def _print_table(result: dict[str, Any]) -> None:
    labels = NULLS | {CONTROL: f"base + {EXTRA_WORK:.0%} / base"}
    print(f"{'':18}{'ratio':>8}  {result['confidence']:.0%} interval   half-width")
    for name, ratio in result["ratios"].items():
        if ratio["half_width"] is None:
            print(f"{labels[name]:18}{ratio['value']:8.4f}  too few rounds for an interval")
            continue
        needed = f"contains 1, half-width <= {WIDEST_HALF}" if name in NULLS else "above 1"
        verdict = "holds" if ratio["holds"] else "FAILS"
        interval = f"{ratio['ci_low']:.4f} to {ratio['ci_high']:.4f}"
        print(
            f"{labels[name]:18}{ratio['value']:8.4f}  {interval}  {ratio['half_width']:8.4f}"
            f"  {verdict}: {needed}"
        )
    steadiness = "stable" if result["stable"] else "unstable (IQR above 10% of the median)"
    again = ", after one repeat" if result["repeated"] else ""
    print(
        f"base {result['base_ms']:.2f} ms, {result['rounds']} rounds, {steadiness}{again}; "
        f"load {result['environment']['load']}, threads {result['environment']['threads']}"
    )


if __name__ == "__main__":
    sys.exit(main())
