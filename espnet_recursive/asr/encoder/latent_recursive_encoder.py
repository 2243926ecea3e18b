"""The mixin that turns one of ESPnet's encoders into a recursive one."""

import inspect
from typing import Any, ClassVar

import torch
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from typeguard import typechecked

from espnet_recursive.asr.depth import Depth
from espnet_recursive.asr.encoder.attention_weights import record_attention_for_hooks
from espnet_recursive.asr.encoder.conf_checks import EncoderConfError, check_keys
from espnet_recursive.asr.encoder.configured import ConfiguredOptions
from espnet_recursive.asr.encoder.input_layer import check_frames, fit_input_layer
from espnet_recursive.asr.encoder.last_pass import LastPass
from espnet_recursive.asr.encoder.options import check_options, recursive_signature, stock_conf
from espnet_recursive.asr.encoder.pass_plan import (
    ChosenDepth,
    check_sharded_loops,
    choose_depth,
    chunks_of_pass,
    intermediate_positions,
    loop_counts,
    make_plan,
    renumbered,
)
from espnet_recursive.asr.encoder.position_projections import cache_position_projections
from espnet_recursive.asr.encoder.shallow_output import ShallowOutput, leave_shallow
from espnet_recursive.asr.streaming.chunked_layers import ChunkedLayers, check_chunkable
from espnet_recursive.asr.streaming.chunks import ChunkConf
from espnet_recursive.errors import reason
from espnet_recursive.espnet_versions import use_sdpa
from espnet_recursive.recursion.exit_criterion import ExitRule
from espnet_recursive.recursion.loop_plan import LayerAt
from espnet_recursive.recursion.module_view import view_of
from espnet_recursive.recursion.progress import TrainingProgress
from espnet_recursive.recursion.recurrence import LayerPass, Pass, PlannedPass
from espnet_recursive.recursion.resolved import Recursion
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.recursion.stack import RecursiveStack
from espnet_recursive.speed.conv2d_in_parts import convolve_in_parts


