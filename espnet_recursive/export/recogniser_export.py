"""The export of a recogniser as a whole: load, trace, convert, compare, write."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from espnet_recursive.errors import UserError
from espnet_recursive.export.agreement import (
    Agreement,
    espnet_log_probs,
    measure_agreement,
    noise,
)
from espnet_recursive.export.formats import CONVERSIONS
from espnet_recursive.export.metadata import describe, shortest_input
from espnet_recursive.export.recogniser_checks import check_recogniser
from espnet_recursive.export.recogniser_files import FILES, write_recogniser
from espnet_recursive.export.recogniser_graph import encoder_with_ctc, recogniser_of
from espnet_recursive.export.recogniser_report import RecogniserReport
from espnet_recursive.export.runtime import open_session
from espnet_recursive.export.signal import Signal
from espnet_recursive.export.steps import steps
from espnet_recursive.files.whole_files import whole_dir
from espnet_recursive.model.closeness import read_utterances
from espnet_recursive.model.loaded_model import STOCK_NAMES, LoadedModel, load_asr_model
from espnet_recursive.model.model_input import sampling_rate

#: A posterior of a float32 file that is further from ESPnet's is not that model's.
_TOLERANCE = 1e-3
#: Frames of the two utterances by which the frames of the output are counted: multiples of all
#: subsamplings of ESPnet.
_COUNTED = (240, 480)


@dataclass(frozen=True)
class RecogniserOptions:
    """Options of the export of a recogniser.

    Attributes:
        num_loops: Loops of a recursive encoder; None for what is configured.
        constant_loops: Whether the number of loops is no input of the file.
        precision: A key of CONVERSIONS.
    """

    num_loops: int | None = None
    constant_loops: bool = False
    precision: str = "float32"


@dataclass(frozen=True)
class Recogniser:
    """A recogniser that agrees with ESPnet.

    Attributes:
        loaded: The model.
        graph: The recogniser, described.
        encoder: The part of it behind the features.
        inputs: Its inputs beside the waveform, as configured.
        shortest: The fewest samples of a frame of the output.
        frame_seconds: Seconds from one output frame to the next.
        utterances: Names and samples of what was compared.
        expected: (T', V) log posteriors of each in ESPnet.
        agreement: With ESPnet, by precision.
    """

    loaded: LoadedModel
    graph: onnx.ModelProto
    encoder: onnx.ModelProto
    inputs: dict[str, np.ndarray]
    shortest: int
    frame_seconds: float
    utterances: Sequence[tuple[str, np.ndarray]]
    expected: Sequence[np.ndarray]
    agreement: dict[str, Agreement]

    @property
    def rate(self) -> int:
        """The sampling rate in Hz."""
        return sampling_rate(self.loaded.config)


def export_recogniser(
    model: Path | str,
    folder: Path,
    options: RecogniserOptions,
    model_file: str | None = None,
    audio: Sequence[Path] = (),
    any_size: bool = False,
) -> RecogniserReport:
    """Write a recogniser as a folder.

    Args:
        model: The model, by any of the names that ``find_model`` takes.
        folder: The folder; one that this wrote before is replaced.
        options: How.
        model_file: The checkpoint of an experiment, valid.acc.ave.pth by default.
        audio: Files to compare the two on; noise where there are none.
        any_size: Whether a published model may be deeper and larger than models are.

    Raises:
        UserError: If the model cannot be used or exported, or the file does not agree with ESPnet;
            nothing is written then.
    """
    with whole_dir(folder, own=FILES) as part:
        made = make_recogniser(model, options, model_file, audio, any_size)
        write_recogniser(part, made.graph)
    size = sum(file.stat().st_size for file in folder.iterdir())
    return RecogniserReport(made.loaded.name, size, made.graph, made.agreement)


def make_recogniser(
    model: Path | str,
    options: RecogniserOptions,
    model_file: str | None = None,
    audio: Sequence[Path] = (),
    any_size: bool = False,
) -> Recogniser:
    """Make a recogniser and compare it with ESPnet; see :func:`export_recogniser`."""
    convert = CONVERSIONS[options.precision]
    plain = options.precision == "float32"
    with steps(3 if plain else 5) as step:
        step("load")
        loaded = load_asr_model(model, model_file, any_size)
        check_recogniser(loaded, options.num_loops)
        recursive = loaded.encoder in STOCK_NAMES
        if recursive and options.num_loops is not None:
            loaded.model.encoder.set_depth(options.num_loops)
        rate = sampling_rate(loaded.config)
        utterances = list(read_utterances(audio, loaded.config)) if audio else noise(rate)
        step("trace")
        as_input = recursive and not options.constant_loops
        encoder = encoder_with_ctc(loaded.model, options.num_loops, as_input)
        signal = Signal(loaded.model, shortest_input(loaded.model.encoder)).eval()
        graph = recogniser_of(signal, encoder)
        inputs = {}
        if as_input:
            configured = loaded.model.encoder.encoders.shape.num_loops
            inputs["num_loops"] = np.array(options.num_loops or configured)
        step("compare")
        expected = [espnet_log_probs(loaded, *utterance) for utterance in utterances]
        session = open_session(graph)
        found = {"float32": measure_agreement(session, inputs, utterances, expected)}
        _check(loaded, found["float32"])
        if not plain:
            step(f"convert to {options.precision}")
            encoder = convert(encoder)
            graph = recogniser_of(signal, encoder)
            step("compare")
            session = open_session(graph)
            agreement = measure_agreement(session, inputs, utterances, expected)
            found[options.precision] = agreement
        seconds = _frame_seconds(session, inputs, signal, rate)
    describe(graph, loaded, options.num_loops, options.precision, frame_seconds=seconds,
             shortest_samples=signal.shortest)  # fmt: skip
    return Recogniser(
        loaded, graph, encoder, inputs, signal.shortest, seconds, utterances, expected, found
    )


def _check(loaded: LoadedModel, agreement: Agreement) -> None:
    if agreement.same_texts == agreement.texts and agreement.largest <= _TOLERANCE:
        return
    raise UserError(
        f"{loaded.name}: the exported recogniser differs from ESPnet's: the same text for "
        f"{agreement.same_texts} of {agreement.texts} utterances, posteriors up to "
        f"{agreement.largest:.2g} away, so nothing was written. Try other speech with --audio; if "
        "it remains, please report it with the model's config.yaml."
    )


def _frame_seconds(session: Any, inputs: dict[str, np.ndarray], signal: Signal, rate: int) -> float:
    """Seconds from one output frame to the next."""
    hop = signal.frontend.hop_length
    lengths = np.array([signal.shortest + frames * hop for frames in _COUNTED])
    waveform = np.zeros((2, lengths[1]), np.float32)
    feed = {"waveform": waveform, "lengths": lengths, **inputs}
    (counts,) = session.run(["ctc_lengths"], feed)
    frames = (_COUNTED[1] - _COUNTED[0]) / int(counts[1] - counts[0])
    return frames * hop / rate
