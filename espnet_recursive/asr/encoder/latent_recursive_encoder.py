"""What turns one of ESPnet's encoders into a recursive one."""

import inspect
from dataclasses import fields
from typing import Any, ClassVar

from espnet2.asr.encoder.abs_encoder import AbsEncoder
from typeguard import typechecked

from espnet_recursive.asr.encoder.attention_weights import keep_weights_when_watched
from espnet_recursive.asr.encoder.conf_checks import (
    PER_LAYER,
    EncoderConfError,
    check_choices,
    check_keys,
    check_positions,
    check_values,
)
from espnet_recursive.errors import reason
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.recursion.stack import RecursiveStack

#: The keys of the recursion, and the positions that the stock constructors check against the number
#: of unique layers, where they count executed ones here.
_NOT_FOR_STOCK = {field.name for field in fields(RecursionShape)} | {"interctc_layer_idx"}


class LatentRecursiveEncoder(AbsEncoder):
    """Base of the recursive encoders: a stock encoder whose layers are a :class:`RecursiveStack`.

    A subclass names this class and the stock encoder as its bases, in that order, and the values
    that the stock encoder's named options may have. Input layer, masks, positions, the final norm,
    intermediate CTC and the forward method stay the stock encoder's; so do the parameters' names,
    where N in ``encoders.N.*`` counts the unique layers: prelude, recurrent block, coda.

    Every option of the stock encoder is an option of the recursive one, and four more:

    Args:
        input_size: Dimension of the input features.
        prelude_blocks: n_p of Eq. 1, layers before the loops, 0 or more.
        recurrent_blocks: n_r of Eq. 2, layers that every loop runs, 1 or more.
        coda_blocks: n_c of Eq. 3, layers after the loops, 0 or more.
        num_loops: L of Eq. 2, 1 or more.
        num_blocks: Number of unique layers, n_p + n_r + n_c; computed where it is not given.
            Given, it makes the configuration that of a stock encoder, {num_blocks, 1, 0, 0}, in
            which the other keys say where it recurs
            (see :meth:`espnet_recursive.recursion.shape.RecursionShape.from_conf`).
        interctc_layer_idx: Where the stock encoder has it: positions of intermediate CTC, counted
            in *executed* layers. Position n_p + i * n_r is the end of loop i. The position is also
            the number in ``loss_interctc_layer<position>``.
        **stock_conf: The stock encoder's options. An option that is a list with a value for each
            block has a value for each *unique* layer; a rate of layer drop counts for each
            execution.

    Raises:
        TypeError: If a key is unknown, or a key of the recursion has the wrong type.
        typeguard.TypeCheckError: If an option of the stock encoder has the wrong type.
        ValueError: If a value cannot be; the message names the key and what it may be.
    """

    #: Values that the named options of the stock encoder may have.
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    _stock: ClassVar[type[AbsEncoder]]
    encoders: RecursiveStack

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._stock = cls.__mro__[cls.__mro__.index(LatentRecursiveEncoder) + 1]
        cls.__signature__ = _recursive_signature(cls._stock)

    @typechecked
    def __init__(self, input_size: int, *args: Any, **conf: Any) -> None:
        cls = type(self)
        check_keys(conf, tuple(cls.__signature__.parameters), cls.__name__)
        given = dict(cls.__signature__.bind(input_size, *args, **conf).arguments)
        shape = RecursionShape.from_conf(given)
        interctc_layer_idx = cls._check(given, shape)
        try:
            super().__init__(**_stock_conf(given, shape))
        except AssertionError as error:
            raise EncoderConfError(f"encoder_conf of {cls.__name__}: {reason(error)}") from error
        if "interctc_layer_idx" in cls.__signature__.parameters:
            self.interctc_layer_idx = interctc_layer_idx
        self.encoders = RecursiveStack(self.encoders, shape)
        keep_weights_when_watched(self.encoders)

    @classmethod
    def _check(cls, given: dict[str, Any], shape: RecursionShape) -> list[int]:
        """Refuse what cannot be; return the positions of intermediate CTC."""
        defaults = {key: p.default for key, p in cls.__signature__.parameters.items()}
        effective = defaults | given
        check_choices(effective, cls.choices)
        check_values(effective, shape.unique_blocks)
        depth = shape.executed_blocks
        positions = effective.get("interctc_layer_idx")
        positions = [] if positions is None else positions
        check_positions("interctc_layer_idx", positions, 1, depth - 1)
        # Position 0 is the input layer.
        checkpointed = effective.get("gradient_checkpoint_layers", [])
        check_positions("gradient_checkpoint_layers", checkpointed, 0, depth)
        return positions

    @property
    def shape(self) -> RecursionShape:
        """{n_r, L, n_p, n_c} of this encoder."""
        return self.encoders.shape

    def extra_repr(self) -> str:
        layers, encoder = (
            sum(p.numel() for p in module.parameters()) for module in (self.encoders, self)
        )
        return (
            f"{{n_r, L, n_p, n_c}} = {self.shape}, "
            f"{self.shape.unique_blocks} unique layers, {self.shape.executed_blocks} executed, "
            f"parameters: {layers:,} in layers, {encoder:,} in all"
        )


def _recursive_signature(stock: type[AbsEncoder]) -> inspect.Signature:
    """The stock constructor's signature with the keys of the recursion, for ESPnet to read."""
    parameters = {
        name: parameter.replace(default=None) if name == "num_blocks" else parameter
        for name, parameter in inspect.signature(stock).parameters.items()
    }
    defaults = RecursionShape()
    for key in ("prelude_blocks", "recurrent_blocks", "coda_blocks", "num_loops"):
        parameters[key] = inspect.Parameter(
            key, inspect.Parameter.KEYWORD_ONLY, default=getattr(defaults, key), annotation=int
        )
    return inspect.Signature(list(parameters.values()))


def _stock_conf(given: dict[str, Any], shape: RecursionShape) -> dict[str, Any]:
    """The options as the stock constructor takes them."""
    conf = {key: value for key, value in given.items() if key not in _NOT_FOR_STOCK}
    for key in PER_LAYER:
        # YAML's 0 is an integer, whose length the stock constructors ask for.
        if isinstance(conf.get(key), int):
            conf[key] = float(conf[key])
    return conf | {"num_blocks": shape.unique_blocks}
