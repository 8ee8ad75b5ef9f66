"""`python -m harness.select`: the method that keeps to the constraints.

Only a command: from Python it is `harness.select`, the function.
"""

from __future__ import annotations

import json
import sys
from dataclasses import fields

from omegaconf import DictConfig, OmegaConf

from harness import entry, store
from harness.amounts import parse_bytes
from harness.analysis.choice import BYTES, Choice, Constraints, select


def command(cfgs: list[DictConfig]) -> int:
    """Print the choice for each config; 0 when each has a pick."""
    choices = []
    for cfg in cfgs:
        frame = store.load(cfg.results)
        choices.append(select(frame, _constraints(cfg)))
    for choice in choices:
        print("\n".join(_told(choice)))
        print(json.dumps(choice.as_dict()))
    return 0 if all(choice.pick for choice in choices) else 1


def _constraints(cfg: DictConfig) -> Constraints:
    plain = {field.name: cfg[field.name] for field in fields(Constraints)}
    for name in BYTES:
        plain[name] = parse_bytes(name, plain[name])
    needs = OmegaConf.to_object(cfg.needs) if OmegaConf.is_list(cfg.needs) else [cfg.needs]
    return Constraints(**{**plain, "needs": tuple(needs)})  # type: ignore[arg-type]


def _told(choice: Choice) -> list[str]:
    """The choice in words, a line each."""
    lines = [f"{choice.study.name}: {len(choice.study.entries)} candidates"]
    if choice.study.basis.peak == "reserved":
        lines.append("training memory is what the allocator reserved; no record knows more")
    if choice.pick:
        lines += [f"pick: {choice.pick.label}", f"  {choice.how_sure}"]
    lines += [f"tied: {entry.label}" for entry, _ in choice.ties]
    lines += [f"runner-up: {entry.label}" for entry in choice.runners_up]
    for out in choice.ruled_out:
        reasons = "; ".join(violation.reason for violation in out.violations)
        lines.append(f"ruled out: {out.entry.label}: {reasons}")
    if choice.relaxed_for:
        changes = ", ".join(
            f"{v.constraint} to {v.value:.6g}" if v.value is not None else f"without {v.reason}"
            for v in choice.relax
        )
        lines.append(f"nothing keeps to all of it; {choice.relaxed_for.label} would with {changes}")
    return lines


if __name__ == "__main__":
    sys.exit(entry.run(command, "select"))
