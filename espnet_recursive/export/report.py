"""The report of an export, as text."""

from collections.abc import Sequence
from dataclasses import dataclass

import onnx
from tabulate import tabulate

from espnet_recursive.model.closeness import Closeness
from espnet_recursive.model.parameters import EncoderSize


@dataclass(frozen=True)
class ExportReport:
    """The report of an export.

    Attributes:
        source: The model as the user named it.
        encoder: Size of its encoder.
        num_bytes: Size of the file.
        ports: Inputs and outputs: name, type and shape, what it is.
        closeness: How close its output is to that of PyTorch: in float32, and in the format
            that was asked for.
    """

    source: str
    encoder: EncoderSize
    num_bytes: int
    ports: Sequence[tuple[str, str, str]]
    closeness: dict[str, Closeness]

    def __str__(self) -> str:
        (inputs,) = {close.inputs for close in self.closeness.values()}
        size = f"{self.num_bytes / 1e6:.1f} MB"
        head = (
            f"{self.source}: {self.encoder.shape}, {self.encoder.encoder:,} parameters in the "
            f"encoder, {self.encoder.layers:,} of them in its layers. The file: {size}"
        )
        rows = [
            (
                precision,
                f"{close.relative_difference:.2g}",
                f"{close.largest_relative_difference:.2g}",
                "no CTC" if close.label_agreement is None else f"{close.label_agreement:.2%}",
            )
            for precision, close in self.closeness.items()
        ]
        headers = ("from PyTorch", "relative difference", "largest", "same CTC label")
        return "\n\n".join(
            [
                head,
                tabulate(self.ports, ("", "type, shape", "")),
                f"{tabulate(rows, headers, disable_numparse=True)}\n\non {inputs}",
            ]
        )


def ports_of(model: onnx.ModelProto) -> list[tuple[str, str, str]]:
    """The inputs and outputs of a model that an export made and described."""
    about = {prop.key: prop.value for prop in model.metadata_props}
    rows = []
    for value in (*model.graph.input, *model.graph.output):
        kind = value.type.tensor_type
        shape = ", ".join(d.dim_param or str(d.dim_value) for d in kind.shape.dim)
        name = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name
        does = _MEANING[value.name]
        if value.name == "num_loops":
            does += f", 1 or more; {about['num_loops']} as configured"
        rows.append((value.name, f"{name} ({shape})", does))
    return rows


_MEANING = {
    "waveform": "samples between -1 and 1, anything in the padding",
    "features": "normalised features, 0 in the padding",
    "lengths": "frames of each utterance, or samples of a waveform",
    "num_loops": "loops of all utterances",
    "encoder_out": "output of the encoder",
    "encoder_out_lens": "its frames that are no padding",
    "ctc_lengths": "frames of each utterance in the output",
    "ctc_log_probs": "log posteriors of the tokens",
}
