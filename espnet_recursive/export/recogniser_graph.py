"""A complete recogniser, from the waveform to CTC's log posteriors, as one ONNX model."""

from typing import Any

import onnx
import torch

from espnet_recursive.export.encoder_graph import encoder_graph
from espnet_recursive.export.graphs import checked, in_front, trace
from espnet_recursive.export.normalised import Normalised
from espnet_recursive.export.signal import Signal

#: Utterances and seconds of the input that is traced, about; the graph holds for any.
_TRACED = (2, 20_000)
_TRACED_FRAMES = 67
_AXES = {
    "raw_features": {0: "batch", 1: "frames"},
    "waveform": {0: "batch", 1: "samples"},
    "lengths": {0: "batch"},
    "features": {0: "batch", 1: "frames"},
    "feature_lengths": {0: "batch"},
}


def encoder_with_ctc(model: Any, num_loops: int | None, loops_as_input: bool) -> onnx.ModelProto:
    """The part of a recogniser behind the features.

    Args:
        model: ESPnet's model in evaluation mode, with CTC and a frontend.
        num_loops: L of a recursive encoder that is no input; None for what is configured.
        loops_as_input: Whether L is an input.
    """
    size = model.frontend.output_size()
    return encoder_graph(model.encoder, size, model.ctc, num_loops, loops_as_input)


def recogniser_of(signal: Signal, encoder: onnx.ModelProto) -> onnx.ModelProto:
    """Make the ONNX model of a recogniser.

    Its inputs are waveform (B, N) float32, lengths (B,) int64, and where the encoder takes them
    num_loops () int64; its outputs ctc_log_probs (B, T', V) and ctc_lengths (B,).

    Args:
        signal: What is before the encoder. It stays in float32 whatever the encoder has: powers of
            a spectrum have a wider range than 8 or 16 bits.
        encoder: That of ``encoder_with_ctc``, or what was converted from it; it is not changed.
    """
    batch, samples = _TRACED
    inputs = {
        "waveform": torch.zeros(batch, samples),
        "lengths": torch.tensor([samples, samples - samples // 3]),
    }
    return _followed(signal, inputs, encoder)


def features_recogniser_of(model: Any, encoder: onnx.ModelProto) -> onnx.ModelProto:
    """Make the ONNX model of a recogniser whose client computes the frontend's features.

    Its inputs are raw_features (B, T, F) float32, lengths (B,) int64, and where the encoder takes
    them num_loops () int64; its outputs are those of ``recogniser_of``.

    Args:
        model: ESPnet's model.
        encoder: As for ``recogniser_of``.
    """
    frames = _TRACED_FRAMES
    inputs = {
        "raw_features": torch.zeros(_TRACED[0], frames, model.frontend.output_size()),
        "lengths": torch.tensor([frames, frames - frames // 3]),
    }
    return _followed(Normalised(model).eval(), inputs, encoder)


def _followed(
    front: torch.nn.Module, inputs: dict[str, torch.Tensor], encoder: onnx.ModelProto
) -> onnx.ModelProto:
    """A module that gives features and their lengths, and the encoder behind it."""
    with torch.no_grad():
        traced = trace(front, inputs, ["features", "feature_lengths"], _AXES)
    names = {"lengths": "feature_lengths", "encoder_out_lens": "ctc_lengths"}
    back = onnx.ModelProto()
    back.CopyFrom(encoder)
    return checked(in_front(traced, back, names, outputs=("ctc_log_probs", "ctc_lengths")))
