"""The similarities of layers as files: matrices, and the suggested recursion."""

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from espnet_recursive.analysis.hidden_states import layer_labels
from espnet_recursive.analysis.layer_similarity import LayerSimilarity
from espnet_recursive.analysis.middle_block import MiddleBlock, middle_block
from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.recursion.shape import RecursionShape

#: The measures by the names of their files, and what they are called.
MEASURES = {"cosine": "cosine", "cka": "linear CKA"}


@dataclass(frozen=True)
class SimilarityReport:
    """The similarities of a model's layers on some speech.

    Attributes:
        model: The model's name.
        speech: A description of its input.
        similarity: The similarities.
        recursion: {n_r, L, n_p, n_c} as configured, of an encoder that recurs; else None.
    """

    model: str
    speech: str
    similarity: LayerSimilarity
    recursion: RecursionShape | None

    @property
    def labels(self) -> list[str]:
        """Of the N + 1 states."""
        return layer_labels(self.similarity.layers, self.recursion)

    def matrix(self, measure: str) -> np.ndarray:
        """(N + 1, N + 1) by a key of MEASURES."""
        return getattr(self.similarity, measure)

    def block(self, measure: str) -> MiddleBlock | None:
        """The middle layers that could loop; None where some do already, or they are too few."""
        if self.recursion is not None:
            return None
        return middle_block(self.matrix(measure)[1:, 1:])


def write_similarity(report: SimilarityReport, folder: Path) -> None:
    """Write layer_similarity.npz, .json and a .csv of each measure."""
    similarity = report.similarity
    with whole_file(folder / "layer_similarity.npz", "wb") as file:
        np.savez(
            file,
            labels=report.labels,
            cosine=similarity.cosine,
            strangers=similarity.strangers,
            cka=similarity.cka,
        )
    for measure in MEASURES:
        with whole_file(folder / f"layer_similarity_{measure}.csv") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["layer", *report.labels])
            for label, row in zip(report.labels, report.matrix(measure), strict=True):
                writer.writerow([label, *(f"{value:.6f}" for value in row)])
    with whole_file(folder / "layer_similarity.json") as file:
        json.dump(_as_json(report), file, indent=2)
        file.write("\n")


def similarity_text(report: SimilarityReport) -> str:
    """The printed text: model and data, similarity of neighbours, suggestion and its reason."""
    similarity = report.similarity
    lines = [
        f"{report.model}: {similarity.layers} executed layers, {similarity.utterances} utterances "
        f"({report.speech}), {similarity.frames} frames; CKA from {similarity.cka_frames} of them",
        *(
            f"{name} of neighbours, from the input on: "
            + " ".join(f"{value:.3f}" for value in report.matrix(measure).diagonal(1))
            for measure, name in MEASURES.items()
        ),
        "cosine of two frames at random, in each state: "
        + " ".join(f"{value:.3f}" for value in similarity.strangers.diagonal()),
    ]
    if report.recursion is not None:
        return "\n".join([*lines, f"The encoder recurs already, {report.recursion}."])
    block, other = report.block("cosine"), report.block("cka")
    if block is None or other is None:
        return "\n".join([*lines, "Fewer than 4 layers have no middle that could loop."])
    lines.append(block.reason("cosine"))
    lines.append(f"Suggestion, {{n_r, L, n_p, n_c}}: {block.shape}")
    if other.shape != block.shape:
        lines.append(f"{other.reason('CKA')} That would be {other.shape}.")
    return "\n".join(lines)


def _as_json(report: SimilarityReport) -> dict[str, Any]:
    similarity = report.similarity
    return {
        "model": report.model,
        "speech": report.speech,
        "layers": similarity.layers,
        "utterances": similarity.utterances,
        "frames": similarity.frames,
        "cka_frames": similarity.cka_frames,
        "recursion": report.recursion and asdict(report.recursion),
        "suggestion": {
            measure: _suggestion(report.block(measure), name) for measure, name in MEASURES.items()
        },
    }


def _suggestion(block: MiddleBlock | None, measure: str) -> dict[str, Any] | None:
    if block is None:
        return None
    return asdict(block) | {"encoder_conf": asdict(block.shape), "reason": block.reason(measure)}
