"""Training and decoding YAMLs: an encoder laid over them, and checks before hours of work."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from espnet_recursive.asr.depth import Depth, add_depth_options, given_depth
from espnet_recursive.errors import UserError, reason
from espnet_recursive.espnet_versions import inference_parser
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.files.whole_files import write_if_changed
from espnet_recursive.recipe.frontend_check import check_frontend
from espnet_recursive.registry import import_quietly

_ENCODER_KEYS = {"encoder", "encoder_conf"}
#: Keys of an ``encoder_conf`` that say one thing together: who has one of them replaces all.
_TOGETHER = (
    {"num_loops", "loop_policy", "loop_policy_conf"},
    {"num_blocks", "recurrent_blocks"},
)
#: What ESPnet takes where a YAML names none.
_ESPNET_FRONTEND = "default"


def read_encoder_config(path: Path | str) -> dict[str, Any]:
    """Read an encoder file: the keys ``encoder`` and ``encoder_conf`` and nothing else.

    Raises:
        UserError: If it has other keys or lacks one of the two.
    """
    config = read_yaml(path)
    if set(config) != _ENCODER_KEYS or not isinstance(config["encoder_conf"], dict):
        raise UserError(
            f"{path}: an encoder file has the keys encoder and encoder_conf and no others; "
            f"this one has {', '.join(map(str, config)) or 'none'}"
        )
    return config


def merge_train_config(
    config: Path | str,
    encoder_config: Path | str | None,
    output: Path | str,
    frontend: str | None = None,
) -> None:
    """Write the training YAML that ESPnet reads.

    Where the encoder file names another encoder, it takes the place of ``encoder`` and
    ``encoder_conf`` as a whole, so that no option of one architecture is left over in another.
    Where it names the same encoder, its options go over those of the training YAML, which keeps
    the others; how often the block runs (``num_loops``, ``loop_policy``, ``loop_policy_conf``) is
    one option, and so is its size (``recurrent_blocks``, ``num_blocks``). Another frontend than
    that of the training YAML has its own defaults, and nothing of ``frontend_conf``. The output is
    only touched where its content changes.

    Args:
        config: The training YAML.
        encoder_config: The encoder file to lay over it, if any.
        output: The file to write.
        frontend: The name of the frontend, if not that of the training YAML.
    """
    merged = read_yaml(config)
    sources = str(config)
    if frontend and merged.get("frontend", _ESPNET_FRONTEND) != frontend:
        merged = {k: v for k, v in merged.items() if k != "frontend_conf"} | {"frontend": frontend}
        sources += f" with the frontend {frontend}"
    if encoder_config:
        own = {k: merged.pop(k) for k in _ENCODER_KEYS if k in merged}
        encoder = read_encoder_config(encoder_config)
        if own.get("encoder") == encoder["encoder"]:
            encoder["encoder_conf"] = _over(own.get("encoder_conf") or {}, encoder["encoder_conf"])
        merged = encoder | merged
        sources += f" with the encoder of {encoder_config}"
    text = f"# Written from {sources}\n" + yaml.safe_dump(merged, sort_keys=False)
    write_if_changed(output, text)


def _over(own: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    replaced = {key for keys in _TOGETHER if keys & given.keys() for key in keys}
    return {k: v for k, v in own.items() if k not in replaced} | dict(given)


def check_asr_config(
    config: Path | str, arguments: Sequence[str] = (), fs: str | None = None
) -> None:
    """Refuse a configuration that ``asr_train`` would refuse, hours of preparation later.

    Args:
        config: The training YAML.
        arguments: Further arguments of ``asr_train``, as in ``asr.sh --asr_args``.
        fs: The sampling rate of the audio, such as "16k"; None where it is not of interest.

    Raises:
        UserError: If a key or an option is unknown, a value has the wrong type, the frontend or
            the encoder cannot be built, or the configuration is for another sampling rate.
    """
    task = import_quietly("espnet2.tasks.asr").ASRTask
    args = _parse(task.get_parser(), config, arguments)
    source = _names(config, arguments)
    size = args.input_size or check_frontend(args.frontend, vars(args), fs, source)
    encoder_class = espnet_encoder_class(args.encoder, source=config)
    build_encoder(encoder_class, args.encoder_conf, input_size=size, source=config)


def check_lm_config(config: Path | str, arguments: Sequence[str] = ()) -> None:
    """Refuse a configuration that ``lm_train`` would refuse.

    Raises:
        UserError: If a key or an option is unknown, or a value has the wrong type.
    """
    _parse(import_quietly("espnet2.tasks.lm").LMTask.get_parser(), config, arguments)


def check_inference_config(config: Path | str | None, arguments: Sequence[str] = ()) -> None:
    """Refuse a decoding that ``asr_inference`` would refuse, days of training later.

    Args:
        config: The decoding YAML, if there is one.
        arguments: Further arguments of ``asr_inference``, as in ``asr.sh --inference_args``.

    Raises:
        UserError: If a key or an option is unknown, a value has the wrong type, or the depth of
            the encoder cannot be.
    """
    parser = inference_parser()
    add_depth_options(parser)
    required = ["--output_dir", "", "--data_path_and_name_and_type", "wav.scp,speech,sound"]
    args = _parse(parser, config, arguments, required)
    try:
        Depth(**given_depth(vars(args)))
    except UserError as error:
        raise UserError(f"{_names(config, arguments)}: {error}") from error


def espnet_encoder_class(name: str, source: Path | str) -> type:
    """Find the encoder class that ESPnet's recogniser has under `name`.

    Raises:
        UserError: Naming `source`, if there is none.
    """
    choices = import_quietly("espnet2.tasks.asr").encoder_choices
    if name not in choices.classes:
        near = get_close_matches(str(name), choices.classes, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise UserError(
            f"{source}: there is no encoder {name!r}. {hint}"
            f"Encoders: {', '.join(sorted(choices.classes))}"
        )
    return choices.classes[name]


def check_gpus(ngpu: int) -> None:
    """Refuse to plan for more GPUs than this machine has.

    Raises:
        UserError: With the number that there is.
    """
    import torch

    if ngpu > (there := torch.cuda.device_count()):
        raise UserError(
            f"--ngpu {ngpu}: this machine has {there} GPUs that PyTorch can use. "
            "Ask for no more of them, or for the CPU: --ngpu 0"
        )


def build_encoder(
    encoder_class: type, encoder_conf: dict[str, Any], input_size: int, source: Path | str
) -> Any:
    """Build an encoder without memory or work for its weights (on torch's meta device).

    Raises:
        UserError: Naming `source` and the reason, if it cannot be built.
    """
    import torch

    try:
        with torch.device("meta"):
            encoder = encoder_class(input_size=input_size, **encoder_conf)
    except Exception as error:
        raise UserError(f"{source}: {reason(error)}") from error
    if not all(weight.numel() for weight in encoder.parameters()):
        raise UserError(
            f"{source}: input_layer {encoder_conf.get('input_layer', 'conv2d')} leaves nothing of "
            f"{input_size} features a frame: choose one with fewer or smaller strides"
        )
    return encoder


def _parse(
    parser: Any, config: Path | str | None, arguments: Sequence[str], required: Sequence[str] = ()
) -> Any:
    """Have ESPnet's parser read a YAML and arguments, beside those that it cannot do without."""
    if config is not None:
        read_yaml(config)
        required = ["--config", str(config), *required]
    message = io.StringIO()
    try:
        with contextlib.redirect_stderr(message):
            return parser.parse_args([*required, *arguments])
    except SystemExit as error:
        said = message.getvalue().strip().rpartition("error: ")[-1] or "unknown reason"
        raise UserError(f"ESPnet refuses {_names(config, arguments)}: {said}") from error


def _names(config: Path | str | None, arguments: Sequence[str]) -> str:
    """The file and the arguments that a message is about."""
    return " with ".join(filter(None, [str(config or ""), " ".join(arguments)]))
