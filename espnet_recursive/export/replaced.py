"""Attributes and tensors that are replaced within a block of code."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

_MISSING = object()


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Give `owner` another attribute `name` within the block, also where it had none of its own."""
    before = vars(owner).get(name, _MISSING)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if before is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


@contextmanager
def tensors_replaced(
    module: torch.nn.Module, tensors: Mapping[str, torch.Tensor]
) -> Iterator[None]:
    """Give a module other parameters and buffers within the block.

    This is ``torch.func.functional_call``, which refuses to be traced.

    Args:
        module: The module.
        tensors: By their names in it.
    """
    before: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for name, tensor in tensors.items():
            path, _, name = name.rpartition(".")
            owner = module.get_submodule(path)
            held: Any = owner._parameters if name in owner._parameters else owner._buffers
            before.append((held, name, held[name]))
            held[name] = tensor
        yield
    finally:
        for held, name, tensor in before:
            held[name] = tensor
