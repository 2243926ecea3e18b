"""Hidden states of an encoder: the input of the first layer, and the output of each."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import numpy as np
import torch

from espnet_recursive.asr.depth import Depth
from espnet_recursive.errors import UserError, reason
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.recursion.stack import RecursiveStack
from espnet_recursive.registry import import_quietly

TooShortUttError = import_quietly("espnet2.asr.encoder.transformer_encoder").TooShortUttError


class HiddenStates(Protocol):
    """A loaded encoder, called with one utterance.

    Attributes:
        name: The model as the user named it.
        rate: The sampling rate in Hz of its audio input; None if it takes features.
        recursion: {n_r, L, n_p, n_c} as configured; None for an encoder without recursion.
    """

    name: str
    rate: int | None
    recursion: RecursionShape | None

    def __call__(self, speech: np.ndarray) -> torch.Tensor:
        """Encode an utterance.

        Args:
            speech: (samples,), or (frames, dimensions) of features.

        Returns:
            (N + 1, T, D) float32 on the CPU: the input of the first layer, then the output of each
            of the N executed layers, before any final norm; T frames, all of the utterance.

        Raises:
            UserError: If the utterance is too short.
        """

    def set_loops(self, num_loops: int) -> None:
        """Choose the loops of a recursive encoder.

        Raises:
            UserError: If the encoder has no recursion, or refuses this number of loops.
        """


class ESPnetStates:
    """The hidden states of the encoder in an ESPnet recogniser, whatever its architecture.

    The states are collected by forward hooks. So the encoder runs as in decoding, with self-
    conditioning and private parts of a loop, and encoders that cannot return all hidden states
    (ESPnet's Branchformer) are supported, too.

    Args:
        model: A ``Speech2Text``.
        name: Its name.

    Raises:
        UserError: If its encoder has no list of layers.
    """

    def __init__(self, model: Any, name: str) -> None:
        from espnet2.tasks.asr import ASRTask

        from espnet_recursive.model.model_input import input_features, sampling_rate

        self.name = name
        config = vars(model.asr_train_args)
        self.rate = None if input_features(config) else sampling_rate(config)
        self._model, self._device = model.asr_model, model.device
        self._preprocess = ASRTask.build_preprocess_fn(model.asr_train_args, False)
        self._layers = unique_layers(self._model.encoder)
        self.recursion = _recursion(self._model.encoder)

    @torch.inference_mode()
    def __call__(self, speech: np.ndarray) -> torch.Tensor:
        """Encode an utterance, as HiddenStates says."""
        if self._preprocess is not None:
            speech = self._preprocess("", {"speech": speech})["speech"]
        batch = torch.tensor(speech, dtype=torch.float32, device=self._device)[None]
        lengths = torch.tensor([batch.shape[1]], device=self._device)
        try:
            with watching(self._layers) as states:
                self._model.encode(batch, lengths)
        except TooShortUttError as error:
            raise UserError(f"too short for the encoder: {reason(error)}") from error
        return torch.stack([state[0].float().cpu() for state in states])

    def set_loops(self, num_loops: int) -> None:
        """Choose the loops, as HiddenStates says."""
        Depth(num_loops).apply(self._model)


@contextmanager
def watching(layers: Iterable[torch.nn.Module]) -> Iterator[list[torch.Tensor]]:
    """Collect the hidden states of what is run inside the block.

    Args:
        layers: The layers, each once; one that runs several times gives a state each time.

    Yields:
        (B, T, D) each: the input of the first executed layer, then the output of each.
    """
    states: list[torch.Tensor] = []

    def before(module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        if not states:
            states.append(_state(inputs))

    def after(module: torch.nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        states.append(_state(output))

    with ExitStack() as stack:
        for layer in layers:
            stack.callback(layer.register_forward_pre_hook(before).remove)
            stack.callback(layer.register_forward_hook(after).remove)
        yield states


def unique_layers(encoder: torch.nn.Module) -> list[torch.nn.Module]:
    """The layers of an ESPnet encoder, each once.

    Raises:
        UserError: If it has none under the name that ESPnet's encoders give them.
    """
    layers = getattr(encoder, "encoders", None)
    if isinstance(layers, RecursiveStack):
        return list(layers.unique_layers)
    if isinstance(layers, (torch.nn.ModuleList, torch.nn.Sequential)) and len(layers):
        return list(dict.fromkeys(layers))
    raise UserError(
        f"The model's encoder, {type(encoder).__name__}, has no list of layers named encoders, as "
        "ESPnet's Transformer, Conformer and Branchformer encoders have. Name a model with one."
    )


def layer_labels(layers: int, recursion: RecursionShape | None) -> list[str]:
    """Names of the N + 1 states: in, 1, 2, ...; or in, P1, 1.1, 1.2, 2.1, ..., C1 in a recursion.

    Args:
        layers: N, the executed layers.
        recursion: The shape, whose number of loops may be another; None without recursion.
    """
    if recursion is None:
        return ["in", *(str(layer) for layer in range(1, layers + 1))]
    n_r, n_p, n_c = recursion.recurrent_blocks, recursion.prelude_blocks, recursion.coda_blocks
    looped = range(layers - n_p - n_c)
    return [
        "in",
        *(f"P{layer + 1}" for layer in range(n_p)),
        *(f"{place // n_r + 1}.{place % n_r + 1}" for place in looped),
        *(f"C{layer + 1}" for layer in range(n_c)),
    ]


def _recursion(encoder: Any) -> RecursionShape | None:
    if not isinstance(getattr(encoder, "encoders", None), RecursiveStack):
        return None
    return encoder.shape if encoder.shape.num_loops > 1 else None


def _state(value: Any) -> torch.Tensor:
    """The state in the arguments or results of a layer: the first, maybe with its positions."""
    while isinstance(value, tuple):
        value = value[0]
    return value
