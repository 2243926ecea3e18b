"""What turns one of ESPnet's encoders into a recursive one."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import MISSING, fields
from typing import Any, ClassVar

import torch
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
from espnet_recursive.asr.encoder.position_projections import know_positions
from espnet_recursive.errors import reason
from espnet_recursive.recursion.conf import RecursionConf
from espnet_recursive.recursion.exit_criterion import ExitRule
from espnet_recursive.recursion.loop_policy import LoopPolicy, Progress
from espnet_recursive.recursion.progress import TrainingProgress
from espnet_recursive.recursion.recurrence import LoopPlan, Recurrence
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.recursion.stack import RecursiveStack
from espnet_recursive.speed.conv2d_in_parts import convolve_in_parts

#: The keys of the recursion, and the positions that the stock constructors check against the number
#: of unique layers, where they count executed ones here.
_NOT_FOR_STOCK = {
    "interctc_layer_idx",
    *(field.name for cls in (RecursionShape, RecursionConf) for field in fields(cls)),
}
#: Options of stock forward methods that act between layers. A pass by a plan has no place for them.
_BETWEEN_LAYERS = ("ctc_trim", "layer_drop_rate", "gradient_checkpoint_layers")


class LatentRecursiveEncoder(AbsEncoder):
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
        loop_policy, loop_policy_conf, interctc_loops, input_injection, loop_embedding, loop_film,
            loop_norms, loop_adapter_conf, checkpoint_loops, compile: Those of
            :class:`espnet_recursive.recursion.conf.RecursionConf`.
        interctc_layer_idx: Where the stock encoder has it: positions of intermediate CTC, counted
            in *executed* layers. Position n_p + i * n_r is the end of loop i. The position is also
            the number in ``loss_interctc_layer<position>``.
        **stock_conf: The stock encoder's options. An option that is a list with a value for each
            block has a value for each *unique* layer; a rate of layer drop counts for each
            execution.

    Attributes:
        loops_run: (B,) int64, the loops that each utterance ran in the last pass; None where all
            ran ``num_loops`` of them because nothing said otherwise.
        row_layers: Layer executions of that pass, each times the utterances that it computed.

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
    _no_progress: ClassVar[Progress] = Progress()
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
        recursion = RecursionConf.from_conf(given)
        shape, interctc_layer_idx = cls._check(given, recursion)
        try:
            super().__init__(**_stock_conf(given, shape))
        except AssertionError as error:
            raise EncoderConfError(f"encoder_conf of {cls.__name__}: {reason(error)}") from error
        if "interctc_layer_idx" in cls.__signature__.parameters:
            self.interctc_layer_idx = interctc_layer_idx
        self.recursion = recursion
        self.loop_policy: LoopPolicy = recursion.make_policy(shape)
        self.encoders = recursion.make_stack(list(self.encoders), shape, self.output_size())
        self.progress = TrainingProgress() if self.loop_policy.needs_progress else None
        self.loops_run: torch.Tensor | None = None
        self.row_layers = 0
        self.set_depth()
        keep_weights_when_watched(self.encoders)
        know_positions(self.encoders)
        input_layer = getattr(self, "embed", None)
        if input_layer is not None and recursion.most_loops(shape) > 1:
            convolve_in_parts(input_layer)

    @classmethod
    def _check(
        cls, given: dict[str, Any], recursion: RecursionConf
    ) -> tuple[RecursionShape, list[int]]:
        """Refuse what cannot be; return the shape and the positions of intermediate CTC."""
        defaults = {key: p.default for key, p in cls.__signature__.parameters.items()}
        effective = defaults | given
        try:
            shape = RecursionShape.from_conf(given)
            recursion.check(shape)
        except ValueError as error:
            raise EncoderConfError(str(error)) from error
        check_choices(effective, cls.choices)
        check_values(effective, shape.unique_blocks)
        depth = shape.executed_blocks
        positions = effective.get("interctc_layer_idx")
        positions = [] if positions is None else positions
        check_positions("interctc_layer_idx", positions, 1, depth - 1)
        always_run = shape.prelude_blocks + shape.recurrent_blocks
        if recursion.make_policy(shape).per_utterance and max(positions, default=0) > always_run:
            raise EncoderConfError(
                f"interctc_layer_idx={positions} counts executed layers, of which utterances have "
                f"different numbers with loop_policy={recursion.loop_policy}: beyond the first "
                f"loop, which ends with layer {always_run}, name loops in interctc_loops"
            )
        # Position 0 is the input layer.
        checkpointed = effective.get("gradient_checkpoint_layers", [])
        check_positions("gradient_checkpoint_layers", checkpointed, 0, depth)
        if not recursion.is_plain:
            for key in (k for k in _BETWEEN_LAYERS if effective.get(k)):
                raise EncoderConfError(f"{key} does not go with {recursion}: leave one of them out")
        return shape, positions

    @property
    def shape(self) -> RecursionShape:
        """{n_r, L, n_p, n_c} of this encoder."""
        return self.encoders.shape

    def set_depth(
        self,
        num_loops: int | None = None,
        exit_rule: ExitRule | None = None,
        ctc: torch.nn.Module | None = None,
    ) -> None:
        """Choose the depth at inference; training is not changed.

        Args:
            num_loops: Loops of every utterance, at most; None for what the configuration says.
            exit_rule: When an utterance stops earlier; None for never.
            ctc: ESPnet's CTC module of the model, for rules that look at its posteriors.

        Raises:
            ValueError: If `num_loops` is less than 1 or than the rule's ``min_loops``, or the rule
                lacks its CTC module.
        """
        if num_loops is not None and num_loops < 1:
            raise ValueError(f"num_loops must be 1 or more, not {num_loops}")
        if exit_rule is not None:
            if exit_rule.needs_ctc and ctc is None:
                raise ValueError(f"exit criterion {exit_rule.criterion!r} needs a CTC module")
            if (most := num_loops or self.recursion.most_loops(self.shape)) < exit_rule.min_loops:
                raise ValueError(f"exit min_loops={exit_rule.min_loops} is more than {most} loops")
        self._num_loops, self._exit_rule = num_loops, exit_rule
        self._exit_ctc = (ctc,)  # a tuple, so that it is not registered here as well

    def forward(
        self, xs_pad: torch.Tensor, ilens: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Any, torch.Tensor, Any]:
        """Encode, as the stock encoder does.

        Args:
            xs_pad: (B, T, input_size) features.
            ilens: (B,) their lengths.
            *args: The stock encoder's other arguments, such as ``ctc`` and ``return_all_hs``.
            **kwargs: The same.

        Returns:
            ``(out, olens, None)``, out being (B, T', D); or ``((out, states), olens, None)`` where
            intermediate CTC or all hidden states are asked for. An utterance that has finished
            before has the state with which it finished. Loops that no utterance runs are left out
            of ``interctc_loops``, unless the policy gives utterances loops of their own.

        Raises:
            espnet2.asr.encoder.abs_encoder.TooShortUttError: If the input is too short.
        """
        if not self._runs_by_plan():
            self.loops_run = None
            # ESPnet's own checkpointing computes layers once more when the pass is over, and its
            # trimming takes frames away between layers, masks and positions with them.
            changing = ("gradient_checkpoint_layers", "ctc_trim")
            alone = any(getattr(self, key, None) for key in changing)
            with nullcontext() if alone else self.encoders.sharing():
                return super().forward(xs_pad, ilens, *args, **kwargs)
        call = inspect.signature(self._stock.forward).bind(self, xs_pad, ilens, *args, **kwargs)
        options = {key: value for key, value in call.arguments.items() if key != "self"}
        return_all_hs = options.pop("return_all_hs", False)
        plan = self._plan(ilens, options.get("ctc"), return_all_hs)
        with self.encoders.running(plan) as done, self._positions_hidden():
            out, olens, states = super().forward(**options)
        self.loops_run, self.row_layers = done.loops, done.row_layers
        return self._with_states(out, done, return_all_hs), olens, states

    def _runs_by_plan(self) -> bool:
        """Whether anything is asked for that is not the same layers for all, one after another."""
        chosen = (self._num_loops, self._exit_rule)
        return bool(
            not self.recursion.is_plain
            or (not self.training and any(choice is not None for choice in chosen))
        )

    def _plan(
        self, ilens: torch.Tensor, ctc: torch.nn.Module | None, return_all_hs: bool
    ) -> LoopPlan:
        counts = self._training_loops(ilens) if self.training else self._inference_loops(ilens)
        most = RecursionShape(
            self.shape.recurrent_blocks,
            int(counts.max()),
            self.shape.prelude_blocks,
            self.shape.coda_blocks,
        )
        beyond: set[int] = set()
        if return_all_hs:
            wanted = set(range(1, most.executed_blocks + 1))
        else:
            n_p, n_r = self.shape.prelude_blocks, self.shape.recurrent_blocks
            ends = {n_p + loop * n_r for loop in self.recursion.interctc_loops}
            # Positions beyond the last loop would be in the coda of a shallower pass.
            reached = {end for end in ends if end <= n_p + most.num_loops * n_r}
            if self.loop_policy.per_utterance and (self.training or self._num_loops is None):
                # Else the loss of an utterance would depend on the batch that it is in, and the
                # statistics that ranks add up would differ in their names.
                beyond = ends - reached
            wanted = reached.union(getattr(self, "interctc_layer_idx", None) or ()) - beyond
            wanted.discard(most.executed_blocks)
        condition = None
        if getattr(self, "interctc_use_conditioning", False) and not return_all_hs:
            assert ctc is not None, "interctc_use_conditioning: the model passes no ctc"

            def condition(states: torch.Tensor) -> torch.Tensor:
                posteriors = ctc.get_submodule("ctc_lo")(self._normalized(states)).softmax(-1)
                return states + self.conditioning_layer(posteriors)

        if self.training:
            return LoopPlan(counts, None, None, wanted, beyond, condition)
        return LoopPlan(counts, self._exit_rule, self._ctc_head, wanted, beyond, condition)

    def _training_loops(self, ilens: torch.Tensor) -> torch.Tensor:
        if self.progress is None:
            return self.loop_policy(self._no_progress, ilens)
        weights = list(self.encoders.parameters())
        trained = next((weight for weight in weights if weight.requires_grad), weights[0])
        return self.loop_policy(self.progress.begin(trained), ilens)

    def _inference_loops(self, ilens: torch.Tensor) -> torch.Tensor:
        if self._num_loops is not None:
            return torch.full((len(ilens),), self._num_loops)
        if self.loop_policy.depth_in_evaluation:
            # Only the process that trains knows progress: there, validation follows the schedule.
            now = self.progress.now if self.progress else self._no_progress
            if now is not None:
                return self.loop_policy(now, ilens)
        return torch.full((len(ilens),), self.shape.num_loops)

    def _normalized(self, states: torch.Tensor) -> torch.Tensor:
        """The states as the stock encoder shows them to CTC."""
        if self.normalizes_states and getattr(self, "normalize_before", True):
            return self.after_norm(states)
        return states

    def _ctc_head(self, states: torch.Tensor) -> torch.Tensor:
        (ctc,) = self._exit_ctc
        assert ctc is not None
        return ctc.get_submodule("ctc_lo")(self._normalized(states))

    @contextmanager
    def _positions_hidden(self) -> Iterator[None]:
        """The stock forward sees a pass by a plan as one layer; positions are none of its own."""
        positions = getattr(self, "interctc_layer_idx", None)
        if positions is None:
            yield
            return
        self.interctc_layer_idx = []
        try:
            yield
        finally:
            self.interctc_layer_idx = positions

    def _with_states(self, out: torch.Tensor, done: Recurrence, return_all_hs: bool) -> Any:
        if not done.states:
            return out
        if return_all_hs:
            return out, [states for _, states in done.states]
        return out, [(position, self._normalized(states)) for position, states in done.states]

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


def _recursive_signature(stock: type[AbsEncoder]) -> inspect.Signature:
    """The stock constructor's signature with the keys of the recursion, for ESPnet to read."""
    parameters = {
        name: parameter.replace(default=None) if name == "num_blocks" else parameter
        for name, parameter in inspect.signature(stock).parameters.items()
    }
    for cls in (RecursionShape, RecursionConf):
        for field in fields(cls):
            default = {} if field.default is MISSING else field.default
            parameters[field.name] = inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=default,
                annotation=field.type,
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
