"""Checks of an ``encoder_conf`` before layers are built, with messages that name the key.

ESPnet's constructors check some of this with bare assertions and some not at all; a mistake would
then show as an odd error, or not at all, after hours of data preparation.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from espnet_recursive.errors import did_you_mean, is_integer

#: Options that count something: 1 or more.
_COUNTS = (
    "input_size",
    "output_size",
    "attention_heads",
    "linear_units",
    "cgmlp_linear_units",
    "max_pos_emb_len",
)
#: Kernels of convolutions over time, which keep the length only when they are odd.
_ODD_KERNELS = (
    "cgmlp_conv_kernel",
    "cnn_module_kernel",
    "merge_conv_kernel",
    "positionwise_conv_kernel_size",
)
#: Options that are cut in halves: positions into sine and cosine, gated units into value and gate.
_EVEN = ("output_size", "cgmlp_linear_units")
#: Options that may be a list with one value per unique layer.
PER_LAYER = ("cgmlp_weight", "attn_branch_drop_rate", "stochastic_depth_rate")


class EncoderConfError(ValueError, AssertionError):
    """A value in ``encoder_conf`` that cannot be.

    Both a ValueError and an AssertionError, because ESPnet's own encoders raise the one or the
    other, and what catches theirs should catch ours.
    """


def check_keys(given: Iterable[str], known: Sequence[str], encoder: str) -> None:
    """Refuse keys that the encoder does not have.

    Raises:
        TypeError: Naming the unknown keys and the nearest known one of each.
    """
    for key in given:
        if key not in known:
            raise TypeError(
                f"encoder_conf of {encoder} has no key {key!r}.{did_you_mean(key, known)} "
                f"Keys: {', '.join(known)}"
            )


def check_values(conf: Mapping[str, Any], num_blocks: int) -> None:
    """Refuse counts, kernels, rates, weights and lists that no encoder can have.

    Args:
        conf: All options of the encoder with their values, defaults included.
        num_blocks: The number of unique layers, for the options that are lists.

    Raises:
        EncoderConfError: Naming the key and what it may be.
    """
    for key in _COUNTS + _ODD_KERNELS:
        value = conf.get(key)
        if isinstance(value, int) and (isinstance(value, bool) or value < 1):
            raise EncoderConfError(f"{key} must be an integer of 1 or more, not {value!r}")
        if key in _ODD_KERNELS and isinstance(value, int) and value % 2 == 0:
            raise EncoderConfError(f"{key} must be odd, not {value}")
        if key in _EVEN and isinstance(value, int) and value % 2:
            raise EncoderConfError(f"{key} must be even, not {value}")
    for key, value in conf.items():
        if key in PER_LAYER and isinstance(value, (list, tuple)) and len(value) != num_blocks:
            raise EncoderConfError(
                f"{key} has {len(value)} values, but needs one for each of the {num_blocks} "
                "unique layers (prelude_blocks + recurrent_blocks + coda_blocks)"
            )
        if key.endswith(("_rate", "_weight")):
            # What stochastic depth keeps is scaled by 1 / (1 - rate).
            _check_fraction(key, value, one=key != "stochastic_depth_rate")
    heads, size = conf.get("attention_heads"), conf.get("output_size")
    if isinstance(heads, int) and isinstance(size, int) and size % heads:
        raise EncoderConfError(f"output_size={size} must be a multiple of attention_heads={heads}")


def check_choices(conf: Mapping[str, Any], choices: Mapping[str, Sequence[str]]) -> None:
    """Refuse names that are none of the choices of their key.

    Raises:
        EncoderConfError: Naming the key and its choices.
    """
    for key, allowed in choices.items():
        value = conf.get(key)
        if value is not None and value not in allowed:
            raise EncoderConfError(
                f"{key}={value!r} is none of {', '.join(allowed)}." + did_you_mean(value, allowed)
            )


def check_positions(key: str, positions: Any, first: int, last: int) -> None:
    """Refuse positions in the depth of the encoder that do not exist.

    Args:
        key: The option.
        positions: Its value, which should be a list of integers.
        first: The smallest position.
        last: The largest position; positions count executed layers.

    Raises:
        EncoderConfError: Naming the key and the range.
    """
    if not isinstance(positions, (list, tuple)) or not all(
        is_integer(position, first, last) for position in positions
    ):
        raise EncoderConfError(
            f"{key} counts executed layers: it must be a list of integers between {first} and "
            f"{last}, not {positions!r}"
        )


def _check_fraction(key: str, value: Any, one: bool) -> None:
    for number in value if isinstance(value, (list, tuple)) else (value,):
        if not isinstance(number, (int, float)):
            continue  # the stock constructor's type check says so
        if not 0.0 <= number <= 1.0 or (number == 1.0 and not one):
            limit = "1" if one else "1, which it must stay below"
            raise EncoderConfError(f"{key} must be between 0 and {limit}, not {value!r}")
