"""How many bytes of tensors are alive, after every operation."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import torch
from torch._C import DispatchKey
from torch.utils._python_dispatch import (
    TorchDispatchMode,
    is_traceable_wrapper_subclass,
    is_traceable_wrapper_subclass_type,
)
from torch.utils._pytree import tree_iter

Part = Literal["weights", "gradients", "optimizer", "activations"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class Peak:
    """Bytes alive when most were; the four parts add up to the total.

    Activations are all that is neither of the other three: inputs, what backward needs, and
    what an operation needs for a moment, those of the optimizer's step included.
    """

    total: int
    weights: int
    gradients: int
    optimizer: int
    activations: int


class LiveTensors(TorchDispatchMode):
    """A ledger of every storage that the operations inside it read or make.

    A storage counts once however many tensors view it, from the operation that made it until
    the last of them is gone. One that was made before counts from the start if it is labelled,
    else from its first use. What a kernel takes and gives back inside one operation is not
    seen. Under any such mode autograd adds gradients that meet at one tensor out of place, so
    that a peak that lies exactly there comes out one activation too high.

    `block` is what a device's allocator rounds the bytes of every storage up to.
    """

    def __init__(self, block: int = 1) -> None:
        super().__init__()
        self._block = block
        self._changes: list[tuple[int, int]] = []  # storage number, bytes more or less
        self._parts: dict[int, Part] = {}
        self._alive: dict[int, _Storage] = {}
        self._marks: list[tuple[int, str]] = []  # the change before which a section begins
        self._numbered = 0
        self._resizes: list[Callable[..., Any]] = []

    def __enter__(self) -> Self:
        # A storage may be resized without an operation that tells of it: so sharded training lets
        # go of the weights that it gathered.
        resize = torch.UntypedStorage.resize_
        self._resizes.append(resize)

        def resize_and_see(storage: Any, size: int) -> Any:
            resized = resize(storage, size)
            self._see_storage(storage)
            return resized

        torch.UntypedStorage.resize_ = resize_and_see  # type: ignore[method-assign, assignment]
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        torch.UntypedStorage.resize_ = self._resizes.pop()  # type: ignore[method-assign]

    def label(self, tensors: Iterable[torch.Tensor], part: Part) -> None:
        """Say what these tensors are; a storage keeps the first label that it gets."""
        for tensor in tensors:
            for stored in _stored(tensor):
                self._parts.setdefault(self._see(stored), part)

    def changes(self) -> Iterator[tuple[int, int]]:
        """In order: the number of a storage, and the bytes by which it grew or shrank."""
        return iter(self._changes)

    def mark(self, name: str) -> None:
        """Begin a section: `sections` tells the peak of each."""
        self._marks.append((len(self._changes), name))

    def sections(self) -> list[tuple[str, Peak]]:
        """Every section and the first moment in it at which most bytes were alive, by parts.

        What happens before the first mark is a section without a name.
        """
        alive = dict.fromkeys(PARTS, 0)
        found = []
        starts = [(0, ""), *self._marks]
        ends = [start for start, _ in starts[1:]] + [len(self._changes)]
        for (start, name), end in zip(starts, ends, strict=True):
            total = highest = sum(alive.values())
            parts = alive.copy()
            for number, change in self._changes[start:end]:
                alive[self._parts.get(number, "activations")] += change
                total += change
                if total > highest:
                    highest, parts = total, alive.copy()
            found.append((name, Peak(total=highest, **parts)))
        return found

    def peak(self) -> Peak:
        """The first moment at which most bytes were alive, by parts."""
        return max((peak for _, peak in self.sections()), key=lambda peak: peak.total)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.namespace == "prim":  # a question about a fake tensor, no operation
            return func(*args, **kwargs)
        # What is done to a tensor made of tensors comes back as operations on those.
        if any(map(is_traceable_wrapper_subclass_type, types)):
            return NotImplemented
        self._see_all((args, kwargs))
        # Without autograd some operations arrive whole that are made of others, and what those
        # others pass between them would not be seen.
        with self:
            if _made_of_others(func, args):
                result = func._op_dk(DispatchKey.CompositeExplicitAutograd, *args, **kwargs)
            else:
                result = func.decompose(*args, **kwargs)
        if result is NotImplemented:
            result = func(*args, **kwargs)
        self._see_all(result)
        return result

    def _see_all(self, tree: Any) -> None:
        for leaf in tree_iter(tree):
            if isinstance(leaf, torch.Tensor):
                for stored in _stored(leaf):
                    self._see(stored)

    def _see(self, tensor: torch.Tensor) -> int:
        """The number of the tensor's storage, entered into the ledger if it is new or resized."""
        return self._see_storage(tensor.untyped_storage())

    def _see_storage(self, storage: torch.UntypedStorage) -> int:
        address = storage._cdata
        size = -(-storage.nbytes() // self._block) * self._block
        known = self._alive.get(address)
        if known is None:
            self._numbered += 1
            gone = weakref.ref(storage, lambda _: self._free(address))
            known = self._alive[address] = _Storage(self._numbered, 0, gone)
        if size != known.size:
            self._changes.append((known.number, size - known.size))
            known.size = size
        return known.number

    def _free(self, address: int) -> None:
        storage = self._alive.pop(address)
        self._changes.append((storage.number, -storage.size))


def _stored(tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The tensors with a storage that hold a tensor's numbers.

    A sparse one has none of its own; one made of tensors, such as the shard of a larger one, says
    the size of what it stands for.
    """
    if is_traceable_wrapper_subclass(tensor):
        inner = (getattr(tensor, name) for name in tensor.__tensor_flatten__()[0])
        return tuple(t for part in inner if isinstance(part, torch.Tensor) for t in _stored(part))
    if tensor.layout == torch.sparse_coo:
        return tensor._indices(), tensor._values()
    return (tensor,)


def _made_of_others(func: Any, args: Any) -> bool:
    """Whether a library brings no kernel for the device to an operation of its own.

    Autocast does not see the parts of such a one here. torch's own take one step each.
    """
    if func.namespace in ("aten", "prims"):
        return False
    has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
    devices = {leaf.device.type for leaf in tree_iter(args) if isinstance(leaf, torch.Tensor)}
    own = any(has_kernel(func.name(), device.upper()) for device in devices)
    return not own and has_kernel(func.name(), "CompositeExplicitAutograd")


@dataclass
class _Storage:
    number: int
    size: int
    gone: weakref.ref[torch.UntypedStorage]
