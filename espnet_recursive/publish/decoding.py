"""A model that is loaded with the options of a decoding YAML."""

import inspect
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from espnet2.bin import asr_inference
from typeguard import TypeCheckError

from espnet_recursive.asr.depth import DEPTH_OPTIONS
from espnet_recursive.errors import UserError
from espnet_recursive.espnet_versions import inference_options, inference_parser
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.model.device import usable_device
from espnet_recursive.publish.speech2text import Speech2Text

_OURS = (*DEPTH_OPTIONS, "encoder_precision")


def decoding_options(config: Path | str) -> dict[str, Any]:
    """Read a decoding YAML of a recipe, as ``asr_inference --config`` takes it.

    Options of ``asr_inference`` that are none of ``Speech2Text``, such as ngpu, are left out.

    Raises:
        UserError: If a key is none that ``asr_inference`` has.
    """
    options = read_yaml(config)
    known = {action.dest for action in inference_parser()._actions}.union(_OURS)
    for key in options:
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UserError(f"{config}: asr_inference has no option {key!r}.{hint}")
    options = inference_options(options)
    ours = {*inspect.signature(asr_inference.Speech2Text).parameters, *_OURS}
    return {key: value for key, value in options.items() if key in ours}


def load_speech2text(
    model: Path | str,
    model_file: str | None = None,
    config: Path | None = None,
    device: str = "cpu",
    **options: Any,
) -> Speech2Text:
    """Load a model for a command.

    Args:
        model: Its name, as ``Speech2Text.from_pretrained`` takes it.
        model_file: The checkpoint of an experiment directory.
        config: A decoding YAML.
        device: As :func:`espnet_recursive.model.device.usable_device` takes it.
        **options: Arguments of ``Speech2Text`` that go before those of the YAML.

    Raises:
        UserError: If the model cannot be loaded, there is no such device, or ESPnet's search or the
            encoder refuses an option.
    """
    device = usable_device(device)
    arguments = (decoding_options(config) if config else {}) | options | {"device": device}
    try:
        return Speech2Text.from_pretrained(model, model_file, **arguments)
    except (NotImplementedError, TypeCheckError) as error:
        where = config or "the options"
        raise UserError(f"ESPnet's decoding refuses {where}: {error}") from error
