"""The report of the export of a recogniser, as text."""

from collections.abc import Mapping
from dataclasses import dataclass

import onnx
from tabulate import tabulate

from espnet_recursive.export.agreement import Agreement
from espnet_recursive.export.report import ports_of


@dataclass(frozen=True)
class RecogniserReport:
    """The report of the export of a recogniser.

    Attributes:
        source: The model as the user named it.
        num_bytes: Size of the folder.
        graph: The recogniser.
        agreement: With ESPnet, by precision.
    """

    source: str
    num_bytes: int
    graph: onnx.ModelProto
    agreement: Mapping[str, Agreement]

    def __str__(self) -> str:
        (inputs,) = {found.inputs for found in self.agreement.values()}
        rows = [
            (
                precision,
                f"{found.same_texts} of {found.texts}",
                f"{found.labels:.2%}",
                f"{found.largest:.2g}",
            )
            for precision, found in self.agreement.items()
        ]
        headers = ("beside ESPnet", "same text", "same CTC label", "largest difference, posterior")
        return "\n\n".join(
            [
                f"{self.source}: a recogniser of {self.num_bytes / 1e6:.1f} MB",
                tabulate(ports_of(self.graph), ("", "type, shape", "")),
                f"{tabulate(rows, headers, disable_numparse=True)}\n\non {inputs}",
            ]
        )
