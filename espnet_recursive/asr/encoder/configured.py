"""The options of a recursion as attributes of an encoder, to be read and never to be set."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, overload

from espnet_recursive.asr.streaming.chunks import Choices

_BUILD_ANOTHER = "build another encoder, as espnet_recursive.load_encoder does"
_AT_INFERENCE = (
    "choose the one of inference by encoder.set_depth({0}=...), or for one pass by "
    f"encoder(..., depth=Depth({{0}}=...)) of espnet_recursive.asr.depth; for training, "
    f"{_BUILD_ANOTHER}"
)


class Configured[Value]:
    """An attribute that reads an option of an encoder's configuration.

    Layers and parts of an encoder are made by its constructor, so that another value would change
    nothing. Without this, ``encoder.num_loops = 7`` would make an attribute that nobody reads.

    Args:
        read: Takes the option from the encoder.
        instead: What to do in the place of setting it, for the message; {0} is the option's name.
    """

    def __init__(self, read: Callable[[Any], Value], instead: str = _BUILD_ANOTHER) -> None:
        self._read, self._instead = read, instead

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, encoder: None, owner: type) -> "Configured[Value]": ...

    @overload
    def __get__(self, encoder: object, owner: type) -> Value: ...

    def __get__(self, encoder: object | None, owner: type) -> "Configured[Value] | Value":
        return self if encoder is None else self._read(encoder)

    def __set__(self, encoder: object, value: Any) -> NoReturn:
        """Refuse.

        Raises:
            AttributeError: With the way to what the user wants.
        """
        raise AttributeError(
            f"{self._name} is {self._read(encoder)!r} by the configuration of this "
            f"{type(encoder).__name__}, and cannot be set. Instead, "
            f"{self._instead.format(self._name)}."
        )


class ConfiguredOptions:
    """The keys of ours in ``encoder_conf`` as attributes of the encoder.

    ``num_loops`` is L of the configuration: with the policy "fixed" the loops of training, and with
    every policy the loops at inference until ``set_depth`` chooses others. It says neither what was
    chosen nor what ran; ``loops_run`` says the latter.

    ``compile`` is left out, as every module of torch has a method of that name, and
    ``input_channels``, which the input layer shows.
    """

    num_loops = Configured[int](lambda e: e.recursion.shape.num_loops, _AT_INFERENCE)
    prelude_blocks = Configured[int](lambda e: e.recursion.shape.prelude_blocks)
    recurrent_blocks = Configured[int](lambda e: e.recursion.shape.recurrent_blocks)
    coda_blocks = Configured[int](lambda e: e.recursion.shape.coda_blocks)
    loop_policy = Configured[str](lambda e: e.recursion.options.loop_policy)
    loop_policy_conf = Configured[Mapping[str, Any]](lambda e: e.recursion.options.loop_policy_conf)
    interctc_loops = Configured[Sequence[int]](lambda e: e.recursion.options.interctc_loops)
    loop_strides = Configured[Sequence[int]](lambda e: e.recursion.options.loop_strides)
    loop_scale = Configured[str | None](lambda e: e.recursion.options.loop_scale)
    input_injection = Configured[str | None](lambda e: e.recursion.options.input_injection)
    loop_embedding = Configured[str | None](lambda e: e.recursion.options.loop_embedding)
    loop_film = Configured[bool](lambda e: e.recursion.options.loop_film)
    loop_norms = Configured[bool](lambda e: e.recursion.options.loop_norms)
    loop_adapter_conf = Configured[Mapping[str, Any] | None](
        lambda e: e.recursion.options.loop_adapter_conf
    )
    checkpoint_loops = Configured[bool](lambda e: e.recursion.options.checkpoint_loops)
    chunk_size = Configured[Choices](lambda e: e.chunk_conf.chunk_size, _AT_INFERENCE)
    num_left_chunks = Configured[Choices](lambda e: e.chunk_conf.num_left_chunks, _AT_INFERENCE)
