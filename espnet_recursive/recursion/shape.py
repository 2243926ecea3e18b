"""The shape of a recursion: the tuple {n_r, L, n_p, n_c} of the paper's Section 3."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from espnet_recursive.errors import is_integer
from espnet_recursive.recursion.loop_policy import make_loop_policy
from espnet_recursive.recursion.loop_policy_base import MOST_LOOPS, LoopPolicy

#: The smallest and the largest value of each key.
_BOUNDS: dict[str, tuple[int, int | None]] = {
    "recurrent_blocks": (1, None),
    "num_loops": (1, MOST_LOOPS),
    "prelude_blocks": (0, None),
    "coda_blocks": (0, None),
}


@dataclass(frozen=True)
class RecursionShape:
    """Number of layers in the prelude, the recurrent block and the coda, and number of loops.

    The fields stand in the order in which the paper writes them, {n_r, L, n_p, n_c}; the defaults
    are the paper's row L1, {4, 5, 2, 2}.

    Args:
        recurrent_blocks: n_r, layers of the recurrent block; at least 1.
        num_loops: L, how often the recurrent block runs; at least 1. L = 1 is no recursion. Where a
            policy gives other counts, it is the depth at inference.
        prelude_blocks: n_p, layers that run once, before the loops.
        coda_blocks: n_c, layers that run once, after the loops.

    Raises:
        TypeError: If a value is not an integer.
        ValueError: If a value is too small or too large.

    Example:
        >>> shape = RecursionShape(recurrent_blocks=4, num_loops=5, prelude_blocks=2, coda_blocks=2)
        >>> print(shape, shape.unique_blocks, shape.executed_blocks)
        {4, 5, 2, 2} 8 24
    """

    recurrent_blocks: int = 4
    num_loops: int = 5
    prelude_blocks: int = 2
    coda_blocks: int = 2

    def __post_init__(self) -> None:
        for key, (least, most) in _BOUNDS.items():
            value = getattr(self, key)
            if not is_integer(value):
                raise TypeError(
                    f"{key} must be an integer of {least} or more, "
                    f"not {value!r} ({type(value).__name__})"
                )
            if value < least:
                raise ValueError(f"{key} must be {least} or more, not {value}")
            if most is not None and value > most:
                raise ValueError(f"{key} must be at most {most}, not {value}")

    @classmethod
    def from_conf(
        cls, conf: Mapping[str, Any], policy: LoopPolicy | None = None
    ) -> "RecursionShape":
        """Read the shape from an ``encoder_conf``, which may speak ESPnet's language or ours.

        Without ``num_blocks`` the keys not given have the defaults of this class. With
        ``num_blocks``, ESPnet's name for the number of layers that have parameters, the
        configuration is that of a stock encoder, {num_blocks, 1, 0, 0}, and the keys given say
        where it recurs: ``num_blocks: 8, prelude_blocks: 2, coda_blocks: 2, num_loops: 5`` is L1.

        A ``loop_policy`` other than "fixed" has a ``num_loops`` of its own where none is given: the
        end of a schedule, for instance.

        Args:
            conf: Any of ``num_blocks``, the fields of this class, ``loop_policy`` and
                ``loop_policy_conf``; other keys are ignored.
            policy: The policy of `conf`, where it has been built already.

        Raises:
            TypeError: If a value is not an integer.
            ValueError: If a value is too small or too large, or ``num_blocks`` is not the sum of
                the others.
        """
        given = {field.name: conf[field.name] for field in fields(cls) if field.name in conf}
        name = conf.get("loop_policy", "fixed")
        if name != "fixed" and given.get("num_loops") is None:
            policy = policy or make_loop_policy(name, conf.get("loop_policy_conf"))
            given["num_loops"] = policy.default_loops
        num_blocks = conf.get("num_blocks")
        if num_blocks is None:
            return cls(**given)
        # The edges alone are checked first: they are needed for the difference below.
        edges = cls(**{"prelude_blocks": 0, "coda_blocks": 0, "num_loops": 1, **given})
        if not is_integer(num_blocks, least=1):
            raise ValueError(f"num_blocks must be an integer of 1 or more, not {num_blocks!r}")
        edge_blocks = edges.prelude_blocks + edges.coda_blocks
        recurrent_blocks = given.get("recurrent_blocks", num_blocks - edge_blocks)
        if recurrent_blocks < 1 or recurrent_blocks + edge_blocks != num_blocks:
            raise ValueError(
                f"num_blocks={num_blocks} does not fit prelude_blocks={edges.prelude_blocks}, "
                f"recurrent_blocks={recurrent_blocks}, coda_blocks={edges.coda_blocks}: it counts "
                "the layers that have parameters, so it must be their sum, with at least one "
                "recurrent block. Leave num_blocks out to have it computed"
            )
        return replace(edges, recurrent_blocks=recurrent_blocks)

    @property
    def unique_blocks(self) -> int:
        """Layers that have parameters, n_p + n_r + n_c: ESPnet's ``num_blocks``."""
        return self.prelude_blocks + self.recurrent_blocks + self.coda_blocks

    @property
    def executed_blocks(self) -> int:
        """Layer executions in one forward pass, n_p + L * n_r + n_c."""
        return self.end_of_loop(self.num_loops) + self.coda_blocks

    def end_of_loop(self, loop: int) -> int:
        """Executed layers at the end of a loop, n_p + loop * n_r; of loop 0, the prelude's."""
        return self.prelude_blocks + loop * self.recurrent_blocks

    def with_loops(self, num_loops: int) -> "RecursionShape":
        """The same layers with another number of loops."""
        return replace(self, num_loops=num_loops)

    def position_with_loops(self, position: int, num_loops: int) -> int | None:
        """Where a position in the depth of this shape is found at another number of loops.

        Positions count executed layers from 1. Those in the prelude and in the loops keep their
        number, those in the coda move with it.

        Args:
            position: From 1 to :attr:`executed_blocks`.
            num_loops: The other number of loops.

        Returns:
            The position, or None for one in a loop that is not run.
        """
        if position > self.end_of_loop(self.num_loops):
            return position + (num_loops - self.num_loops) * self.recurrent_blocks
        return position if position <= self.end_of_loop(num_loops) else None

    @property
    def execution_order(self) -> list[int]:
        """Indices of the unique layers in the order in which they run (Eqs. 1-3)."""
        n_p, after = self.prelude_blocks, self.prelude_blocks + self.recurrent_blocks
        loops = [*range(n_p, after)] * self.num_loops
        return [*range(n_p), *loops, *range(after, self.unique_blocks)]

    def __str__(self) -> str:
        values = (self.recurrent_blocks, self.num_loops, self.prelude_blocks, self.coda_blocks)
        return "{" + ", ".join(map(str, values)) + "}"
