"""How long a file of tensors is, known without writing it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import torch
from torch import Tensor

# What the format calls each dtype, in the order in which its writer puts them.
DTYPES = {
    torch.uint64: "U64",
    torch.int64: "I64",
    torch.float64: "F64",
    torch.complex64: "C64",
    torch.float32: "F32",
    torch.uint32: "U32",
    torch.int32: "I32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.uint16: "U16",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
ORDER = list(DTYPES)
LENGTH = 8
"""Bytes that say how long the header is, and what the header is filled up to a multiple of."""


def file_size(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> int:
    """Bytes of the safetensors file that holds `tensors`, which may be on the meta device.

    The format: eight bytes with the length of a header, the header in JSON, the data. The header
    tells where each tensor lies, and those are sorted by dtype, then by name.
    https://github.com/huggingface/safetensors#format
    """
    header: dict[str, object] = {} if metadata is None else {"__metadata__": dict(metadata)}
    end = 0
    for name in sorted(tensors, key=lambda name: (ORDER.index(tensors[name].dtype), name)):
        tensor = tensors[name]
        start, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    told = len(json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode())
    return LENGTH + -(-told // LENGTH) * LENGTH + end
