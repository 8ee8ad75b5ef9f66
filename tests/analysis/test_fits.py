from __future__ import annotations

import pytest

from harness.analysis.fits import (
    Fit,
    fit,
    headroom,
    largest_shape,
    smallest_card,
    smallest_shape,
    training,
)
from tests import fit_tables
from tests.fit_tables import GIB

EDGE = int(7.25 * GIB)  # of a card of 8 GiB when 0.75 are kept back


@pytest.mark.parametrize(
    ("train", "inference", "found"),
    [
        (EDGE, EDGE, Fit.TRAINS),
        (EDGE + 1, EDGE, Fit.INFERENCE),
        (EDGE + 1, EDGE + 1, Fit.NOT),
    ],
)
def test_a_peak_fits_until_it_takes_a_byte_more_than_is_usable(
    train: int, inference: int, found: Fit
) -> None:
    row = fit_tables.row(train_peak_bytes=train, inference_peak_bytes=inference)
    table = fit_tables.table(row)
    assert fit(table, row, 8) is found
    assert fit(table, row, 16) is Fit.TRAINS
    assert headroom(table, row, 8) == EDGE - train
    assert smallest_card(table, train) == (8 if train == EDGE else 16)


def test_what_is_kept_back_is_the_tables_own() -> None:
    row = fit_tables.row(train_peak_bytes=EDGE)
    assert fit(fit_tables.table(row, reserve=0.75), row, 8) is Fit.TRAINS
    assert fit(fit_tables.table(row, reserve=0.76), row, 8) is Fit.INFERENCE


def test_a_peak_above_every_card_has_none() -> None:
    table = fit_tables.table()
    assert smallest_card(table, int(140.25 * GIB)) == 141
    assert smallest_card(table, int(140.25 * GIB) + 1) is None
    assert smallest_card(table, None) is None


def test_what_could_not_be_predicted_neither_fits_nor_fails_to() -> None:
    row = fit_tables.failed()
    table = fit_tables.table(row)
    assert fit(table, row, 141) is None
    assert headroom(table, row, 141) is None
    assert training(table, 141) == []


def test_shapes_are_ordered_by_the_batch_first_and_by_all_tokens_last() -> None:
    rows = [
        fit_tables.row(batch_size=batch, seq_len=tokens)
        for batch, tokens in ((2, 128), (1, 4096), (8, 512), (1, 256))
    ]
    assert smallest_shape(rows) == (1, 256)
    assert largest_shape(rows) == (8, 512)  # as many tokens as 1 × 4096, in a larger batch
