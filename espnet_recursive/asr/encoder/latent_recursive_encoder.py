"""What turns one of ESPnet's encoders into a recursive one."""

import inspect
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
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.recursion.stack import RecursiveStack


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
        for key in shape.__dataclass_fields__:
            given.pop(key, None)
        given["num_blocks"] = shape.unique_blocks

        effective = {key: p.default for key, p in cls.__signature__.parameters.items()} | given
        check_choices(effective, cls.choices)
        check_values(effective, shape.unique_blocks)
        # The stock constructors know positions among unique layers only. 0 checkpoints the input.
        interctc_layer_idx = given.pop("interctc_layer_idx", None)
        interctc_layer_idx = [] if interctc_layer_idx is None else interctc_layer_idx
        check_positions("interctc_layer_idx", interctc_layer_idx, 1, shape.executed_blocks - 1)
        check_positions(
            "gradient_checkpoint_layers",
            given.get("gradient_checkpoint_layers", []),
            0,
            shape.executed_blocks,
        )
        # YAML's 0 is an integer, which the stock constructors take for the length of a list.
        for key in PER_LAYER:
            if isinstance(given.get(key), int):
                given[key] = float(given[key])

        try:
            super().__init__(**given)
        except AssertionError as error:
            raise EncoderConfError(
                f"encoder_conf of {cls.__name__}: {_failed_assertion(error)}"
            ) from error

        if "interctc_layer_idx" in cls.__signature__.parameters:
            self.interctc_layer_idx = interctc_layer_idx
        self.encoders = RecursiveStack(self.encoders, shape)
        keep_weights_when_watched(self.encoders)

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
    return inspect.Signature(parameters.values())


def _failed_assertion(error: AssertionError) -> str:
    """The text of an assertion in ESPnet, which mostly has no message but its own source line."""
    if error.args:
        return str(error)
    *_, frame = inspect.getinnerframes(error.__traceback__)
    condition = "".join(frame.code_context or []).strip().removeprefix("assert ")
    return f"these options do not go together, ESPnet needs: {condition}"
