"""The order in which examples come in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

POOL = 50
"""Batches sorted together: enough for short texts to meet short ones, few enough to mix."""


class LengthBuckets:
    """Endless batches of indices: texts of like length together, in an order that a seed fixes.

    Every example comes once per epoch, in an order that depends on the lengths, the batch size and
    the seed alone, so that all methods see the same data. The last batch of an epoch is smaller
    where the examples do not divide.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        if not len(lengths):
            raise ValueError("no lengths: expected at least one example")
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed

    def __iter__(self) -> Iterator[list[int]]:
        epoch = 0
        while True:
            yield from self.epoch(epoch)
            epoch += 1

    def epoch(self, number: int) -> list[list[int]]:
        """The batches of one epoch."""
        generator = np.random.default_rng([self.seed, number])
        order = generator.permutation(len(self.lengths))
        pool = POOL * self.batch_size
        batches: list[list[int]] = []
        for start in range(0, len(order), pool):
            together = order[start : start + pool]
            together = together[np.argsort(self.lengths[together], kind="stable")]
            batches += _cut(together, self.batch_size)
        return [batches[place] for place in generator.permutation(len(batches))]


def longest_first(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Every index once, in batches from the longest texts to the shortest.

    For evaluation, where it pads least, and for memory, where it shows the peak in the first batch.
    """
    return _cut(np.argsort(-np.asarray(lengths), kind="stable"), batch_size)


def _cut(order: np.ndarray, batch_size: int) -> list[list[int]]:
    return [order[i : i + batch_size].tolist() for i in range(0, len(order), batch_size)]
