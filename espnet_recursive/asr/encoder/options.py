"""The options of a recursive encoder: ESPnet's, those of the recursion, and checks of both."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from espnet2.asr.encoder.abs_encoder import AbsEncoder

from espnet_recursive.asr.encoder.conf_checks import (
    PER_LAYER,
    EncoderConfError,
    check_choices,
    check_positions,
    check_values,
)
from espnet_recursive.asr.encoder.input_layer import check_input_layer, stock_input_layer
from espnet_recursive.asr.streaming.chunks import ChunkConf
from espnet_recursive.recursion.conf import RecursionConf
from espnet_recursive.recursion.resolved import Recursion
from espnet_recursive.recursion.shape import RecursionShape

#: The keys of ours, and the positions that the stock constructors check against the number
#: of unique layers, where they count executed ones here.
_NOT_FOR_STOCK = {
    "input_channels",
    "interctc_layer_idx",
    *(field.name for cls in (RecursionShape, RecursionConf, ChunkConf) for field in fields(cls)),
}
#: ESPnet's option for fused attention.
_SDPA = "use_sdpa"
#: Options of stock forward methods that act between layers. A pass by a plan has no place for them.
_BETWEEN_LAYERS = ("ctc_trim", "layer_drop_rate", "gradient_checkpoint_layers")


def recursive_signature(stock: type[AbsEncoder]) -> inspect.Signature:
    """The stock constructor's signature with our keys, for ESPnet to read."""
    parameters = {
        name: parameter.replace(default=None) if name == "num_blocks" else parameter
        for name, parameter in inspect.signature(stock).parameters.items()
    }
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters["input_channels"] = inspect.Parameter(
        "input_channels", keyword, default=None, annotation=int | None
    )
    if _SDPA not in parameters:  # before ESPnet 202611
        parameters[_SDPA] = inspect.Parameter(_SDPA, keyword, default=False, annotation=bool)
    for cls in (RecursionShape, RecursionConf, ChunkConf):
        for field in fields(cls):
            default = {} if field.default is MISSING else field.default
            parameters[field.name] = inspect.Parameter(
                field.name, keyword, default=default, annotation=field.type
            )
    return inspect.Signature(list(parameters.values()))


def stock_conf(
    given: Mapping[str, Any], shape: RecursionShape, stock: type[AbsEncoder]
) -> dict[str, Any]:
    """The options as the constructor of a stock encoder takes them."""
    known = inspect.signature(stock).parameters
    conf = {k: v for k, v in given.items() if k not in _NOT_FOR_STOCK and k in known}
    for key in PER_LAYER:
        # YAML's 0 is an integer, whose length the stock constructors ask for.
        if isinstance(conf.get(key), int):
            conf[key] = float(conf[key])
    return conf | stock_input_layer(conf) | {"num_blocks": shape.unique_blocks}


def check_options(
    effective: Mapping[str, Any],
    recursion: Recursion,
    chunk_conf: ChunkConf,
    choices: Mapping[str, Sequence[str]],
) -> None:
    """Refuse options that cannot be, or not with this recursion.

    Args:
        effective: All options of the encoder with their values, defaults included.
        recursion: Its recursion.
        chunk_conf: Its chunks.
        choices: Values that named options may have.

    Raises:
        EncoderConfError: Naming the key and what it may be.
    """
    shape, depth = recursion.shape, recursion.shape.executed_blocks
    check_choices(effective, choices)
    check_input_layer(effective)
    check_values(effective, shape.unique_blocks)
    positions = effective.get("interctc_layer_idx")
    positions = [] if positions is None else positions
    check_positions("interctc_layer_idx", positions, 1, depth - 1)
    always_run = shape.end_of_loop(1)
    if recursion.policy.per_utterance and max(positions, default=0) > always_run:
        raise EncoderConfError(
            f"interctc_layer_idx={positions} counts executed layers, of which utterances have "
            f"different numbers with loop_policy={recursion.options.loop_policy}: beyond the first "
            f"loop, which ends with layer {always_run}, name loops in interctc_loops"
        )
    # Position 0 is the input layer.
    checkpointed = effective.get("gradient_checkpoint_layers", [])
    check_positions("gradient_checkpoint_layers", checkpointed, 0, depth)
    if chunk_conf.is_used and recursion.options.compile:
        raise EncoderConfError(
            "compile: true does not go with chunk_size: layers with chunks are not compiled"
        )
    if not recursion.is_plain or chunk_conf.is_used:
        what = str(recursion) or f"chunk_size={chunk_conf.chunk_size}"
        for key in (k for k in _BETWEEN_LAYERS if effective.get(k)):
            raise EncoderConfError(f"{key} does not go with {what}: leave one of them out")
