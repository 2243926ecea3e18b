"""How deep and how large a stranger's model may be: building one of 10^9 layers never ends."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from espnet_recursive.errors import UserError
from espnet_recursive.model.weights import recursion_of
from espnet_recursive.recursion.loop_policy import make_loop_policy
from espnet_recursive.recursion.shape import RecursionShape

#: Layers, blocks, loops and the like, and layers that an encoder executes; the paper has 104.
MAX_LAYERS = 1000
#: Samples or bands of a spectrum: the filters are computed with as many times as many values.
MAX_SPECTRUM = 65_536
#: Every other number: widths, lengths, vocabularies.
MAX_NUMBER = 1_000_000
#: Options whose numbers are sizes of nothing.
_FREE = ("fs", "seed")

_DEPTH = re.compile(r"\w*(loops?|blocks?|layers?|depth|stacks?)")
_SPECTRUM = re.compile(r"n_fft|win_length|hop_length|n_mels|nfft|num_mel_bins")


def check_size(config: Mapping[str, Any], source: Path | str) -> None:
    """Refuse a configuration whose model would be deeper or wider than models are.

    Args:
        config: The content of a config.yaml.
        source: Where it is from, for messages.

    Raises:
        UserError: Naming the option, and how to load the model all the same.
    """
    for key, number in _numbers(config):
        name = key.rpartition(".")[2]
        most = MAX_NUMBER
        if _DEPTH.fullmatch(name):
            most = MAX_LAYERS
        elif _SPECTRUM.fullmatch(name):
            most = MAX_SPECTRUM
        if abs(number) > most and name not in _FREE:
            raise _too_large(source, f"{key} is {number:,}", most)
    if recursion := recursion_of(config, source):
        loops = max(recursion["num_loops"], _most_loops(config, source))
        executed = RecursionShape(**{**recursion, "num_loops": loops}).executed_blocks
        if executed > MAX_LAYERS:
            raise _too_large(source, f"its encoder would execute {executed:,} layers", MAX_LAYERS)


def _most_loops(config: Mapping[str, Any], source: Path | str) -> int:
    """Loops of the utterance to which the policy gives most; some give them at inference, too."""
    conf = config.get("encoder_conf") or {}
    name = conf.get("loop_policy", "fixed")
    if name == "fixed":
        return 1
    try:
        return make_loop_policy(name, conf.get("loop_policy_conf")).most_loops
    except (TypeError, ValueError) as error:
        raise UserError(f"{source}: {error}") from error


def _numbers(config: Mapping[str, Any]) -> Iterator[tuple[str, int | float]]:
    """All numbers in the options of the classes that a model is built of, and their keys."""
    for key, value in config.items():
        # The optimiser and its schedule count steps, and are not built.
        if key.endswith("_conf") and not key.startswith(("optim", "scheduler")):
            yield from _numbers_in(value, key)
        elif key == "input_size":
            yield from _numbers_in(value, key)


def _numbers_in(value: Any, key: str) -> Iterator[tuple[str, int | float]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _numbers_in(item, f"{key}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from _numbers_in(item, key)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield key, value


def _too_large(source: Path | str, what: str, most: int) -> UserError:
    return UserError(
        f"{source}: {what}, and more than {most:,} are not built for a published model unless you "
        "say so: --any_size, in Python any_size=True"
    )
