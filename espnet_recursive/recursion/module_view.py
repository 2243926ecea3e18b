"""Shallow copies of modules: a pass changes a copy of its own, and no other pass notices."""

from collections.abc import Mapping
from typing import Any

import torch


def view_of[Module: torch.nn.Module](
    module: Module, kind: type | None = None, /, **attributes: Any
) -> Module:
    """A copy that has the same parameters, submodules and hooks, but attributes of its own.

    Args:
        module: The module. Its dictionaries of parameters, buffers, submodules and hooks are those
            of the copy, too, and must not be written to through the copy.
        kind: A subclass of the module's class, of which the copy is; None for the same class.
        **attributes: Attributes of the copy alone.
    """
    # Not copy.copy(), which asks modules for a state in which some leave out what they hold.
    view: Any = object.__new__(kind or type(module))
    view.__dict__.update(module.__dict__)
    view.__dict__.update(attributes)
    return view


def with_weights[Module: torch.nn.Module](
    module: Module, weights: Mapping[str, torch.Tensor]
) -> Module:
    """A copy in which some weights are other tensors; what holds none of them is not copied.

    Args:
        module: The module.
        weights: Tensors by the names of the parameters in whose place they are.
    """
    parameters, modules = dict(module._parameters), dict(module._modules)
    inner: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in weights.items():
        child, _, rest = name.partition(".")
        if rest:
            inner.setdefault(child, {})[rest] = tensor
        else:
            parameters[child] = tensor  # type: ignore[assignment]  # read by name alone
    for child, own in inner.items():
        modules[child] = with_weights(module.get_submodule(child), own)
    return view_of(module, _parameters=parameters, _modules=modules)


def with_modules[Module: torch.nn.Module](
    module: Module, replaced: Mapping[str, torch.nn.Module]
) -> Module:
    """A copy in which some submodules are others; what holds none of them is not copied.

    Args:
        module: The module.
        replaced: Modules by the names of the submodules in whose place they are.
    """
    modules = dict(module._modules)
    inner: dict[str, dict[str, torch.nn.Module]] = {}
    for name, other in replaced.items():
        child, _, rest = name.partition(".")
        if rest:
            inner.setdefault(child, {})[rest] = other
        else:
            modules[child] = other
    for child, own in inner.items():
        modules[child] = with_modules(module.get_submodule(child), own)
    return view_of(module, _modules=modules)
