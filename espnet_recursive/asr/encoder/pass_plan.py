"""From what is asked of an encoder to the instructions for one pass."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.distributed.tensor import DTensor

from espnet_recursive.asr.streaming.chunked_layers import check_chunkable
from espnet_recursive.asr.streaming.chunks import ChunkConf, Chunks, chosen_chunks
from espnet_recursive.errors import is_integer
from espnet_recursive.recursion.exit_criterion import ExitRule
from espnet_recursive.recursion.loop_plan import LayerAt, LoopPlan
from espnet_recursive.recursion.loop_policy_base import MOST_LOOPS, Progress
from espnet_recursive.recursion.shape import RecursionShape


@dataclass(frozen=True)
class ChosenDepth:
    """A depth at inference that somebody has chosen.

    Attributes:
        num_loops: Loops of every utterance, at most; None for what the configuration says.
        exit_rule: When an utterance stops earlier; None for never.
        ctc: ESPnet's CTC module, or None; in a tuple, so that no module registers it.
        chunk_size: Frames of a chunk, 0 for the whole utterance; None for what the configuration
            says.
        num_left_chunks: Chunks before its own that a frame sees, negative for all; None for what
            the configuration says.
    """

    num_loops: int | None = None
    exit_rule: ExitRule | None = None
    ctc: tuple[torch.nn.Module | None] = (None,)
    chunk_size: int | None = None
    num_left_chunks: int | None = None

    @property
    def has_chunks(self) -> bool:
        """Whether chunks, or none, were chosen."""
        return self.chunk_size is not None or self.num_left_chunks is not None

    def check(self, configured: int) -> None:
        """Refuse a depth that cannot be.

        Args:
            configured: The largest number of loops that the configuration runs by itself.

        Raises:
            ValueError: Naming what cannot be.
        """
        loops, rule = self.num_loops, self.exit_rule
        if loops is not None and not is_integer(loops, 1, MOST_LOOPS):
            raise ValueError(f"num_loops must be an integer from 1 to {MOST_LOOPS}, not {loops!r}")
        if rule is not None:
            if rule.needs_ctc and self.ctc == (None,):
                raise ValueError(f"exit criterion {rule.criterion!r} needs a CTC module")
            if (most := loops or configured) < rule.min_loops:
                raise ValueError(f"exit min_loops={rule.min_loops} is more than {most} loops")


def choose_depth(encoder: Any, chosen: ChosenDepth) -> ChosenDepth:
    """Check that an encoder can run at a depth.

    Args:
        encoder: A recursive encoder.
        chosen: The depth.

    Returns:
        The same.

    Raises:
        ValueError: Naming what cannot be.
    """
    chosen.check(encoder.recursion.most_loops)
    chunks = chunks_of_pass(encoder, chosen) if chosen.has_chunks else None
    if chunks is not None:
        check_chunkable(encoder.encoders.unique_layers)
    if getattr(encoder, "ctc_trim", False):
        if chosen.exit_rule is not None:
            raise ValueError(
                f"exit criterion {chosen.exit_rule.criterion!r} does not go with ctc_trim"
            )
        if chunks is not None:
            raise ValueError(f"chunk_size={chunks.size} does not go with ctc_trim")
    return chosen


def chunks_of_pass(encoder: Any, chosen: ChosenDepth) -> Chunks | None:
    """The chunks of a pass that begins; None for the whole utterance.

    In training those of the configuration are drawn, and nothing is chosen.

    Raises:
        ValueError: If the chosen ones cannot be.
    """
    conf: ChunkConf = encoder.chunk_conf
    if encoder.training and not chosen.has_chunks:
        return conf.drawn()
    usual = conf.at_inference()
    if not chosen.has_chunks:
        return usual
    size, left = chosen.chunk_size, chosen.num_left_chunks
    if size is None:
        if usual is None:
            raise ValueError("num_left_chunks needs chunk_size, the frames of a chunk")
        size = usual.size
    if left is None and usual is not None:
        left = usual.num_left
    return chosen_chunks(size, left, encoder.recursion.options.loop_strides)


def intermediate_positions(
    shape: RecursionShape, num_loops: int, positions: Iterable[int], loops: Iterable[int] = ()
) -> dict[int, int]:
    """Where intermediate CTC looks, at a number of loops that need not be the configured one.

    Args:
        shape: As configured.
        num_loops: Loops of the pass.
        positions: ``interctc_layer_idx``, in executed layers of `shape`. Those in the loops that
            are not run are left out; those in the coda move with it.
        loops: ``interctc_loops``; those beyond `num_loops` are left out.

    Returns:
        Positions in the pass, and the number under which each is reported.
    """
    found = {}
    for position in positions:
        if (moved := shape.position_with_loops(position, num_loops)) is not None:
            found[moved] = position
    for loop in loops:
        if loop <= num_loops:
            found[shape.end_of_loop(loop)] = shape.end_of_loop(loop)
    # The last position is the output itself.
    found.pop(shape.with_loops(num_loops).executed_blocks, None)
    return dict(sorted(found.items()))


def renumbered(out: Any, positions: Mapping[int, int] | None) -> Any:
    """An encoder's output whose intermediate states have the numbers of the configuration.

    Args:
        out: (B, T, D), or a tuple of it and (position, state) pairs or states.
        positions: As :func:`intermediate_positions` returns them; None for no change.
    """
    if not positions or not isinstance(out, tuple) or isinstance(out[1][0], torch.Tensor):
        return out
    return out[0], [(positions[position], state) for position, state in out[1]]


def loop_counts(encoder: Any, ilens: torch.Tensor, num_loops: int | None) -> torch.Tensor:
    """The loops of each utterance in a pass that begins.

    Args:
        encoder: A recursive encoder.
        ilens: (B,) lengths of its input.
        num_loops: Loops of every utterance that were chosen, in evaluation; None for none.

    Returns:
        (B,) int64 on the CPU.
    """
    policy, progress = encoder.recursion.policy, encoder.progress
    if encoder.training:
        return policy(progress.begin(encoder.encoders) if progress else Progress(), ilens)
    if num_loops is None and policy.depth_in_evaluation:
        # Only the process that trains knows progress: there, validation follows the schedule.
        seen = progress.now if progress else Progress()
        if seen is not None:
            return policy(seen, ilens)
    return torch.full((len(ilens),), num_loops or encoder.shape.num_loops)


def check_sharded_loops(encoder: Any, chosen: ChosenDepth) -> None:
    """Refuse a pass in which the ranks may run different loops of layers that they share.

    Each execution of a sharded layer (FSDP) gathers its weights from all ranks, which would wait
    for each other for ever.

    Args:
        encoder: The encoder.
        chosen: The depth of the pass.

    Raises:
        ValueError: If the layers are sharded and utterances have loops of their own.
    """
    policy = encoder.recursion.policy
    own = policy.per_utterance and (encoder.training or chosen.num_loops is None)
    if (own or chosen.exit_rule) and isinstance(next(encoder.encoders.parameters()), DTensor):
        rule = chosen.exit_rule
        name = f"exit criterion {rule.criterion}" if rule else encoder.recursion.options.loop_policy
        raise ValueError(
            f"{name} gives utterances loops of their own, and ranks would wait for ever for each "
            "other's shards (FSDP): use DistributedDataParallel, or a loop_policy with equal loops"
        )


def make_plan(
    encoder: Any,
    counts: torch.Tensor,
    chosen: ChosenDepth,
    ctc: torch.nn.Module | None,
    return_all_hs: bool = False,
    max_layers: int | None = None,
    layer_at: LayerAt | None = None,
) -> LoopPlan:
    """Write the instructions for a pass of a recursive encoder.

    Args:
        encoder: The encoder.
        counts: (B,) int64 on the CPU, the loops of each utterance.
        chosen: The depth that was chosen, none in training.
        ctc: ESPnet's CTC module, which self-conditioning needs.
        return_all_hs: Whether the state after each executed layer is wanted.
        max_layers: Executed layers at most; None for all.
        layer_at: What runs in the place of each layer; None for the layer itself.
    """
    recursion, shape, most = encoder.recursion, encoder.shape, int(counts.max())
    own = getattr(encoder, "interctc_layer_idx", None) or ()
    loops = recursion.options.interctc_loops
    wanted = intermediate_positions(shape, most, own, loops)
    beyond: set[int] = set()
    if recursion.policy.per_utterance and (encoder.training or chosen.num_loops is None):
        # Else the loss of an utterance would depend on the batch that it is in, and the statistics
        # that ranks add up would differ in their names. In a shallower pass they would be in the
        # coda, or its output.
        beyond = {shape.end_of_loop(loop) for loop in loops if loop > most}
        wanted = {at: number for at, number in wanted.items() if number not in beyond}
    kept = wanted
    if return_all_hs:
        beyond = set()
        kept = {at: at for at in range(1, shape.with_loops(most).executed_blocks + 1)}
    condition = None
    if getattr(encoder, "interctc_use_conditioning", False):
        assert ctc is not None, "interctc_use_conditioning: the model passes no ctc"

        def condition(states: torch.Tensor) -> torch.Tensor:
            posteriors = ctc.get_submodule("ctc_lo")(encoder.normalized(states)).softmax(-1)
            return states + encoder.conditioning_layer(posteriors)

    (exit_ctc,) = chosen.ctc
    head = None
    if exit_ctc is not None:

        def head(states: torch.Tensor) -> torch.Tensor:
            return exit_ctc.get_submodule("ctc_lo")(encoder.normalized(states))

    shallow = encoder.shallow_output
    return LoopPlan(
        counts,
        chosen.exit_rule,
        head,
        kept,
        beyond,
        condition,
        tuple(wanted),
        max_layers,
        layer_at,
        coda_after=shallow.loop(most) if shallow else 0,
    )
