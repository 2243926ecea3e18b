"""The depth at inference as options: of ``Speech2Text``, of commands, and of decoding YAMLs."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isnan
from typing import Any

from espnet_recursive.errors import UserError, did_you_mean, is_integer


@dataclass(frozen=True)
class Depth:
    """How many loops an utterance runs at inference.

    Attributes:
        num_loops: Loops of every utterance, at most; None for what the configuration says.
        loop_exit: The criterion by which an utterance stops earlier, "latent", "kl", "labels" or
            "acceleration", of :mod:`espnet_recursive.recursion.exit_criterion`. None for never.
        loop_exit_threshold: Below it an utterance stops. What is a good one depends on the
            criterion and the model, so there is no default.
        loop_exit_min: Loops that every utterance runs, 1 where nothing is said.
        chunk_size: Frames of a chunk, as in :mod:`espnet_recursive.asr.streaming.chunks`, 0 for the
            whole utterance; None for what the configuration says.
        num_left_chunks: Chunks before its own that a frame sees, -1 for all; None for what the
            configuration says.

    Raises:
        UserError: Naming the option and what it may be.
    """

    num_loops: int | None = None
    loop_exit: str | None = None
    loop_exit_threshold: float | None = None
    loop_exit_min: int | None = None
    chunk_size: int | None = None
    num_left_chunks: int | None = None

    def __post_init__(self) -> None:
        for key in ("num_loops", "loop_exit_min"):
            value = getattr(self, key)
            if value is not None and not is_integer(value, least=1):
                raise UserError(f"{key} must be an integer of 1 or more, not {value!r}")
        for key, least in (("chunk_size", 0), ("num_left_chunks", -1)):
            value = getattr(self, key)
            if value is not None and not is_integer(value, least):
                raise UserError(f"{key} must be an integer of {least} or more, not {value!r}")
        if self.loop_exit is None:
            for key in ("loop_exit_threshold", "loop_exit_min"):
                if getattr(self, key) is not None:
                    raise UserError(f"{key} needs loop_exit, the criterion that it is for")
            return
        # Imports torch, for which a help should not wait.
        from espnet_recursive.recursion.exit_criterion import EXIT_CRITERIA

        if self.loop_exit not in EXIT_CRITERIA:
            raise UserError(
                f"loop_exit={self.loop_exit!r} is none of {', '.join(EXIT_CRITERIA)}."
                + did_you_mean(self.loop_exit, EXIT_CRITERIA)
            )
        threshold = self.loop_exit_threshold
        if threshold is None:
            raise UserError(
                f"loop_exit={self.loop_exit} needs loop_exit_threshold: an utterance stops when "
                "the criterion is below it. espnet-recursive sweep-loops tries several."
            )
        number = isinstance(threshold, (int, float)) and not isinstance(threshold, bool)
        if not number or isnan(threshold) or threshold < 0:
            raise UserError(f"loop_exit_threshold must be a number of 0 or more, not {threshold!r}")

    def apply(self, model: Any) -> None:
        """Have an ESPnet model run at this depth from now on; other options are as configured.

        Args:
            model: A model with ``encoder`` and ``ctc``, such as ``ESPnetASRModel``.

        Raises:
            UserError: If its encoder does not recur, or lacks what the criterion looks at.
        """
        encoder: Any = getattr(model, "encoder", None)
        if not hasattr(encoder, "set_depth"):
            if self != Depth():
                raise UserError(
                    f"{self}: the model's encoder, {type(encoder).__name__}, runs each layer once. "
                    "Leave these options out, or name a model with a recursive encoder."
                )
            return
        try:
            chunks = {
                key: value
                for key in ("chunk_size", "num_left_chunks")
                if (value := getattr(self, key)) is not None
            }
            ctc = getattr(model, "ctc", None)
            encoder.set_depth(self.num_loops, self.exit_rule(), ctc, **chunks)
        except ValueError as error:
            raise UserError(f"{self}: {error}") from error

    def view(self, model: Any) -> Any:
        """A view of an ESPnet model that runs at this depth; the model itself is not changed.

        Args:
            model: As in :meth:`apply`.

        Raises:
            UserError: As :meth:`apply` does.
        """
        from espnet_recursive.recursion.module_view import view_of

        encoder: Any = getattr(model, "encoder", None)
        if not hasattr(encoder, "set_depth"):
            self.apply(model)
            return model
        ctc = getattr(model, "ctc", None)
        try:
            self.chosen(encoder, ctc)
        except ValueError as error:
            raise UserError(f"{self}: {error}") from error
        modules = {name: module for name, module in model._modules.items() if name != "encoder"}
        return view_of(model, _modules=modules, encoder=_AtDepth(encoder, self, ctc))

    def chosen(self, encoder: Any, ctc: Any) -> Any:
        """This depth for an encoder: a :class:`espnet_recursive.asr.encoder.pass_plan.ChosenDepth`.

        Args:
            encoder: A recursive encoder.
            ctc: ESPnet's CTC module of its model, or None.

        Raises:
            ValueError: If it cannot be in this encoder.
        """
        from espnet_recursive.asr.encoder.pass_plan import ChosenDepth, choose_depth

        chunks = self.chunk_size, self.num_left_chunks
        return choose_depth(encoder, ChosenDepth(self.num_loops, self.exit_rule(), (ctc,), *chunks))

    def exit_rule(self) -> Any:
        """The :class:`espnet_recursive.recursion.exit_criterion.ExitRule`; None for none."""
        if self.loop_exit is None:
            return None
        from espnet_recursive.recursion.exit_criterion import ExitRule

        return ExitRule(self.loop_exit, self.loop_exit_threshold or 0.0, self.loop_exit_min or 1)

    def __str__(self) -> str:
        """The options that differ from their defaults."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        return ", ".join(f"{k}={v}" for k, v in given.items() if v is not None)


class _AtDepth:
    """An encoder that always runs at one depth; everything else is the encoder's."""

    def __init__(self, encoder: Any, depth: Depth, ctc: Any) -> None:
        self._encoder, self._at_depth = encoder, {"depth": depth, "ctc": ctc}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._encoder(*args, **{**self._at_depth, **kwargs})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)


#: The names of the options.
DEPTH_OPTIONS = tuple(field.name for field in fields(Depth))


def add_depth_options(parser: argparse.ArgumentParser) -> None:
    """Give a command the options of :class:`Depth`; their values are checked by it."""
    group = parser.add_argument_group("Depth of a recursive encoder")
    group.add_argument("--num_loops", type=int, help="loops, at most (the model's configuration)")
    group.add_argument(
        "--loop_exit",
        help="criterion by which an utterance stops earlier: latent (relative change of the latent "
        "state), kl (divergence of the CTC posteriors), labels (share of frames whose greedy CTC "
        "label changes) or acceleration (relative change of the step of the latent state)",
    )
    group.add_argument("--loop_exit_threshold", type=float, help="below it, an utterance stops")
    group.add_argument("--loop_exit_min", type=int, help="loops that every utterance runs (1)")
    group.add_argument(
        "--chunk_size",
        type=int,
        help="frames of a chunk, as a stream has them; 0: the whole utterance (the model's own)",
    )
    group.add_argument(
        "--num_left_chunks",
        type=int,
        help="chunks before its own that a frame sees; -1: all (the model's own)",
    )


def given_depth(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of :class:`Depth` that are given, out of others."""
    return {key: value for key in DEPTH_OPTIONS if (value := options.get(key)) is not None}
