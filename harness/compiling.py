"""Training steps compiled by torch (`train.compile`), and what compiling takes."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import Any, Self

import torch
from torch import nn
from torch._dynamo.callback import callback_handler
from torch._inductor import config as inductor

from harness.errors import ConfigError

FIELD = "train.compile"


def require_compiler(device: str) -> None:
    """Raises ConfigError where torch lacks what it compiles with: C++ for a CPU, triton for a GPU.

    On a CPU that is what CXX names, else g++; triton in turn calls CC, gcc or clang.
    """
    if device == "cpu":
        named = os.environ.get("CXX", "g++")
        if shutil.which(named) is None:
            raise ConfigError(FIELD, True, f"needs a C++ compiler; there is no {named} (CXX)")
        return
    if find_spec("triton") is None:
        raise ConfigError(FIELD, True, "needs triton, which is not installed: pip install triton")
    names = [os.environ["CC"]] if "CC" in os.environ else ["gcc", "clang"]
    if not any(map(shutil.which, names)):
        expected = f"needs a C compiler for triton; there is no {' or '.join(names)} (CC)"
        raise ConfigError(FIELD, True, expected)


def compile_calls(model: nn.Module) -> None:
    """Let calls of a model be compiled at the first of them, in place: no name in it changes.

    For any batch and length, since batches are as long as their longest text; those of one example
    are compiled apart. What torch cannot put into a graph, such as a hook of Python's, it runs as
    it is written, between two graphs.
    """
    inductor.compile_threads = 1  # in this process: others would outlive a phase that is killed
    model.compile(dynamic=True)


def as_written() -> AbstractContextManager[None]:
    """Calls inside are not compiled, whatever was asked for before."""
    return torch.compiler.set_stance("force_eager")


class Compilations:
    """Counts what is compiled while it is entered, forward and backward, and the seconds."""

    def __init__(self) -> None:
        self.number = 0
        self.seconds = 0.0

    def __enter__(self) -> Self:
        callback_handler.register_start_callback(self._begin)
        callback_handler.register_end_callback(self._end)
        return self

    def __exit__(self, *error: object) -> None:
        callback_handler.remove_start_callback(self._begin)
        callback_handler.remove_end_callback(self._end)

    def figures(self) -> dict[str, Any]:
        """For the record's group of the training."""
        return {"compilations": self.number, "compile_seconds": self.seconds}

    def _begin(self, _: Any) -> None:
        self._began = time.perf_counter()

    def _end(self, _: Any) -> None:
        self.number += 1
        self.seconds += time.perf_counter() - self._began
