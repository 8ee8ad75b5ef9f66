"""What torch's caching allocator reserves on a CUDA device for a stream of allocations and frees.

The rules are those of c10/cuda/CUDACachingAllocator.cpp in its default setting: one stream, no
expandable segments, no garbage collection, no limit on splitting, and a device large enough that
nothing is ever given back.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass

MIB = 2**20

# The source's kMinBlockSize, kSmallSize, kSmallBuffer, kLargeBuffer, kMinLargeAlloc, kRoundLarge.
BLOCK = 512
LARGEST_SMALL = MIB
SMALL_SEGMENT = 2 * MIB
LARGE_SEGMENT = 20 * MIB
OWN_SEGMENT = 10 * MIB
SEGMENT_STEP = 2 * MIB


def reserved_peak(changes: Iterable[tuple[int, int]]) -> int:
    """Bytes that the allocator holds at most (`torch.cuda.max_memory_reserved`).

    `changes` are those of `LiveTensors.changes`: the number of a storage, and the bytes by which
    it grows or shrinks, in order. It takes those of all layers: what lies idle between blocks does
    not grow evenly with the depth. It also depends on what came before: batches that get longer
    leave segments that are too small for the next, so that a run reserves least when its longest
    batch is the first.
    """
    allocator = CachingAllocator()
    sizes: dict[int, int] = {}
    for number, change in changes:
        old = sizes.pop(number, 0)
        new = old + change
        if new:
            allocator.allocate((number, new), new)
            sizes[number] = new
        if old:  # a storage that is resized is copied, so that both exist for a moment
            allocator.free((number, old))
    return allocator.reserved_peak


class CachingAllocator:
    """Segments of device memory, cut into blocks; freed blocks are kept and used again.

    `allocated` and `reserved` are the bytes now, with `_peak` the highest so far.
    """

    def __init__(self) -> None:
        self.allocated = self.allocated_peak = 0
        self.reserved = self.reserved_peak = 0
        self._used: dict[object, _Block] = {}
        self._small = _Pool(least_rest=BLOCK)
        self._large = _Pool(least_rest=LARGEST_SMALL + 1)
        self._next_address = 0

    def allocate(self, key: object, size: int) -> None:
        """Take the smallest free block that is large enough, at the lowest address of those."""
        size = -(-size // BLOCK) * BLOCK
        pool = self._small if size <= LARGEST_SMALL else self._large
        block = pool.take(size) or self._segment(size)
        if block.size - size >= pool.least_rest:
            pool.give(block.split(size))
        self._used[key] = block
        self.allocated += block.size
        self.allocated_peak = max(self.allocated_peak, self.allocated)

    def free(self, key: object) -> None:
        """Give a block back to its pool, merged with the free blocks beside it."""
        block = self._used.pop(key)
        self.allocated -= block.size
        pool = self._small if block.small else self._large
        for neighbour in (block.before, block.after):
            if neighbour is not None and neighbour.free:
                pool.drop(neighbour)
                block.absorb(neighbour)
        pool.give(block)

    def _segment(self, size: int) -> _Block:
        small = size <= LARGEST_SMALL
        if small:
            length = SMALL_SEGMENT
        elif size < OWN_SEGMENT:
            length = LARGE_SEGMENT
        else:
            length = -(-size // SEGMENT_STEP) * SEGMENT_STEP
        block = _Block(self._next_address, length, small)
        self._next_address += length
        self.reserved += length
        self.reserved_peak = max(self.reserved_peak, self.reserved)
        return block


@dataclass(eq=False, slots=True)
class _Block:
    address: int
    size: int
    small: bool
    free: bool = False
    before: _Block | None = None
    after: _Block | None = None

    def split(self, size: int) -> _Block:
        """Keep the first `size` bytes; returns the block of the others."""
        rest = _Block(self.address + size, self.size - size, self.small)
        rest.before, rest.after = self, self.after
        if self.after is not None:
            self.after.before = rest
        self.after, self.size = rest, size
        return rest

    def absorb(self, neighbour: _Block) -> None:
        self.size += neighbour.size
        if neighbour is self.before:
            self.address, self.before = neighbour.address, neighbour.before
            if self.before is not None:
                self.before.after = self
        else:
            self.after = neighbour.after
            if self.after is not None:
                self.after.before = self


class _Pool:
    """Free blocks by size, those of one size by address."""

    def __init__(self, least_rest: int) -> None:
        self.least_rest = least_rest  # what is left of a block is split off from this size on
        self._order: list[tuple[int, int]] = []
        self._blocks: dict[int, _Block] = {}  # by address

    def take(self, size: int) -> _Block | None:
        place = bisect_left(self._order, (size, 0))
        if place == len(self._order):
            return None
        _, address = self._order.pop(place)
        block = self._blocks.pop(address)
        block.free = False
        return block

    def give(self, block: _Block) -> None:
        block.free = True
        insort(self._order, (block.size, block.address))
        self._blocks[block.address] = block

    def drop(self, block: _Block) -> None:
        del self._order[bisect_left(self._order, (block.size, block.address))]
        del self._blocks[block.address]
