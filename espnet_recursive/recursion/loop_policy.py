"""Loop policies: how many times each utterance of a batch runs the recurrent block in training.

A policy is a pure function (progress, lengths) -> loop counts; its options are its fields. The same
progress and the same length always have the same count, whatever else is in the batch, so that an
utterance alone equals itself in a batch, all ranks of a distributed training agree, and a resumed
training goes on as if it had never stopped.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

import numpy as np
import torch

from espnet_recursive.errors import did_you_mean
from espnet_recursive.recursion.loop_policy_base import (
    LoopPolicy,
    Progress,
    check_choice,
    check_integer,
    check_loops,
    same_for_all,
)


@dataclass(frozen=True)
class FixedLoops(LoopPolicy):
    """L of Eq. 2: the same number of loops for all, always."""

    num_loops: int

    @property
    def most_loops(self) -> int:
        return self.num_loops

    def __call__(self, progress: Progress, lengths: torch.Tensor) -> torch.Tensor:
        return same_for_all(self.num_loops, lengths)


@dataclass(frozen=True)
class LengthLoops(LoopPolicy):
    """Eq. 4: loops in proportion to the utterance's length, at inference too.

    L(u) = clip(round(min_loops + (max_loops - min_loops) (T_u - T_min) / (T_max - T_min)))

    Args:
        min_length: T_min, frames of the encoder's input that get `min_loops`. A constant of the
            configuration: the paper does not say what it is.
        max_length: T_max, frames that get `max_loops`.
        min_loops: 1 in the paper.
        max_loops: 20 in the paper.
        rounding: "nearest" (halves up), "floor" or "ceil"; the paper does not say which.
    """

    min_length: int
    max_length: int
    min_loops: int = 1
    max_loops: int = 20
    rounding: str = "nearest"

    depth_in_evaluation: ClassVar[bool] = True
    per_utterance: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_integer(self, "min_length", 0)
        check_integer(self, "max_length", 0)
        if self.max_length <= self.min_length:
            raise ValueError(
                f"max_length={self.max_length} must be larger than min_length={self.min_length}"
            )
        check_loops(self, "min_loops", "max_loops")
        check_choice(self, "rounding", ("nearest", "floor", "ceil"))

    @property
    def most_loops(self) -> int:
        return self.max_loops

    def __call__(self, progress: Progress, lengths: torch.Tensor) -> torch.Tensor:
        # Whole numbers throughout, so that no rounding of floats moves a border.
        scaled = (self.max_loops - self.min_loops) * (lengths.cpu().long() - self.min_length)
        whole = self.max_length - self.min_length
        match self.rounding:
            case "nearest":
                more = (2 * scaled + whole) // (2 * whole)
            case "floor":
                more = scaled // whole
            case _:
                more = -(-scaled // whole)
        return (self.min_loops + more).clamp(self.min_loops, self.max_loops)


@dataclass(frozen=True)
class ScheduleLoops(LoopPolicy):
    """Eq. 5: one loop more every few epochs, L(e) = ceil(20 e / 60) with the defaults.

    With another start: start - 1 + ceil((end - start + 1) e / total), which keeps the plateaus
    equally long.

    Args:
        start: Loops in the beginning.
        end: Loops in the end, and at inference unless ``num_loops`` says otherwise.
        total: Epochs, or optimiser steps, until the last plateau is over.
        unit: "epoch", as in the paper, or "step".
    """

    start: int = 1
    end: int = 20
    total: int = 60
    unit: str = "epoch"

    needs_progress: ClassVar[bool] = True
    depth_in_evaluation: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_loops(self, "start", "end")
        check_integer(self, "total", 1)
        check_choice(self, "unit", ("epoch", "step"))

    @property
    def most_loops(self) -> int:
        return self.end

    def __call__(self, progress: Progress, lengths: torch.Tensor) -> torch.Tensor:
        # The step under way is one more than those made, as the first epoch is 1.
        now = progress.epoch if self.unit == "epoch" else progress.step + 1
        plateaus = self.end - self.start + 1
        loops = self.start - 1 - (-plateaus * now // self.total)
        return same_for_all(min(max(loops, self.start), self.end), lengths)


@dataclass(frozen=True)
class UniformLoops(LoopPolicy):
    """A number drawn for each training pass, all between the ends equally likely.

    Args:
        min_loops: The smallest.
        max_loops: The largest; loops at inference unless ``num_loops`` says otherwise.
        seed: Of the draws.
    """

    min_loops: int
    max_loops: int
    seed: int = 0

    needs_progress: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_loops(self, "min_loops", "max_loops")
        check_integer(self, "seed", 0)

    @property
    def most_loops(self) -> int:
        return self.max_loops

    def __call__(self, progress: Progress, lengths: torch.Tensor) -> torch.Tensor:
        drawn = _draws(self.seed, progress).integers(self.min_loops, self.max_loops, endpoint=True)
        return same_for_all(int(drawn), lengths)


@dataclass(frozen=True)
class LogNormalPoissonLoops(LoopPolicy):
    """A number drawn for each training pass, most often small and now and then large.

    tau ~ N(log(mean_loops) - sigma^2 / 2, sigma), L ~ Poisson(exp(tau)) + 1, at most `max_loops`.

    Source: J. Geiping et al., "Scaling up Test-Time Compute with Latent Reasoning: A Recurrent
    Depth Approach" (Huginn), 2025.

    Args:
        mean_loops: The mean is one more.
        max_loops: What is drawn above it becomes it, which bounds the memory.
        sigma: Of the log-normal distribution.
        seed: Of the draws.
    """

    mean_loops: int
    max_loops: int
    sigma: float = 0.5
    seed: int = 0

    needs_progress: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_loops(self, "mean_loops", "max_loops")
        check_integer(self, "seed", 0)
        if not isinstance(self.sigma, (int, float)) or not 0 <= self.sigma < float("inf"):
            raise ValueError(f"sigma must be a number of 0 or more, not {self.sigma!r}")

    @property
    def most_loops(self) -> int:
        return self.max_loops

    @property
    def default_loops(self) -> int:
        return self.mean_loops

    def __call__(self, progress: Progress, lengths: torch.Tensor) -> torch.Tensor:
        draws = _draws(self.seed, progress)
        tau = draws.normal(np.log(self.mean_loops) - self.sigma**2 / 2, self.sigma)
        drawn = int(draws.poisson(np.exp(tau))) + 1
        return same_for_all(min(drawn, self.max_loops), lengths)


#: The policies by their names in a configuration.
LOOP_POLICIES: dict[str, type[LoopPolicy]] = {
    "fixed": FixedLoops,
    "length": LengthLoops,
    "schedule": ScheduleLoops,
    "uniform": UniformLoops,
    "lognormal_poisson": LogNormalPoissonLoops,
}


def make_loop_policy(
    name: str, conf: Mapping[str, Any] | None, num_loops: int | None = None
) -> LoopPolicy:
    """Build the policy of a configuration.

    Args:
        name: ``loop_policy``, a key of LOOP_POLICIES.
        conf: ``loop_policy_conf``, the fields of that policy.
        num_loops: The encoder's ``num_loops``, which is all that "fixed" has; other policies do
            not look at it.

    Raises:
        ValueError: If the name or a key is unknown, a key is missing, or a value cannot be; the
            message names the key.
    """
    if not isinstance(name, str) or name not in LOOP_POLICIES:
        raise ValueError(
            f"loop_policy={name!r} is none of {', '.join(LOOP_POLICIES)}."
            + did_you_mean(name, LOOP_POLICIES)
        )
    conf = dict(conf or {})
    if name == "fixed":
        if conf:
            raise ValueError("loop_policy 'fixed' has no loop_policy_conf: num_loops is all it has")
        if num_loops is None:
            raise ValueError("loop_policy 'fixed' needs num_loops")
        return FixedLoops(num_loops)
    policy: Any = LOOP_POLICIES[name]
    known = [field.name for field in fields(policy)]
    for key in conf:
        if key not in known:
            raise ValueError(
                f"loop_policy_conf of {name!r} has no key {key!r}.{did_you_mean(key, known)} "
                f"Keys: {', '.join(known)}"
            )
    missing = [f.name for f in fields(policy) if f.default is MISSING and f.name not in conf]
    if missing:
        raise ValueError(f"loop_policy_conf of {name!r} needs {', '.join(missing)}")
    try:
        return policy(**conf)
    except ValueError as error:
        raise ValueError(f"loop_policy_conf of {name!r}: {error}") from error


def _draws(seed: int, progress: Progress) -> np.random.Generator:
    """Random numbers that only this pass has: nothing is kept between passes, and no other random
    numbers are touched."""
    return np.random.default_rng([seed, progress.forward])
