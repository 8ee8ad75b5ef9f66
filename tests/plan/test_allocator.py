"""Hand-computed cases of c10/cuda/CUDACachingAllocator.cpp, by its constants.

kMinBlockSize 512 B, kSmallSize 1 MiB, kSmallBuffer 2 MiB, kLargeBuffer 20 MiB, kMinLargeAlloc
10 MiB, kRoundLarge 2 MiB.
"""

from __future__ import annotations

import pytest
import torch

from harness.measure.live_tensors import LiveTensors
from harness.plan.allocator import MIB, CachingAllocator, reserved_peak


@pytest.mark.parametrize(
    ("size", "allocated", "reserved"),
    [
        (1, 512, 2 * MIB),
        (512, 512, 2 * MIB),
        (513, 1024, 2 * MIB),
        (MIB, MIB, 2 * MIB),
        (MIB + 1, MIB + 512, 20 * MIB),
        (10 * MIB - 512, 10 * MIB - 512, 20 * MIB),
        # From kMinLargeAlloc on a segment is as large as the request, in steps of kRoundLarge; a
        # rest of at most kSmallSize is not split off, and counts as allocated.
        (10 * MIB, 10 * MIB, 10 * MIB),
        (11 * MIB, 12 * MIB, 12 * MIB),
        (11 * MIB - 512, 11 * MIB - 512, 12 * MIB),
        (12 * MIB + 512, 12 * MIB + 512, 14 * MIB),
    ],
)
def test_a_single_request(size: int, allocated: int, reserved: int) -> None:
    allocator = CachingAllocator()
    allocator.allocate("a", size)
    assert (allocator.allocated, allocator.reserved) == (allocated, reserved)


def test_small_requests_share_a_segment_until_it_is_full() -> None:
    allocator = CachingAllocator()
    for number in range(2 * MIB // 512):
        allocator.allocate(number, 1)
    assert allocator.reserved == 2 * MIB
    allocator.allocate("one more", 1)
    assert allocator.reserved == 4 * MIB


def test_requests_below_10_mib_share_segments_of_20_mib() -> None:
    allocator = CachingAllocator()
    for number in range(4):
        allocator.allocate(number, 5 * MIB)
    assert allocator.reserved == 20 * MIB


def test_what_is_freed_is_kept_and_used_again() -> None:
    allocator = CachingAllocator()
    for _ in range(5):
        allocator.allocate("a", 64 * MIB)
        allocator.free("a")
    assert (allocator.allocated, allocator.reserved) == (0, 64 * MIB)
    assert allocator.allocated_peak == 64 * MIB


def test_the_smallest_free_block_that_is_large_enough_is_taken() -> None:
    allocator = CachingAllocator()
    for name, size in (("large", 64 * MIB), ("fits", 32 * MIB), ("small", 16 * MIB)):
        allocator.allocate(name, size)
    for name in ("large", "fits", "small"):
        allocator.free(name)
    allocator.allocate("a", 30 * MIB)  # from the 32, so that the 64 stay whole
    allocator.allocate("b", 64 * MIB)
    assert allocator.reserved == 112 * MIB


def test_of_equal_blocks_the_one_at_the_lowest_address_is_taken() -> None:
    allocator = CachingAllocator()
    for number in range(4):  # one segment of 20 MiB: 5, 5, 5, 5
        allocator.allocate(number, 5 * MIB)
    allocator.free(2)
    allocator.free(0)
    allocator.allocate("a", 5 * MIB)  # at 0, not at 2
    allocator.free(3)  # joins 2
    allocator.allocate("b", 9 * MIB)
    assert allocator.reserved == 20 * MIB


def test_neighbours_merge_when_both_are_free_and_only_within_a_segment() -> None:
    allocator = CachingAllocator()
    for number in range(4):
        allocator.allocate(number, 5 * MIB)
    for number in (0, 2, 1):  # the last one joins both of its neighbours to 15 MiB
        allocator.free(number)
    allocator.allocate("a", 15 * MIB)
    assert allocator.reserved == 20 * MIB
    apart = CachingAllocator()
    for number in range(2):
        apart.allocate(number, 32 * MIB)
    for number in range(2):
        apart.free(number)
    apart.allocate("a", 64 * MIB)
    assert apart.reserved == 128 * MIB


def test_a_rest_of_up_to_1_mib_stays_with_a_large_block_and_a_larger_one_is_split_off() -> None:
    allocator = CachingAllocator()
    allocator.allocate("a", 64 * MIB)
    allocator.free("a")
    allocator.allocate("b", 63 * MIB)
    assert allocator.allocated == 64 * MIB
    allocator.free("b")
    allocator.allocate("c", 63 * MIB - 512)
    assert allocator.allocated == 63 * MIB - 512
    allocator.allocate("d", MIB + 512)  # in what was split off
    assert allocator.reserved == 64 * MIB


def test_large_requests_never_use_free_small_segments() -> None:
    allocator = CachingAllocator()
    allocator.allocate("a", 512)
    allocator.free("a")
    allocator.allocate("b", MIB + 1)
    assert allocator.reserved == 2 * MIB + 20 * MIB


def test_texts_that_grow_reserve_more_than_the_longest_alone() -> None:
    growing = [(size, change) for size in (10, 12, 14) for change in (size * MIB, -size * MIB)]
    assert reserved_peak(growing) == (10 + 12 + 14) * MIB
    longest_first = growing[4:] + growing[:4]
    assert reserved_peak(longest_first) == 14 * MIB


def test_a_storage_that_grows_exists_twice_while_it_is_copied() -> None:
    assert reserved_peak([(1, 16 * MIB), (1, 16 * MIB)]) == 16 * MIB + 32 * MIB
    assert reserved_peak([(1, 512), (1, -512), (1, 0)]) == 2 * MIB


def test_a_ledger_can_be_replayed() -> None:
    with LiveTensors() as live:
        for _ in range(3):
            torch.zeros(4 * MIB)  # 16 MiB each, one after the other
        kept = torch.zeros(1024)
    assert reserved_peak(live.changes()) == 16 * MIB + 2 * MIB
    del kept
