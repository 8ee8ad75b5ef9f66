"""Saying tokens one after the other, and how long the first and each further one take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from harness.isolation import Failure
from harness.measure.latency import Timing

Read = Callable[..., Any]
"""A decoder: token ids in, `last_hidden_state` and `past_key_values` out."""


@dataclass(frozen=True)
class Prompt:
    """A prompt as read: its cache of `length` keys, and the first token that follows it [batch, 1].

    Virtual tokens that a method puts before the prompt count as keys.
    """

    token: Tensor
    cache: Any
    length: int


@dataclass(frozen=True)
class Generator:
    """A decoder under its output embedding, saying the likeliest token each time.

    `first` reads a prompt, and `further` what comes after it: not the same where a method puts
    something before every input, which is in the cache by then.
    """

    first: Read
    further: Read
    output: Callable[[Tensor], Tensor]

    def prefill(self, input_ids: Tensor) -> Prompt:
        """Read token ids [batch, length] without padding, up to the first new token."""
        mask = torch.ones_like(input_ids)
        found = self.first(input_ids=input_ids, attention_mask=mask, use_cache=True)
        cache = found.past_key_values
        return Prompt(self._likeliest(found), cache, cache.get_seq_length())

    def decode(self, prompt: Prompt, new_tokens: int) -> Tensor:
        """The new tokens [batch, new_tokens], the first one that of the prompt.

        May be called again with the same prompt. Raises Failure unless each new token but the
        last has put exactly one key into the cache.
        """
        cache, token = prompt.cache, prompt.token
        if extra := cache.get_seq_length() - prompt.length:
            cache.crop(-extra)
        said = [token]
        while len(said) < new_tokens:
            mask = token.new_ones(len(token), prompt.length + len(said))
            found = self.further(
                input_ids=token, attention_mask=mask, past_key_values=cache, use_cache=True
            )
            token = self._likeliest(found)
            said.append(token)
        grown = cache.get_seq_length() - prompt.length
        if grown != new_tokens - 1:
            raise Failure(
                "failed",
                f"the cache grew by {grown} keys for {new_tokens - 1} tokens after the first",
            )
        return torch.cat(said, dim=1)

    def generate(self, input_ids: Tensor, new_tokens: int) -> Tensor:
        """The new tokens [batch, new_tokens] that follow token ids [batch, length]."""
        return self.decode(self.prefill(input_ids), new_tokens)

    def _likeliest(self, found: Any) -> Tensor:
        return self.output(found.last_hidden_state[:, -1:]).argmax(-1)


def per_token(timing: Timing, tokens: int) -> Timing:
    """Times of so many tokens each as times of one token."""

    def share(nanoseconds: int) -> int:
        return round(nanoseconds / tokens)

    return replace(
        timing,
        samples={name: tuple(map(share, times)) for name, times in timing.samples.items()},
        cold={name: share(time) for name, time in timing.cold.items()},
    )


def figures(prefill: Timing, decode: Timing) -> dict[str, Any]:
    """Milliseconds to the first token and of each further one, by subject, and ratios of times.

    `prefill_X_over_base` and `decode_X_over_base` are above 1 where X is slower than the base.
    """
    parts = {"prefill": prefill.figures(), "decode": decode.figures()}
    found: dict[str, Any] = {
        "merged": None, "prefill_merged_over_base": None, "decode_merged_over_base": None,
    }  # fmt: skip
    for name in prefill.samples:
        found[name] = {
            "prefill": parts["prefill"][name],
            "decode_per_token": parts["decode"][name],
        }
        if name != "base":
            for part, own in parts.items():
                found[f"{part}_{name}_over_base"] = own[f"{name}_over_base"]
    return found | {"stable": prefill.stable and decode.stable}
