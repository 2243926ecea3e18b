"""Checks of what ESPnet's own commands load: models, and the checkpoints that training reads."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import wrapt

from espnet_recursive.files.checkpoint_file import check_checksums
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.recipe.same_training import check_trained_with


def check_what_espnet_loads() -> None:
    """Have ESPnet, in this process, refuse damaged checkpoints and those of other configurations.

    Checkpoints are those to go on with, to average, to start from, and to decode with.
    """
    wrapt.register_post_import_hook(_wrap_loading, "espnet2.torch_utils.safe_torch_load")
    wrapt.register_post_import_hook(_wrap_task, "espnet2.tasks.abs_task")


def _wrap_loading(module: ModuleType) -> None:
    # ESPnet's modules take the function by its name from here, which is imported before them.
    wrapt.wrap_function_wrapper(module, "safe_torch_load", _load)


def _load(load: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
    check_checksums(kwargs["path"] if "path" in kwargs else args[0])
    return load(*args, **kwargs)


def _wrap_task(module: ModuleType) -> None:
    wrapt.wrap_function_wrapper(module, "AbsTask.build_model_from_file", _build)


def _build(build: Callable[..., Any], _cls: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
    # Imports torch, which is there by now.
    from espnet_recursive.model.stored_weights import check_values, read_weights

    names = ("config_file", "model_file")
    given = dict(zip(names, args, strict=False)) | kwargs
    if (model_file := given.get("model_file")) is not None:
        config_file = given.get("config_file") or Path(model_file).parent / "config.yaml"
        check_checksums(model_file)
        check_trained_with(read_yaml(config_file), config_file, model_file)
        check_values(read_weights(model_file, "cpu"), model_file)
    return build(*args, **kwargs)
