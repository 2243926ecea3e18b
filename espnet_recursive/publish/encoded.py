"""The encoder's time, loops and executed layers for each utterance."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from espnet_recursive.publish.usable_speech import check_usable
from espnet_recursive.recursion.module_view import view_of


@dataclass(frozen=True)
class Encoded:
    """The encoding of an utterance.

    Attributes:
        seconds: Time in ``encode`` of the model: frontend, normalisation and encoder.
        loops: Loops that it ran; None for an encoder that does not recur.
        layers: Layers that were executed; None likewise.
        output: (frames, size) of the encoder, where it is kept.
    """

    seconds: float
    loops: int | None
    layers: int | None
    output: torch.Tensor | None = field(default=None, repr=False, compare=False)


class NBest(list):
    """The hypotheses of an utterance, best first, as ESPnet lists them.

    Attributes:
        encoded: How it was encoded; None where an utterance has several lists, one a speaker, and
            this is not the first.
    """

    def __init__(self, hypotheses: Sequence[Any], encoded: Encoded | None) -> None:
        super().__init__(hypotheses)
        self.encoded = encoded


class SearchLock:
    """A lock that a copy of its owner does not share, and that one thread may take repeatedly."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type["SearchLock"], tuple[()]]:
        return SearchLock, ()


def encoding_each_alone(
    model: Any,
    done: list[Encoded],
    afterwards: Callable[[], None] = lambda: None,
    keep: bool = False,
) -> Any:
    """A view of a model whose ``encode`` takes the utterances of a batch one by one.

    Args:
        model: An ESPnet recogniser, which is not changed.
        done: Emptied at each call of ``encode``, and filled with its utterances in their order.
        afterwards: Called at the end of each call of ``encode``.
        keep: Whether what is done holds the encoder's output.
    """

    def encode_each(speech: torch.Tensor, speech_lengths: torch.Tensor) -> Any:
        done.clear()
        outputs = []
        for samples, length in zip(speech, speech_lengths, strict=True):
            check_usable(model, samples[:length])
            start = _now(speech.device)
            # A copy, because ESPnet normalises features in place: decoded once more, at another
            # depth or in half a batch, the caller's would be others.
            outputs.append(model.encode(samples[None, :length].clone(), length[None]))
            done.append(_encoded(model, _now(speech.device) - start))
        # With intermediate CTC, its layers come beside the output.
        encoded = [(out[0] if isinstance(out, tuple) else out)[0] for out, _ in outputs]
        if keep:
            done[:] = [replace(one, output=out) for one, out in zip(done, encoded, strict=True)]
        afterwards()
        if len(outputs) == 1:
            return outputs[0]
        lengths = torch.cat([length for _, length in outputs])
        return torch.nn.utils.rnn.pad_sequence(encoded, batch_first=True), lengths

    return view_of(model, encode=encode_each)


def _encoded(model: Any, seconds: float) -> Encoded:
    encoder: Any = getattr(model, "encoder", None)
    if not hasattr(encoder, "loops_run"):
        return Encoded(seconds, None, None)
    shape, ran = encoder.shape, encoder.loops_run
    loops = shape.num_loops if ran is None else int(ran[0])
    return Encoded(seconds, loops, shape.with_loops(loops).executed_blocks)


def _now(device: torch.device) -> float:
    """In seconds, after what was given to a GPU is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
