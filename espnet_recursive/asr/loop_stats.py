"""The number of loops in what ESPnet logs: its log, TensorBoard and W&B, beside the losses.

Every ESPnet model returns a loss, statistics and a weight from its forward pass, and whatever
trainer it has logs the statistics. A forward hook on the model adds ``num_loops``, the mean over
the batch, where the number may change.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import wrapt

if TYPE_CHECKING:
    import torch

_MODEL = "espnet2.train.abs_espnet_model"


def log_loops() -> None:
    """Have every ESPnet model that is built from now on say how many loops were run."""
    wrapt.register_post_import_hook(_hook_models, _MODEL)


def _hook_models(module: ModuleType) -> None:
    model_class = module.AbsESPnetModel
    if not hasattr(model_class, "_says_loops"):
        model_class._says_loops = True
        wrapt.wrap_function_wrapper(module, "AbsESPnetModel.__init__", _init)


def _init(init: Any, model: torch.nn.Module, args: tuple[Any, ...], kwargs: Any) -> None:
    init(*args, **kwargs)
    model.register_forward_hook(add_loops)


def add_loops(model: torch.nn.Module, inputs: Any, output: Any) -> Any:
    """Add ``num_loops`` to the statistics that a model returns.

    Args:
        model: An ESPnet model.
        inputs: Not needed.
        output: ``(loss, stats, weight)``, or a dict with ``stats``.
    """
    ran = (getattr(module, "loops_run", None) for module in model.modules())
    loops: list[torch.Tensor] = [counts for counts in ran if counts is not None]
    stats = output.get("stats") if isinstance(output, dict) else _second(output)
    if loops and isinstance(stats, dict) and "loss" in stats:
        number = sum(int(counts.sum()) for counts in loops) / sum(map(len, loops))
        stats["num_loops"] = stats["loss"].new_full(stats["loss"].shape, number)
    return output


def _second(output: Any) -> Any:
    return output[1] if isinstance(output, tuple) and len(output) == 3 else None
