"""Checks of what ESPnet's own commands load: models, and the checkpoints that training reads."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import wrapt

from espnet_recursive.espnet_versions import names_of
from espnet_recursive.files.checkpoint_file import check_checksums
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.model.init_param import check_init_param
from espnet_recursive.recipe.fingerprint import tokens_of
from espnet_recursive.recipe.same_training import check_trained_with

#: ESPnet's searches that take a language model, each the base of others, by their modules.
_SEARCHES = {
    "espnet2.legacy.nets.beam_search": "BeamSearch",
    "espnet2.legacy.nets.beam_search_timesync": "BeamSearchTimeSync",
    "espnet2.asr.transducer.beam_search_transducer": "BeamSearchTransducer",
}


def check_what_espnet_loads() -> None:
    """Have ESPnet, in this process, refuse damaged checkpoints and those of other configurations.

    Checkpoints are those to go on with, to average, to start from, and to decode with. A search
    refuses a language model of other tokens.
    """
    wrapt.register_post_import_hook(_wrap_loading, "espnet2.torch_utils.safe_torch_load")
    wrapt.register_post_import_hook(_wrap_task, "espnet2.tasks.abs_task")
    for name, search in _SEARCHES.items():
        for there in names_of(name):
            wrapt.register_post_import_hook(partial(_wrap_search, search), there)


def _wrap_loading(module: ModuleType) -> None:
    name = "safe_torch_load"
    plain = getattr(module, name)
    wrapt.wrap_function_wrapper(module, name, _load)
    # ESPnet's modules take the function by its name from there: those imported before have it.
    for other in [m for key, m in sys.modules.items() if key.startswith("espnet2.")]:
        if vars(other).get(name) is plain:
            setattr(other, name, getattr(module, name))


def _load(load: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
    check_checksums(kwargs["path"] if "path" in kwargs else args[0])
    return load(*args, **kwargs)


def _wrap_task(module: ModuleType) -> None:
    wrapt.wrap_function_wrapper(module, "AbsTask.build_model_from_file", _build)
    # Called with the options as they were read, before processes are started and files written.
    wrapt.wrap_function_wrapper(module, "AbsTask.check_required_command_args", _check_options)


def _check_options(
    check: Callable[..., None], _cls: Any, args: tuple[Any, ...], kwargs: Any
) -> None:
    check(*args, **kwargs)
    options = vars(kwargs["args"] if kwargs else args[0])
    if not options.get("collect_stats"):  # which copies no weights
        check_init_param(options)


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
    model, options = build(*args, **kwargs)
    if hasattr(model, "lm"):  # for the search, which is given the language model without them
        source = given.get("config_file") or Path(model_file or ".").parent / "config.yaml"
        model.lm.trained_with = {"token_list": tokens_of(vars(options))}, source
    return model, options


def _wrap_search(search: str, module: ModuleType) -> None:
    wrapt.wrap_function_wrapper(module, f"{search}.__init__", _search)


def _search(init: Callable[..., None], _: Any, args: tuple[Any, ...], kwargs: Any) -> None:
    from espnet_recursive.model.weights import check_same_tokens

    # ESPnet gives all of these by their names; the transducer's is no scorer among others.
    lm = kwargs.get("lm") or (kwargs.get("scorers") or {}).get("lm")
    trained_with = getattr(lm, "trained_with", None)
    if trained_with is not None and (tokens := kwargs.get("token_list")):
        # Big blanks, which are no tokens of a language model, end with the blank's own 1.
        blanks = (kwargs.get("multi_blank_durations") or [1])[:-1]
        ours = {
            "token_list": list(tokens),
            "model_conf": {"transducer_multi_blank_durations": blanks},
        }
        check_same_tokens(ours, "this search", *trained_with)
    init(*args, **kwargs)
