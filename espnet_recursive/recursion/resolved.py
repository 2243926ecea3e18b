"""The recursion of an encoder, resolved once: its shape, its loop policy and its options."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from espnet_recursive.recursion.conf import RecursionConf
from espnet_recursive.recursion.loop_policy import make_loop_policy
from espnet_recursive.recursion.loop_policy_base import LoopPolicy
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.recursion.stack import RecursiveStack


@dataclass(frozen=True)
class Recursion:
    """Everything that an ``encoder_conf`` says of its recursion, checked.

    Attributes:
        shape: {n_r, L, n_p, n_c}; L are the loops at inference where nothing else is chosen.
        policy: The loops of training, and with some policies of inference.
        options: All that goes beyond the tuple.
    """

    shape: RecursionShape
    policy: LoopPolicy
    options: RecursionConf

    @classmethod
    def from_conf(cls, conf: Mapping[str, Any]) -> "Recursion":
        """Resolve an ``encoder_conf``.

        Raises:
            TypeError: If a key of the shape is not an integer.
            ValueError: Naming the key that is wrong, and what it may be.
        """
        options = RecursionConf.from_conf(conf)
        name, policy_conf = options.loop_policy, options.loop_policy_conf
        if name == "fixed":
            shape = RecursionShape.from_conf(conf)
            policy = make_loop_policy(name, policy_conf, shape.num_loops)
        else:
            policy = make_loop_policy(name, policy_conf)
            shape = RecursionShape.from_conf(conf, policy)
        recursion = cls(shape, policy, options)
        options.check(shape, recursion.most_loops)
        return recursion

    @property
    def most_loops(self) -> int:
        """The largest number of loops that the configuration runs by itself."""
        return max(self.policy.most_loops, self.shape.num_loops)

    @property
    def is_plain(self) -> bool:
        """Whether all loops are alike, equally many for all utterances, and nothing looks at them.

        Such a recursion is the same layers one after the other, as in a stock encoder, and run so,
        unless the loops are to be checkpointed or compiled.
        """
        return not str(self)

    def make_stack(self, layers: Sequence[torch.nn.Module], size: int) -> RecursiveStack:
        """Build the stack with all of its parts.

        Args:
            layers: The unique layers.
            size: D, of the latent state.

        Raises:
            ValueError: If ``loop_adapter_conf`` names layers that are not there.
        """
        return self.options.make_stack(layers, self.shape, self.most_loops, size)

    def __str__(self) -> str:
        """The options that differ from their defaults."""
        return str(self.options)