class LatentRecursiveEncoder(ConfiguredOptions, AbsEncoder):
    """Base of the recursive encoders: a stock encoder whose layers are a :class:`RecursiveStack`.

    A subclass names this class and the stock encoder as its bases, in that order, and the values
    that the stock encoder's named options may have. Input layer, masks, positions, the final norm
    and the forward method stay the stock encoder's; so do the parameters' names, where N in
    ``encoders.N.*`` counts the unique layers: prelude, recurrent block, coda.

    Every option of the stock encoder is an option of the recursive one, and these:

    Args:
        input_size: Dimension of the input features.
        prelude_blocks: n_p of Eq. 1, layers before the loops, 0 or more.
        recurrent_blocks: n_r of Eq. 2, layers that every loop runs, 1 or more.
        coda_blocks: n_c of Eq. 3, layers after the loops, 0 or more.
        num_loops: L of Eq. 2, 1 or more. With another policy than "fixed" the loops at inference,
            which the policy has a default for.
        num_blocks: Number of unique layers, n_p + n_r + n_c; computed where it is not given.
            Given, it makes the configuration that of a stock encoder, {num_blocks, 1, 0, 0}, in
            which the other keys say where it recurs
            (see :meth:`espnet_recursive.recursion.shape.RecursionShape.from_conf`).
        loop_policy, loop_policy_conf, interctc_loops, loop_strides, loop_scale, input_injection,
            loop_embedding, loop_film, loop_norms, loop_adapter_conf, checkpoint_loops, compile: Of
            :class:`espnet_recursive.recursion.conf.RecursionConf`.
        interctc_layer_idx: Where the stock encoder has it: positions of intermediate CTC, counted
            in *executed* layers. Position n_p + i * n_r is the end of loop i. The position is also
            the number in ``loss_interctc_layer<position>``.
        chunk_size, num_left_chunks: Chunks that a frame sees, for streaming; of
            :class:`espnet_recursive.asr.streaming.chunks.ChunkConf`.
        input_channels: Channels of the convolutions of a ``conv2d`` input layer; those of the
            states by default, as in ESPnet. With ``input_layer: conv2d_speechbrain`` 64.
        **stock_conf: The stock encoder's options. Lists with a value for each block have one for
            each *unique* layer; a rate of layer drop counts for each execution.

    Any number of threads can run one encoder, each at its own depth, if its attention is safe in
    threads: ESPnet's is with ``use_sdpa: true``, which is also the faster one.

    Attributes:
        recursion: Shape, loop policy and options, which are :class:`ConfiguredOptions`, too.

    Raises:
        TypeError: If a key is unknown, or a key of the recursion has the wrong type.
        typeguard.TypeCheckError: If an option of the stock encoder has the wrong type.
        ValueError: If a value cannot be; the message names the key and what it may be.
    """

    #: Values that the named options of the stock encoder may have.
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    #: Whether intermediate CTC sees the states through the final norm, as in the stock encoder.
    normalizes_states: ClassVar[bool] = True
    _stock: ClassVar[type[AbsEncoder]]
    _stock_signature: ClassVar[inspect.Signature]
    encoders: RecursiveStack
    shallow_output: ShallowOutput | None = None  # where a training pass leaves that

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        bases: Any = [b for b in cls.__mro__ if not issubclass(b, LatentRecursiveEncoder)]
        cls._stock = next(base for base in bases if issubclass(base, AbsEncoder))
        cls._stock_signature = inspect.signature(cls._stock.forward)
        cls.__signature__ = recursive_signature(cls._stock)

    @typechecked
    def __init__(self, input_size: int, *args: Any, **conf: Any) -> None:
        cls = type(self)
        known = cls.__signature__.parameters
        check_keys(conf, tuple(known), cls.__name__)
        given = dict(cls.__signature__.bind(input_size, *args, **conf).arguments)
        effective = {key: parameter.default for key, parameter in known.items()} | given
        try:
            recursion = Recursion.from_conf(given)
            chunk_conf = ChunkConf.from_conf(effective, recursion.options.loop_strides)
        except ValueError as error:
            raise EncoderConfError(str(error)) from error
        check_options(effective, recursion, chunk_conf, cls.choices)
        try:
            super().__init__(**stock_conf(given, recursion.shape, cls._stock))
        except AssertionError as error:
            raise EncoderConfError(f"encoder_conf of {cls.__name__}: {reason(error)}") from error
        if "interctc_layer_idx" in known:
            self.interctc_layer_idx = effective["interctc_layer_idx"] or []
        fit_input_layer(self, effective)
        self.recursion, self.chunk_conf = recursion, chunk_conf
        self.encoders = recursion.make_stack(list(self.encoders), self.output_size())
        self.progress = TrainingProgress() if recursion.policy.needs_progress else None
        self._last_pass = LastPass()
        if chunk_conf.is_used:
            check_chunkable(self.encoders.unique_layers)
        self.set_depth()
        use_sdpa(self, effective["use_sdpa"])
        record_attention_for_hooks(self.encoders)
        cache_position_projections(self.encoders)
        input_layer = getattr(self, "embed", None)
        if input_layer is not None and recursion.most_loops > 1:
            convolve_in_parts(input_layer)

    @property
    def shape(self) -> RecursionShape:
        """{n_r, L, n_p, n_c} of this encoder."""
        return self.encoders.shape

    @property
    def loops_run(self) -> torch.Tensor | None:
        """(B,) int64, the loops that each utterance ran in the last pass of this thread.

        None where all ran ``num_loops`` of them because nothing said otherwise.
        """
        return self._last_pass.loops

    @property
    def row_layers(self) -> int:
        """Layer executions of the last pass of this thread, times the utterances of each."""
        return self._last_pass.row_layers

    def set_epoch(self, epoch: int) -> None:
        """Tell the epoch of the training, from 1, to a loop policy that follows it.

        ESPnet's trainers do so by themselves with this package, which also takes its own count
        where nobody tells.
        """
        if self.progress is not None:
            self.progress.begin_epoch(epoch)

    def set_depth(
        self,
        num_loops: int | None = None,
        exit_rule: ExitRule | None = None,
        ctc: torch.nn.Module | None = None,
        **chunks: int | None,
    ) -> None:
        """Choose the depth at inference from now on; training is not changed.

        Args:
            num_loops: Loops of every utterance, at most; None for what the configuration says.
            exit_rule: When an utterance stops earlier; None for never.
            ctc: ESPnet's CTC module of the model, for rules that look at its posteriors.
            **chunks: ``chunk_size`` and ``num_left_chunks``, one number each; None for what the
                configuration says, a size of 0 for the whole utterance.

        Raises:
            ValueError: If `num_loops` is no integer of 1 or more, or less than the rule's
                ``min_loops``, or the rule lacks its CTC module, or cannot be in this encoder.
        """
        self._depth = choose_depth(self, ChosenDepth(num_loops, exit_rule, (ctc,), **chunks))

    def forward(
        self,
        xs_pad: torch.Tensor,
        ilens: torch.Tensor,
        *args: Any,
        depth: Depth | None = None,
        **kwargs: Any,
    ) -> tuple[Any, torch.Tensor, Any]:
        """Encode, as the stock encoder does.

        Args:
            xs_pad: (B, T, input_size) features.
            ilens: (B,) their lengths.
            *args: The stock encoder's other arguments, such as ``ctc`` and ``return_all_hs``.
            depth: The depth of this pass, in the place of that of :meth:`set_depth`. An exit
                criterion that looks at CTC needs ``ctc`` beside it, in every encoder.
            **kwargs: As `args`.

        Returns:
            ``(out, olens, None)``, out being (B, T', D); or ``((out, states), olens, None)`` where
            intermediate CTC or all hidden states are asked for. An utterance that has finished
            before has the state with which it finished. Loops that no utterance runs are left out
            of ``interctc_loops``, unless the policy gives utterances loops of their own, and of
            ``interctc_layer_idx``.

        Raises:
            espnet2.asr.encoder.abs_encoder.TooShortUttError: If the input is too short.
            ValueError: If there is a depth in training, or it cannot be.
        """
        ctc = kwargs.get("ctc")
        if "ctc" in kwargs and "ctc" not in self._stock_signature.parameters:
            del kwargs["ctc"]
        call = self._stock_signature.bind(self, xs_pad, ilens, *args, **kwargs)
        options = {key: value for key, value in call.arguments.items() if key != "self"}
        check_frames(self.embed, xs_pad)
        chosen = self._depth
        if depth is not None:
            if self.training:
                raise ValueError(f"depth={depth} is for inference: call eval() first")
            chosen = depth.chosen(self, options.get("ctc", ctc))
        elif self.training:
            chosen = ChosenDepth()
        chunks = chunks_of_pass(self, chosen)
        plain = self.recursion.is_plain and self.shallow_output is None
        if plain and chosen.exit_rule is None and chunks is None:
            return self._layer_by_layer(options, chosen.num_loops)
        return self._by_plan(options, chosen, ChunkedLayers(chunks) if chunks else None)

    def _layer_by_layer(
        self, options: dict[str, Any], num_loops: int | None
    ) -> tuple[Any, torch.Tensor, Any]:
        """A pass in which the stock forward visits each layer."""
        shape = self.shape.with_loops(num_loops or self.shape.num_loops)
        # ESPnet's own checkpointing computes layers once more when the pass is over, and its
        # trimming takes frames away between layers, masks and positions with them.
        changing = ("gradient_checkpoint_layers", "ctc_trim")
        caches = not any(getattr(self, key, None) for key in changing)
        batch, most = len(options["xs_pad"]), options.get("max_layer")
        layers = shape.executed_blocks if most is None else min(most, shape.executed_blocks)
        view, positions = self, None
        if shape != self.shape:
            own = getattr(self, "interctc_layer_idx", None) or []
            positions = intermediate_positions(self.shape, shape.num_loops, own)
            view = self._with(
                LayerPass(self.encoders, shape.num_loops, caches),
                interctc_layer_idx=list(positions),
            )
        elif caches and shape.num_loops > 1:
            view = self._with(LayerPass(self.encoders, shape.num_loops))
        out, olens, states = self._stock.forward(view, **options)
        loops = None if num_loops is None else torch.full((batch,), num_loops)
        self._last_pass.note(loops, batch * layers)
        return renumbered(out, positions), olens, states

    def _by_plan(
        self, options: dict[str, Any], chosen: ChosenDepth, layer_at: LayerAt | None
    ) -> tuple[Any, torch.Tensor, Any]:
        """A pass that the stock forward sees as one layer."""
        return_all_hs, most = (options.pop(k, None) for k in ("return_all_hs", "max_layer"))
        check_sharded_loops(self, chosen)
        counts = loop_counts(self, options["ilens"], chosen.num_loops)
        ctc = options.get("ctc")
        plan = make_plan(self, counts, chosen, ctc, bool(return_all_hs), most, layer_at)
        planned = PlannedPass(self.encoders, plan)
        view = self._with(planned, interctc_layer_idx=[])
        out, olens, states = self._stock.forward(view, **options)
        self._last_pass.note(planned.loops, planned.row_layers)
        leave_shallow(self, planned.early)
        if return_all_hs:
            out = out, [state for _, state in planned.states]
        elif planned.states:
            out = out, [(at, self.normalized(state)) for at, state in planned.states]
        return out, olens, states

    def _with(self, layers: Pass, **attributes: Any) -> "LatentRecursiveEncoder":
        """A copy of this encoder for one pass, whose layers are those of the pass."""
        modules = {name: m for name, m in self._modules.items() if name != "encoders"}
        return view_of(self, _modules=modules, encoders=layers, **attributes)

    def normalized(self, states: torch.Tensor) -> torch.Tensor:
        """Latent states as the stock encoder shows them to intermediate CTC."""
        if self.normalizes_states and getattr(self, "normalize_before", True):
            return self.after_norm(states)
        return states

    def extra_repr(self) -> str:
        layers, encoder = (
            sum(p.numel() for p in module.parameters()) for module in (self.encoders, self)
        )
        more = f", {self.recursion}" if str(self.recursion) else ""
        return (
            f"{{n_r, L, n_p, n_c}} = {self.shape}, "
            f"{self.shape.unique_blocks} unique layers, {self.shape.executed_blocks} executed, "
            f"parameters: {layers:,} in layers, {encoder:,} in all{more}"
        )
