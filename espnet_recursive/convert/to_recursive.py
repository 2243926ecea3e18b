"""A stock model as a recursive one: the layers of its middle become one recurrent block."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch

from espnet_recursive.asr.encoder.conf_checks import PER_LAYER
from espnet_recursive.convert.average import average
from espnet_recursive.convert.converted_model import ConvertedModel
from espnet_recursive.convert.layer_sources import check_depth, layer_sources, loop_layers
from espnet_recursive.convert.private_parts import fit_private_weights, linear_layers
from espnet_recursive.errors import UserError
from espnet_recursive.model.loaded_model import (
    RECURSIVE_NAMES,
    STOCK_NAMES,
    LoadedModel,
    copy_all_but_layers,
)
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.recursion.stack import RecursiveStack

#: Options of training that loops with private parts do not go with, and that weights do not need.
_ONLY_IN_TRAINING = ("layer_drop_rate", "gradient_checkpoint_layers")


@dataclass(frozen=True)
class Start:
    """Initialisation of a recurrent block.

    Args:
        method: A key of :data:`espnet_recursive.convert.layer_sources.METHODS`.
        pick_loop: The loop, from 1, that "pick" takes.
        loop_norms: Whether each loop keeps the layer norms of the layers that it stands for.
        rank: Of the low-rank part of what each loop keeps of its projections; 0 for none.
        target_modules: Ends of the names of these projections; all linear layers by default.
    """

    method: str = "average"
    pick_loop: int = 1
    loop_norms: bool = False
    rank: int = 0
    target_modules: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.rank < 0:
            raise UserError(f"--rank {self.rank}: it is 0, for none, or more")
        if self.target_modules and not self.rank:
            raise UserError("--target_modules: they need a --rank of 1 or more")

    @property
    def has_private_parts(self) -> bool:
        """Whether the loops differ."""
        return self.loop_norms or self.rank > 0

    def __str__(self) -> str:
        of_loop = f" (loop {self.pick_loop})" if self.method == "pick" else ""
        norms = ", loop_norms" if self.loop_norms else ""
        return f"{self.method}{of_loop}{norms}" + (f", rank {self.rank}" if self.rank else "")


def to_recursive(deep: LoadedModel, shape: RecursionShape, start: Start) -> ConvertedModel:
    """Make a stock model recursive.

    Args:
        deep: The stock model, of N encoder layers.
        shape: The recursion, which must execute N layers.
        start: How the recurrent block starts.

    Raises:
        UserError: If the encoder has no recursive one over it, N does not fit, or its layers do not
            fit each other.
    """
    if deep.encoder not in RECURSIVE_NAMES:
        raise UserError(
            f"{deep.name} has the encoder {deep.encoder}, which is none of "
            f"{', '.join(RECURSIVE_NAMES)}."
            + (" Unroll it first." if deep.encoder in STOCK_NAMES else "")
        )
    layers = list(deep.model.encoder.encoders.children())
    check_depth(shape, len(layers), deep.name)
    sources = layer_sources(shape, start.method, start.pick_loop)
    _check_alike(layers, sources, deep.name)
    if start.has_private_parts:
        _check_alike(layers, list(zip(*loop_layers(shape), strict=True)), deep.name)
    conf, notes = recursive_conf(deep.encoder_conf, shape, sources, start, layers)
    name = RECURSIVE_NAMES[deep.encoder]
    config, model = deep.rebuilt(name, conf)
    copy_all_but_layers(deep.model, model)
    fill_stack(model.encoder.encoders, layers, sources)
    how = f"{deep.encoder} of {len(layers)} layers to {name} {shape}: {start}"
    return ConvertedModel(config, model, how, notes)


def recursive_conf(
    stock_conf: Mapping[str, Any],
    shape: RecursionShape,
    sources: Sequence[Sequence[int]],
    start: Start,
    layers: Sequence[torch.nn.Module],
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The options of the recursive encoder, and notes on those that were changed."""
    conf = {key: value for key, value in stock_conf.items() if key != "num_blocks"}
    for key in ("prelude_blocks", "recurrent_blocks", "coda_blocks", "num_loops"):
        conf[key] = getattr(shape, key)
    for key in PER_LAYER:
        if isinstance(values := conf.get(key), list):
            conf[key] = [fmean(values[layer] for layer in source) for source in sources]
    notes = []
    if start.has_private_parts:
        for key in _ONLY_IN_TRAINING:
            if conf.pop(key, None):
                notes.append(
                    f"{key} of the encoder is left out: loops with private parts have no place "
                    "for it. It means something in training only."
                )
    if start.loop_norms:
        conf["loop_norms"] = True
    if start.rank:
        block = layers[shape.prelude_blocks :][: shape.recurrent_blocks]
        targets = list(start.target_modules) or linear_layers(block, start.rank)
        if not targets:
            raise UserError(f"--rank {start.rank}: no linear layer has that many rows and columns")
        conf["loop_adapter_conf"] = {"target_modules": targets, "rank": start.rank}
    return conf, tuple(notes)


def fill_stack(
    stack: RecursiveStack,
    layers: Sequence[torch.nn.Module],
    sources: Sequence[Sequence[int]],
) -> None:
    """Set all weights of a stack.

    Args:
        stack: The stack.
        layers: Those of the deep encoder.
        sources: For each unique layer of the stack the deep layers whose mean it becomes.
    """
    for layer, source in zip(stack.unique_layers, sources, strict=True):
        layer.load_state_dict(average([layers[i] for i in source]))
    if stack.private_weights is not None:
        loops = [[layers[i] for i in loop] for loop in loop_layers(stack.shape)]
        fit_private_weights(stack.private_weights, stack.recurrent_block, loops)


def _check_alike(
    layers: Sequence[torch.nn.Module], groups: Sequence[Sequence[int]], source: str
) -> None:
    """Refuse to mix layers that do not have the same weights, as `cgmlp_weight: [0.0, ...]` has."""
    for group in groups:
        shapes = [{n: v.shape for n, v in layers[i].state_dict().items()} for i in group]
        for i, others in zip(group, shapes, strict=True):
            if differing := set(shapes[0].items()) ^ set(others.items()):
                raise UserError(
                    f"{source}: encoder layers {group[0]} and {i} cannot become one layer, since "
                    f"only one of them has {min(name for name, _ in differing)}. Choose another "
                    "tuple, or a --method that takes one of them, without --loop_norms and --rank."
                )
