"""What is predicted of many settings of one model: plain data, which a plan fills and a page shows.

Memory is in bytes throughout, cards and what is kept free of them in GiB (2^30 bytes).
"""

from __future__ import annotations

from dataclasses import dataclass

PARTS = ("weights", "gradients", "optimizer", "activations")
"""What a peak is made of."""
CARDS = (8, 16, 24, 48, 80, 141)


@dataclass(frozen=True)
class FitRow:
    """A method at a size, for a batch of sequences of so many tokens.

    `weights`, `gradients`, `optimizer` and `activations` are what the training peak is made of.
    Where nothing could be predicted, `error` says why and the figures are None.
    """

    method: str
    family: str
    size: int | None
    size_field: str | None
    batch_size: int
    seq_len: int
    trainable_parameters: int | None = None
    adapter_file_bytes: int | None = None
    train_peak_bytes: int | None = None
    inference_peak_bytes: int | None = None
    weights: int | None = None
    gradients: int | None = None
    optimizer: int | None = None
    activations: int | None = None
    error: str | None = None

    @property
    def label(self) -> str:
        return self.method if self.size is None else f"{self.method} {self.size}"

    @property
    def shape(self) -> tuple[int, int]:
        """Sequences of a batch, and tokens of each."""
        return self.batch_size, self.seq_len


@dataclass(frozen=True)
class ArithmeticRow:
    """One way to add up full fine-tuning. `activations` is None where they are left out of it."""

    name: str
    weights: int
    gradients: int
    optimizer: int
    activations: int | None
    total: int
    note: str


@dataclass(frozen=True)
class Settings:
    """What holds for every row, in words."""

    dtype: str
    optimizer: str
    checkpointing: str
    devices: str


@dataclass(frozen=True)
class FitTable:
    """`reserve` is what is taken off every card before anything may fit on it: the CUDA context and
    the allocator's cache.
    """

    model: str
    parameters: int
    settings: Settings
    rows: tuple[FitRow, ...]
    arithmetic: tuple[ArithmeticRow, ...] = ()
    reserve: float = 1.0
    cards: tuple[int, ...] = CARDS
