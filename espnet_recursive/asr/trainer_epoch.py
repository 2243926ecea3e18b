"""The trainer's epoch, told to the encoders whose loop policy follows it.

An encoder by itself sees when ``train()`` is called. That is once an epoch in ESPnet 2's trainer,
but after each of several validations elsewhere, and never in Lightning, which restores the mode of
each module. So ESPnet's trainers are wrapped where they begin an epoch.
"""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import TYPE_CHECKING, Any

import wrapt

if TYPE_CHECKING:
    import torch

#: The trainers of ESPnet 2 that have a loop of their own over the batches of an epoch.
_TRAINERS = {
    "espnet2.train.trainer": "Trainer",
    "espnet2.train.gan_trainer": "GANTrainer",
    "espnet2.train.uasr_trainer": "UASRTrainer",
    "espnet2.train.deepspeed_trainer": "DeepSpeedTrainer",
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
    for module in model.modules():
        if hasattr(module, "recursion") and hasattr(module, "set_epoch"):
            module.set_epoch(epoch)


def _wrap(module: ModuleType) -> None:
    if module.__name__ in _TRAINERS:
        name, wrapper = f"{_TRAINERS[module.__name__]}.train_one_epoch", _train_one_epoch
    else:
        name, wrapper = f"{_LIGHTNING[1]}.on_train_epoch_start", _on_train_epoch_start
    owner, _, method = name.partition(".")
    if not isinstance(vars(getattr(module, owner)).get(method), wrapt.FunctionWrapper):
        wrapt.wrap_function_wrapper(module, name, wrapper)


def _train_one_epoch(train: Any, trainer: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
    given = inspect.signature(train).bind(*args, **kwargs).arguments
    set_epoch(given["model"], given["reporter"].get_epoch())
    return train(*args, **kwargs)


def _on_train_epoch_start(start: Any, module: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
    set_epoch(module, module.current_epoch + 1)
    return start(*args, **kwargs)
