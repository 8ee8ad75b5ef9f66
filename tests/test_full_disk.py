"""A full disk is told by the system's number, whichever library met it."""

from __future__ import annotations

import errno

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from harness.full_disk import RUST, full_disk

SAFETENSORS = "Error while serializing: I/O error: No space left on device (os error 28)"


def test_error_of_the_system_is_itself():
    error = OSError(errno.ENOSPC, "No space left on device", "weights")
    assert full_disk(error) is error


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EROFS])
def test_a_quota_and_a_disk_gone_read_only_are_full_too(number):
    assert full_disk(OSError(number, "")).errno == number


def test_error_of_safetensors_is_read_from_its_words():
    found = full_disk(SafetensorError(SAFETENSORS))
    assert (found.errno, found.strerror) == (errno.ENOSPC, "No space left on device")


def test_safetensors_still_ends_its_words_with_the_systems_number(tmp_path):
    with pytest.raises((SafetensorError, OSError)) as caught:
        save_file({"weight": torch.zeros(1)}, tmp_path / "absent" / "file")
    number = getattr(caught.value, "errno", None) or int(RUST.search(str(caught.value))[1])
    assert number == errno.ENOENT


def test_what_came_of_a_full_disk_leads_back_to_it():
    error = RuntimeError("could not be saved")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert full_disk(error) is error.__cause__


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory"),
        SafetensorError("I/O error: Permission denied (os error 13)"),
        ValueError("the disk of 28 examples"),
    ],
)
def test_other_errors_are_none(error):
    assert full_disk(error) is None
