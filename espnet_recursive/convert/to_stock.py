"""A recursive model as a stock one: a layer for each that is executed, as ESPnet alone loads it."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import torch

from espnet_recursive.asr.encoder.conf_checks import PER_LAYER
from espnet_recursive.asr.encoder.input_layer import is_stock
from espnet_recursive.asr.encoder.pass_plan import intermediate_positions
from espnet_recursive.asr.streaming.chunks import ChunkConf
from espnet_recursive.convert.average import States
from espnet_recursive.convert.converted_model import ConvertedModel
from espnet_recursive.errors import UserError
from espnet_recursive.model.loaded_model import STOCK_NAMES, LoadedModel, copy_all_but_layers
from espnet_recursive.recursion.conf import RecursionConf
from espnet_recursive.recursion.loop_policy import LengthLoops
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.recursion.stack import RecursiveStack

_OUR_KEYS = {"input_channels"} | {
    field.name for cls in (RecursionShape, RecursionConf, ChunkConf) for field in fields(cls)
}


def to_stock(recursive: LoadedModel, num_loops: int | None = None) -> ConvertedModel:
    """Unroll a recursive model.

    Args:
        recursive: The model.
        num_loops: The depth; that of inference by default.

    Raises:
        UserError: If it is no recursive model, or has parts that no stock encoder can express.
    """
    if recursive.encoder not in STOCK_NAMES:
        raise UserError(
            f"{recursive.name} has the encoder {recursive.encoder}, which is none of "
            f"{', '.join(STOCK_NAMES)}: there is nothing to unroll."
        )
    encoder = recursive.model.encoder
    if num_loops is not None and num_loops < 1:
        raise UserError(f"--num_loops {num_loops}: it must be 1 or more")
    if num_loops is None and isinstance(encoder.recursion.policy, LengthLoops):
        raise UserError(
            f"{recursive.name}: with loop_policy={encoder.recursion.options.loop_policy} the depth "
            "depends on the utterance, which no stock encoder can express. Give all utterances the "
            "same one with --num_loops."
        )
    _check_input_layer(recursive)
    notes = _parts_without_effect(encoder, recursive.name)
    shape = encoder.shape.with_loops(num_loops or encoder.shape.num_loops)
    name = STOCK_NAMES[recursive.encoder]
    known = type(encoder).__signature__.parameters
    conf, more_notes = stock_conf(recursive.encoder_conf, shape, "interctc_layer_idx" in known)
    config, model = recursive.rebuilt(name, conf)
    copy_all_but_layers(recursive.model, model)
    states = executed_layers(encoder.encoders, shape.num_loops)
    for layer, state in zip(model.encoder.encoders.children(), states, strict=True):
        layer.load_state_dict(state)
    how = f"{recursive.encoder} {shape} to {name} of {shape.executed_blocks} layers: unrolled"
    return ConvertedModel(config, model, how, (*notes, *more_notes))


@torch.no_grad()
def executed_layers(stack: RecursiveStack, num_loops: int) -> Iterator[States]:
    """The weights of each executed layer, what is private to its loop merged.

    Args:
        stack: The stack.
        num_loops: Its loops.

    Yields:
        State dicts of layers.
    """
    private = stack.private_weights
    for layer in stack.prelude:
        yield layer.state_dict()
    for loop in range(1, num_loops + 1):
        for place, layer in enumerate(stack.recurrent_block):
            own = private.weights(layer, place, loop) if private is not None else {}
            yield layer.state_dict() | own
    for layer in stack.coda:
        yield layer.state_dict()


def stock_conf(
    recursive_conf: Mapping[str, Any], shape: RecursionShape, has_interctc: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The options of the unrolled encoder, and notes on those that were changed.

    Args:
        recursive_conf: The options of the recursive encoder.
        shape: The recursion that is unrolled.
        has_interctc: Whether the stock encoder has intermediate CTC.
    """
    conf = {key: value for key, value in recursive_conf.items() if key not in _OUR_KEYS}
    conf["num_blocks"] = depth = shape.executed_blocks
    order = shape.execution_order
    for key in PER_LAYER:
        if isinstance(conf.get(key), list):
            conf[key] = [conf[key][layer] for layer in order]
    if checkpointed := conf.get("gradient_checkpoint_layers"):
        conf["gradient_checkpoint_layers"] = [at for at in checkpointed if at <= depth]
    loops = recursive_conf.get("interctc_loops") or []
    if not has_interctc:
        if not loops:
            return conf, ()
        note = "interctc_loops is left out: ESPnet's encoder has no intermediate CTC."
        return conf, (note,)
    configured = RecursionShape.from_conf(recursive_conf)
    positions = conf.get("interctc_layer_idx") or ()
    if positions or loops:
        found = intermediate_positions(configured, shape.num_loops, positions, loops)
        conf["interctc_layer_idx"] = list(found)
    return conf, ()


def _check_input_layer(recursive: LoadedModel) -> None:
    conf = recursive.encoder_conf
    if not is_stock(conf, recursive.model.encoder.output_size()):
        keys = ("input_layer", "input_channels")
        given = " and ".join(f"{key}={conf[key]}" for key in keys if conf.get(key) is not None)
        raise UserError(
            f"{recursive.name} was trained with {given}: ESPnet's encoders have no such input "
            "layer. Use the recursive model itself."
        )


def _parts_without_effect(encoder: Any, source: str) -> tuple[str, ...]:
    """Refuse parts between the layers, unless they do nothing; these are noted."""
    stack, recursion = encoder.encoders, encoder.recursion.options
    keys = [key for key in ("loop_embedding", "loop_film") if getattr(recursion, key)]
    if stack.loop_pooling is not None:
        raise UserError(
            f"{source} was trained with loop_strides={list(recursion.loop_strides)}, loops at a "
            "lower time resolution, which no stock encoder has: its layers run at one. Use the "
            "recursive model itself."
        )
    if stack.loop_scale is not None:
        raise UserError(
            f"{source} was trained with loop_scale={recursion.loop_scale}: its layers add a part "
            "of their change, and a stock encoder's add all of it. Use the recursive model itself."
        )
    if encoder.chunk_conf.at_inference():
        raise UserError(
            f"{source} was trained with chunk_size={encoder.chunk_conf.chunk_size}, and stock "
            "encoders see whole utterances. Use the recursive model itself."
        )
    parts = dict(zip(keys, stack.loop_signals or (), strict=True))
    if stack.input_injection is not None:
        parts["input_injection"] = stack.input_injection
    for key, part in parts.items():
        if any(parameter.any() for parameter in part.parameters()):
            raise UserError(
                f"{source} was trained with {key}={getattr(recursion, key)}, which acts between "
                "the layers: no stock encoder can express that. Use the recursive model itself, "
                "or train one without this key."
            )
    return tuple(f"{key} is left out: all of its weights are 0." for key in parts)
