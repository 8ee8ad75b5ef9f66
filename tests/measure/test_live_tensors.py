from __future__ import annotations

import pytest
import torch

from harness.measure.live_tensors import LiveTensors, Peak

KIB = 1024  # one of these is 256 numbers of four bytes


def test_views_and_in_place_operations_count_once() -> None:
    with LiveTensors() as live:
        whole = torch.zeros(4, 256)
        whole[1].add_(1).view(16, 16).t().mul_(2)
        whole.unsqueeze(0).expand(8, 4, 256)
    assert live.peak().total == 4 * KIB


def test_a_view_keeps_the_whole_storage_alive() -> None:
    with LiveTensors() as live:
        row = torch.zeros(4, 256)[0]
        torch.zeros(256)
        del row
        torch.zeros(2, 256)
    assert live.peak().total == 5 * KIB


def test_what_is_gone_no_longer_counts() -> None:
    with LiveTensors() as live:
        for _ in range(10):
            torch.zeros(3, 256)
    assert live.peak().total == 3 * KIB


def test_an_earlier_tensor_counts_from_the_start_if_labelled_else_from_its_first_use() -> None:
    earlier = torch.zeros(256)
    with LiveTensors() as unlabelled:
        torch.zeros(2, 256)
        earlier + 1
    live = LiveTensors()
    live.label([earlier, earlier.view(16, 16)], "weights")
    with live:
        torch.zeros(2, 256)
        earlier + 1
    assert unlabelled.peak().total == 2 * KIB
    assert live.peak() == Peak(3 * KIB, KIB, 0, 0, 2 * KIB)


def test_a_storage_that_grows_counts_with_its_new_size() -> None:
    with LiveTensors() as live:
        tensor = torch.zeros(256)
        tensor.resize_(4, 256)
        del tensor
        torch.zeros(3, 256)
    assert live.peak().total == 4 * KIB


def test_a_storage_resized_without_an_operation_counts_with_its_new_size() -> None:
    with LiveTensors() as live:
        tensor = torch.zeros(4, 256)
        tensor.untyped_storage().resize_(0)
        torch.zeros(3, 256)
        tensor.untyped_storage().resize_(6 * KIB)
    assert live.peak().total == 6 * KIB
    assert [change for _, change in live.changes()] == [
        4 * KIB,
        -4 * KIB,
        3 * KIB,
        -3 * KIB,
        6 * KIB,
    ]


def test_what_is_resized_after_the_ledger_is_closed_leaves_no_trace() -> None:
    resize = torch.UntypedStorage.resize_
    with LiveTensors() as live:
        tensor = torch.zeros(256)
    tensor.untyped_storage().resize_(8 * KIB)
    assert torch.UntypedStorage.resize_ is resize
    assert live.peak().total == KIB


def test_the_first_label_of_a_storage_stays() -> None:
    tensor = torch.zeros(256)
    live = LiveTensors()
    live.label([tensor], "weights")
    live.label([tensor], "gradients")
    assert live.peak() == Peak(KIB, KIB, 0, 0, 0)


def test_a_label_given_late_holds_for_the_whole_life() -> None:
    live = LiveTensors()
    with live:
        state = torch.zeros(256)
        torch.zeros(5, 256)
    live.label([state], "optimizer")
    assert live.peak() == Peak(6 * KIB, 0, 0, KIB, 5 * KIB)


def test_what_backward_needs_is_alive_until_backward() -> None:
    weight = torch.zeros(256, requires_grad=True)
    live = LiveTensors()
    live.label([weight], "weights")
    with live:
        # Each exp keeps its result for backward though no Python name does.
        loss = weight.exp().exp().exp().sum()
        forward = live.peak()
        loss.backward()
    assert forward.activations == 3 * KIB + 4
    # Backward starts from these, the scalar's own gradient and the first product.
    assert live.peak().activations + live.peak().gradients == 4 * KIB + 8


def test_of_equal_peaks_the_first_is_told() -> None:
    live = LiveTensors()
    with live:
        early = torch.zeros(256)
        live.label([early], "gradients")
        del early
        torch.zeros(256)
    assert live.peak() == Peak(KIB, 0, KIB, 0, 0)


def test_the_empty_ledger_has_no_peak() -> None:
    assert LiveTensors().peak() == Peak(0, 0, 0, 0, 0)


def test_a_sparse_tensor_counts_as_its_places_and_its_values() -> None:
    places, values = torch.arange(256).expand(2, 256).clone(), torch.ones(256)
    sparse = torch.sparse_coo_tensor(places, values, (256, 256), is_coalesced=True)
    dense = torch.ones(256, 1)
    live = LiveTensors()
    live.label([sparse], "weights")
    with live:
        sparse @ dense
    # two places of eight bytes and a value of four for each number; a factor and a product
    assert (live.peak().weights, live.peak().activations) == (5 * KIB, 2 * KIB)


@pytest.mark.parametrize(("kernel", "most"), [("CompositeExplicitAutograd", 9), ("CPU", 2)])
def test_parts_of_a_librarys_operation_count_unless_the_device_has_a_kernel(kernel, most) -> None:
    with torch.library._scoped_library("harness_test", "DEF") as library:
        library.define("squares(Tensor numbers) -> Tensor")
        # Four copies and their squares are there beside the input, and gone with the result.
        library.impl("squares", lambda numbers: numbers.repeat(4, 1).square().sum(0), kernel)
        live = LiveTensors()
        with live:
            torch.ops.harness_test.squares(torch.zeros(256))
    assert live.peak().total == most * KIB
