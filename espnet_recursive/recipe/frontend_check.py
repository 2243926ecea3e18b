"""Frontends of training YAMLs: whether there is such a one, for the sampling rate of the audio."""

from collections.abc import Mapping
from typing import Any

from espnet_recursive.errors import UserError, did_you_mean, reason
from espnet_recursive.files.hertz import parse_hertz
from espnet_recursive.registry import FRONTENDS, frontend_class, import_quietly

#: The sampling rate of ESPnet's frontends where a YAML names none.
_ESPNET_FS = 16000
#: Features of a frame that an encoder is tried with whose frontend is not built.
_FEATURES = 80


def check_frontend(
    name: str | None, options: Mapping[str, Any], fs: str | None, source: str
) -> int:
    """Refuse a frontend that a training would fail at, or that is for another sampling rate.

    Only frontends of this package are built; some of ESPnet's download models.

    Args:
        name: ESPnet's name of it.
        options: Options of the training by name, such as ``frontend_conf``.
        fs: The sampling rate of the audio, such as "16k"; None where it is not of interest.
        source: Where the options are from, for messages.

    Returns:
        Features of a frame, to try an encoder with.

    Raises:
        UserError: Naming `source` and the key.
    """
    choices = import_quietly("espnet2.tasks.asr").frontend_choices
    if name is None or name not in choices.classes:
        raise UserError(
            f"{source}: there is no frontend {name!r}.{did_you_mean(name, choices.classes)} "
            f"Frontends: {', '.join(sorted(choices.classes))}"
        )
    if fs is not None:
        _check_fs(name, options, fs, source)
    if name not in FRONTENDS:
        return _FEATURES
    conf = dict(options.get("frontend_conf") or {})
    if fs is not None:
        conf["fs"] = fs
    try:
        return frontend_class(name)(**conf).output_size()
    except Exception as error:
        raise UserError(f"{source}: frontend {name}: {reason(error)}") from error


def _check_fs(name: str, options: Mapping[str, Any], fs: str, source: str) -> None:
    """Refuse what is made for another rate than that of the audio."""
    hz = parse_hertz(fs, "--fs")
    for key in ("frontend_conf", "preprocessor_conf"):
        conf = options.get(key) or {}
        # Frontends of ours have windows of times, and take the rate that --fs gives them.
        if "fs" not in conf and (key == "preprocessor_conf" or name in FRONTENDS):
            continue
        own = parse_hertz(conf.get("fs", _ESPNET_FS), f"{source}: {key}: fs")
        if own == hz:
            continue
        said = f"--fs {fs} ({hz} Hz): in {source}, {key} "
        said += f"says fs: {own}" if "fs" in conf else f"names no fs, which is {own}"
        if key == "frontend_conf" and name in FRONTENDS:
            raise UserError(f"{said}. Leave fs out there: {name} gets it from --fs.")
        raise UserError(
            f"{said}, so that its windows, in samples, are made for another rate. Write fs: {hz} "
            "there, with n_fft, win_length and hop_length for it (at 8000 Hz, windows of 25 ms "
            "every 10 ms are n_fft: 256, win_length: 200, hop_length: 80), or leave --fs as it is."
        )
