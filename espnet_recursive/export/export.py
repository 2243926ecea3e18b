"""The export as a whole: load, trace, convert, compare, write."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from espnet_recursive.errors import UserError
from espnet_recursive.export.checks import check_exportable
from espnet_recursive.export.encoder_graph import encoder_graph
from espnet_recursive.export.formats import CONVERSIONS
from espnet_recursive.export.metadata import describe
from espnet_recursive.export.report import ExportReport, ports_of
from espnet_recursive.export.runtime import OnnxEncoder, with_encoder
from espnet_recursive.export.steps import steps
from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.model.closeness import (
    Closeness,
    audio_encodings,
    measure_closeness,
    random_encodings,
)
from espnet_recursive.model.loaded_model import LoadedModel, load_asr_model
from espnet_recursive.model.model_input import input_features
from espnet_recursive.model.parameters import measure

#: A float32 file whose output differs by more of itself in some frame is not that encoder.
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class ExportOptions:
    """Options of an export.

    Attributes:
        num_loops: Loops of a recursive encoder; None for what is configured.
        loops_as_input: Whether the loops are an input of the file.
        ctc: Whether the CTC head is exported, where the model has one.
        precision: A key of CONVERSIONS.
    """

    num_loops: int | None = None
    loops_as_input: bool = False
    ctc: bool = True
    precision: str = "float32"


def export_model(
    model: Path | str,
    output: Path,
    options: ExportOptions,
    model_file: str | None = None,
    audio: Sequence[Path] = (),
    any_size: bool = False,
) -> ExportReport:
    """Write the encoder of a model as an ONNX file.

    Args:
        model: The model, by any of the names that ``find_model`` takes.
        output: The file.
        options: How.
        model_file: The checkpoint of an experiment, valid.acc.ave.pth by default.
        audio: Files to compare the two on; random input where there are none.
        any_size: Whether a published model may be deeper and larger than models are.

    Raises:
        UserError: If the model cannot be used or exported; nothing is written then.
    """
    if output.is_dir():
        raise UserError(f"--onnx {output} is a folder: name the file to write")
    precision = options.precision
    with steps(3 if precision == "float32" else 5) as step:
        step("load")
        loaded = load_asr_model(model, model_file, any_size)
        check_exportable(loaded, options.num_loops, options.loops_as_input)
        step("trace")
        graph = _graph(loaded, options)
        describe(graph, loaded, options.num_loops)
        step("compare")
        closeness = {"float32": _compare(loaded, graph, options, audio)}
        if (far := closeness["float32"].largest_relative_difference) > _TOLERANCE:
            raise UserError(
                f"{loaded.name}: the exported encoder differs from PyTorch's by {far:.2g} of its "
                "output, so nothing was written. Please report this with the model's encoder_conf."
            )
        if precision != "float32":
            step(f"convert to {precision}")
            graph = CONVERSIONS[precision](graph)
            describe(graph, loaded, options.num_loops, precision)
            step("compare")
            closeness[precision] = _compare(loaded, graph, options, audio)
    with whole_file(output, "wb") as file:
        file.write(graph.SerializeToString())
    size = measure("encoder", loaded.model.encoder)
    return ExportReport(loaded.name, size, output.stat().st_size, ports_of(graph), closeness)


def _graph(loaded: LoadedModel, options: ExportOptions) -> onnx.ModelProto:
    model = loaded.model
    size = input_features(loaded.config) or model.frontend.output_size()
    ctc = model.ctc if options.ctc else None
    return encoder_graph(model.encoder, size, ctc, options.num_loops, options.loops_as_input)


def _compare(
    loaded: LoadedModel, graph: onnx.ModelProto, options: ExportOptions, audio: Sequence[Path]
) -> Closeness:
    before, after = loaded.model, with_encoder(loaded.model, OnnxEncoder(graph))
    if options.num_loops is not None:
        before.encoder.set_depth(options.num_loops)
    if not audio:
        return measure_closeness(before, after, *random_encodings(before, loaded.config))
    encodings = audio_encodings(audio, loaded.config)
    return measure_closeness(before, after, encodings, ", ".join(map(str, audio)))
