"""The options of a recursion beyond its shape, as they stand in an ``encoder_conf``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch

from espnet_recursive.errors import did_you_mean, is_integer
from espnet_recursive.recursion.input_injection import INPUT_INJECTIONS
from espnet_recursive.recursion.layer_call import CompiledCall, call_layer
from espnet_recursive.recursion.loop_scale import LOOP_SCALES
from espnet_recursive.recursion.loop_signal import LOOP_EMBEDDINGS, LoopFiLM
from espnet_recursive.recursion.loop_strides import MOST_STRIDE, LoopPooling
from espnet_recursive.recursion.private_weights import AdapterConf, PrivateWeights
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.recursion.stack import RecursiveStack


@dataclass(frozen=True)
class RecursionConf:
    """The options: number of loops, private parts of a loop, and how loops are computed.

    Each private part starts as an exact no-op, and so does a learned scale.

    Args:
        loop_policy: How many loops an utterance runs in training: "fixed", "length" (Eq. 4),
            "schedule" (Eq. 5), "uniform" or "lognormal_poisson".
        loop_policy_conf: Its options; see :mod:`espnet_recursive.recursion.loop_policy`.
        interctc_loops: Loops, from 1, after which intermediate CTC looks at the latent state.
        loop_strides: For each loop the frames that it pools into one, from 1; loops beyond have the
            last. None, or all 1, for none; see :mod:`espnet_recursive.recursion.loop_strides`.
        loop_scale: How much of its change a layer of the recurrent block adds to the states: None
            for all, "inverse" for 1 / L, or "learned"; see
            :mod:`espnet_recursive.recursion.loop_scale`.
        input_injection: What a loop sees of the prelude's output: None, "add" or "concat".
        loop_embedding: None, "learned" or "sinusoid".
        loop_film: Whether each loop has a scale and a shift of the latent state.
        loop_norms: Whether each loop has layer norms of its own.
        loop_adapter_conf: Low-rank and diagonal weights of each loop; see
            :class:`espnet_recursive.recursion.private_weights.AdapterConf`. None for none.
        checkpoint_loops: Whether training keeps only the beginning of each loop and computes the
            loop once more in the backward pass: less memory, same gradients.
        compile: Whether the layers of the recurrent block go through ``torch.compile``.
    """

    loop_policy: str = "fixed"
    loop_policy_conf: Mapping[str, Any] = field(default_factory=dict)
    interctc_loops: Sequence[int] = ()
    loop_strides: Sequence[int] = ()
    loop_scale: str | None = None
    input_injection: str | None = None
    loop_embedding: str | None = None
    loop_film: bool = False
    loop_norms: bool = False
    loop_adapter_conf: Mapping[str, Any] | None = None
    checkpoint_loops: bool = False
    compile: bool = False

    def __post_init__(self) -> None:
        strides = self.loop_strides
        if isinstance(strides, (list, tuple)) and all(is_integer(s, 1, 1) for s in strides):
            object.__setattr__(self, "loop_strides", ())  # the plain loop

    @classmethod
    def from_conf(cls, conf: Mapping[str, Any]) -> "RecursionConf":
        """Pick the options of a recursion out of an ``encoder_conf``."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: conf[name] for name in names if name in conf})

    def check(self, shape: RecursionShape, most_loops: int) -> None:
        """Refuse what cannot be, before layers are built.

        Args:
            shape: {n_r, L, n_p, n_c}.
            most_loops: The largest number of loops that the configuration runs by itself.

        Raises:
            ValueError: Naming the key and what it may be.
        """
        most, loops = most_loops, self.interctc_loops
        if not isinstance(loops, (list, tuple)) or not all(
            is_integer(loop, 1, most) for loop in loops
        ):
            raise ValueError(
                f"interctc_loops must be a list of integers between 1 and {most}, not {loops!r}"
            )
        if shape.coda_blocks == 0 and shape.num_loops in loops:
            raise ValueError(
                f"interctc_loops has {shape.num_loops}, after which the output itself comes: "
                "without coda_blocks, leave the last loop out"
            )
        strides = self.loop_strides
        if not isinstance(strides, (list, tuple)) or not all(
            is_integer(stride, 1, MOST_STRIDE) for stride in strides
        ):
            raise ValueError(
                f"loop_strides must be a list of integers between 1 and {MOST_STRIDE}, "
                f"not {strides!r}"
            )
        if len(strides) > most:
            raise ValueError(
                f"loop_strides has {len(strides)} values, one for each loop, and there are at most "
                f"{most} loops"
            )
        _check_choice("loop_scale", self.loop_scale, LOOP_SCALES)
        _check_choice("input_injection", self.input_injection, INPUT_INJECTIONS)
        _check_choice("loop_embedding", self.loop_embedding, LOOP_EMBEDDINGS)
        for key in ("loop_film", "loop_norms", "checkpoint_loops", "compile"):
            if not isinstance(getattr(self, key), bool):
                raise ValueError(f"{key} must be true or false, not {getattr(self, key)!r}")
        self._adapter()

    def make_stack(
        self, layers: Sequence[torch.nn.Module], shape: RecursionShape, most_loops: int, size: int
    ) -> RecursiveStack:
        """Build the stack with all of its parts.

        Args:
            layers: The unique layers.
            shape: {n_r, L, n_p, n_c}.
            most_loops: Loops that have private parts of their own.
            size: D, of the latent state.

        Raises:
            ValueError: If ``loop_adapter_conf`` names layers that are not there.
        """
        most = most_loops
        signals: list[torch.nn.Module] = []
        if self.loop_embedding:
            signals.append(LOOP_EMBEDDINGS[self.loop_embedding](size, most))
        if self.loop_film:
            signals.append(LoopFiLM(size, most))
        private, adapter = None, self._adapter()
        if self.loop_norms or adapter:
            block = list(layers)[shape.prelude_blocks :][: shape.recurrent_blocks]
            try:
                private = PrivateWeights(block, most, self.loop_norms, adapter)
            except ValueError as error:
                raise ValueError(f"loop_adapter_conf: {error}") from error
        injection = INPUT_INJECTIONS[self.input_injection](size) if self.input_injection else None
        pooling = LoopPooling(self.loop_strides) if self.loop_strides else None
        scale = LOOP_SCALES[self.loop_scale](most) if self.loop_scale else None
        layer_call = CompiledCall() if self.compile else call_layer
        return RecursiveStack(
            layers,
            shape,
            injection,
            signals,
            private,
            self.checkpoint_loops,
            layer_call,
            pooling,
            scale,
        )

    def _adapter(self) -> AdapterConf | None:
        if not self.loop_adapter_conf:
            return None
        try:
            return AdapterConf.from_conf(self.loop_adapter_conf)
        except ValueError as error:
            raise ValueError(f"loop_adapter_conf: {error}") from error

    def __str__(self) -> str:
        """The options that differ from their defaults."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        return ", ".join(f"{k}={v}" for k, v in given.items() if v and (k, v) != _PLAIN_POLICY)


_PLAIN_POLICY = ("loop_policy", "fixed")


def _check_choice(key: str, value: Any, choices: Mapping[str, Any]) -> None:
    if value is not None and value not in choices:
        raise ValueError(
            f"{key}={value!r} is none of {', '.join(choices)}; null for none."
            + did_you_mean(value, choices)
        )
