"""The trainer's epoch, told to the encoders whose loop policy follows it.

An encoder by itself sees when ``train()`` is called. That is once an epoch in ESPnet 2's trainer,
but after each of several validations elsewhere, and never in Lightning, which restores the mode of
each module. So ESPnet's trainers are wrapped where they begin an epoch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import wrapt

from espnet_recursive.errors import UserError

if TYPE_CHECKING:
    import torch

#: The trainers of ESPnet 2 that have a loop of their own over the batches of an epoch.
_DEEPSPEED = "espnet2.train.deepspeed_trainer"
_TRAINERS = {
    "espnet2.train.trainer": "Trainer",
    "espnet2.train.gan_trainer": "GANTrainer",
    "espnet2.train.uasr_trainer": "UASRTrainer",
    _DEEPSPEED: "DeepSpeedTrainer",
}
#: What ESPnet 3 trains with Lightning.
_LIGHTNING = ("espnet3.components.modeling.lightning_module", "ESPnetLightningModule")


def tell_epochs() -> None:
    """Have ESPnet's trainers tell each epoch that begins to the encoders in their model."""
    for module in (*_TRAINERS, _LIGHTNING[0]):
        wrapt.register_post_import_hook(_wrap, module)


def set_epoch(model: torch.nn.Module, epoch: int) -> None:
    """Tell the epoch to every encoder in a model that wants to know it.

    Args:
        model: A model, wrapped for several processes or not.
        epoch: From 1.
    """
    for encoder in _encoders(model):
        encoder.set_epoch(epoch)


def _encoders(model: torch.nn.Module) -> list[Any]:
    return [m for m in model.modules() if hasattr(m, "recursion") and hasattr(m, "set_epoch")]


def _wrap(module: ModuleType) -> None:
    wrapper: Callable[[Any, Any, Any, Any], Any]
    if module.__name__ in _TRAINERS:
        owner, method, wrapper = _TRAINERS[module.__name__], "train_one_epoch", _train_one_epoch
    else:
        owner, method, wrapper = _LIGHTNING[1], "on_train_epoch_start", _on_train_epoch_start
    if not isinstance(vars(getattr(module, owner)).get(method), wrapt.FunctionWrapper):
        wrapt.wrap_function_wrapper(module, f"{owner}.{method}", wrapper)


def _train_one_epoch(train: Any, trainer: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
    given = inspect.signature(train).bind(*args, **kwargs).arguments
    if train.__module__ == _DEEPSPEED:
        _check_counts_no_steps(given["model"])
    set_epoch(given["model"], given["reporter"].get_epoch())
    return train(*args, **kwargs)


def _check_counts_no_steps(model: torch.nn.Module) -> None:
    """Refuse a schedule that would never advance."""
    if any(getattr(e.recursion.policy, "unit", None) == "step" for e in _encoders(model)):
        raise UserError(
            "loop_policy_conf: unit step does not go with DeepSpeed, whose optimiser holds copies "
            "of the weights, so that steps are not seen and the schedule stays at its start. Use "
            "unit: epoch"
        )


def _on_train_epoch_start(start: Any, module: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
    set_epoch(module, module.current_epoch + 1)
    return start(*args, **kwargs)
