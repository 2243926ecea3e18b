"""The results of a sweep of depths: error rates, loops and times, as Markdown and as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from tabulate import tabulate

from espnet_recursive.analysis.loop_sweep import (
    Decoded,
    decoded_file,
    depth_label,
    depth_name,
    read_decoded,
)
from espnet_recursive.asr.depth import Depth, given_depth
from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import write_if_changed
from espnet_recursive.recipe.bootstrap import Improvement, improvement
from espnet_recursive.recipe.data_dir import read_text, write_table
from espnet_recursive.recipe.scoring import Score, headline_unit, read_utterances, score


@dataclass(frozen=True)
class Outcome:
    """A depth and what came of it.

    Attributes:
        depth: The depth.
        unit: What errors are counted in, "wer" or "cer".
        score: The counts.
        difference: Compared with the configured depth, on the same utterances; None for itself.
        mean_loops: Of the utterances that were encoded.
        mean_layers: Executed layers of them.
        rtf_encoder: Seconds of the encoder for a second of speech.
        rtf: Seconds of decoding in all.
    """

    depth: Depth
    unit: str
    score: Score
    difference: Improvement | None
    mean_loops: float
    mean_layers: float
    rtf_encoder: float
    rtf: float


@dataclass(frozen=True)
class LoopSweep:
    """The outcomes of a sweep.

    Attributes:
        data_set: The name of the data set.
        configured: The depth that the model's configuration says.
        max_loss: How many more errors are accepted, in percent of those at that depth.
        outcomes: One of each depth; that depth is among them.
    """

    data_set: str
    configured: Depth
    max_loss: float
    outcomes: Sequence[Outcome]

    @property
    def reference(self) -> Outcome:
        """The outcome of the configured depth."""
        return next(o for o in self.outcomes if o.depth == self.configured)

    @property
    def accepted_rate(self) -> float:
        """The largest error rate that is accepted, in percent."""
        return self.reference.score.error_rate * (1 + self.max_loss / 100)

    @property
    def cheapest(self) -> Outcome:
        """The outcome with the fastest encoder, of those whose error rate is accepted."""
        accepted = [o for o in self.outcomes if o.score.error_rate <= self.accepted_rate]
        return min(accepted, key=lambda o: o.rtf_encoder)


def evaluate(
    output_dir: Path,
    data_dir: Path,
    depths: Sequence[Depth],
    configured: Depth,
    max_loss: float,
    per_second: float,
) -> LoopSweep:
    """Score what was decoded at each depth; writes text and score_* beside each utterances.jsonl.

    Args:
        output_dir: The folder of the sweep.
        data_dir: The data directory.
        depths: The depths, all decoded.
        configured: That of them with which the others are compared.
        max_loss: How many more errors are accepted, in percent.
        per_second: Samples, or frames of features, that a second of speech has.

    Raises:
        UserError: If utterances are missing or left over.
    """
    texts = read_text(data_dir / "text")
    decoded = {depth: read_decoded(decoded_file(output_dir, depth)) for depth in depths}
    scores = {
        depth: _score(decoded[depth], data_dir, decoded_file(output_dir, depth).parent)
        for depth in depths
    }
    outcomes = []
    for depth in depths:
        unit, total = scores[depth]
        rows = [decoded[depth][utterance] for utterance in texts]
        seconds = sum(row.samples for row in rows) / per_second
        encoded = [row for row in rows if row.loops]
        if not encoded:
            raise UserError(f"{data_dir}: every utterance is too short to be encoded.")
        difference = None
        if depth != configured:
            difference = _compare(output_dir, configured, depth, unit)
        outcomes.append(
            Outcome(
                depth,
                unit,
                total,
                difference,
                mean_loops=fmean(row.loops for row in encoded),
                mean_layers=fmean(row.layers for row in encoded),
                rtf_encoder=sum(row.encoder_seconds for row in rows) / seconds,
                rtf=sum(row.decoding_seconds for row in rows) / seconds,
            )
        )
    return LoopSweep(data_dir.name, configured, max_loss, outcomes)


def depths_before(output_dir: Path) -> list[Depth]:
    """The depths that an earlier sweep into this folder has come to the end of."""
    path = output_dir / "loop_sweep.json"
    if not path.exists():
        return []
    depths = json.loads(path.read_text(encoding="utf-8"))["depths"]
    return [Depth(**given_depth(depth)) for depth in depths]


def in_order(depths: Iterable[Depth]) -> list[Depth]:
    """Numbers of loops first, then the criteria by their thresholds; each depth once."""
    return sorted(
        set(depths),
        key=lambda d: (
            d.loop_exit or "", d.num_loops or 0, d.loop_exit_threshold or 0, d.loop_exit_min or 1
        ),
    )  # fmt: skip


def write_loop_sweep(result: LoopSweep, output_dir: Path) -> Path:
    """Write loop_sweep.md and loop_sweep.json.

    Returns:
        loop_sweep.md.
    """
    write_if_changed(output_dir / "loop_sweep.json", json.dumps(_values(result), indent=2) + "\n")
    write_if_changed(output_dir / "loop_sweep.md", markdown(result))
    return output_dir / "loop_sweep.md"


def markdown(result: LoopSweep) -> str:
    """Say a sweep in Markdown."""
    unit = result.reference.unit.upper()
    rows = [
        {
            "depth": depth_label(o.depth),
            unit: f"{o.score.error_rate:.2f}",
            "95 %": str(o.score.interval_95 or ""),
            "difference": f"{o.difference.difference:+.2f}" if o.difference else "",
            "its 95 %": _signed(o.difference),
            "loops": f"{o.mean_loops:.2f}",
            "layers": f"{o.mean_layers:.2f}",
            "RTF of the encoder": f"{o.rtf_encoder:.4f}",
            "RTF": f"{o.rtf:.4f}",
        }
        for o in result.outcomes
    ]
    align = ("left", *["right"] * (len(rows[0]) - 1))
    table = tabulate(rows, "keys", "pipe", colalign=align, disable_numparse=True)
    return (
        f"# Depths on {result.data_set}\n\n{table}\n\n{cheapest_in_words(result)}\n\n"
        f"{unit} in percent, with 95 % intervals over resampled utterances. Differences are from "
        f"the model's configuration, {depth_label(result.configured)}, on the same utterances. "
        "Loops and layers are means over the utterances. RTF: seconds for a second of speech; the "
        "encoder's includes the frontend. The depths of one run were timed in turn on each "
        "utterance.\n"
    )


def cheapest_in_words(result: LoopSweep) -> str:
    """Which depth is the cheapest of those that are accurate enough, and what it saves."""
    best, reference = result.cheapest, result.reference
    unit = reference.unit.upper()
    saved = 1 - best.rtf_encoder / reference.rtf_encoder
    words = (
        f"Cheapest with at most {result.max_loss:g} % more errors than as configured "
        f"({depth_label(reference.depth)}, {unit} {reference.score.error_rate:.2f} %): "
        f"{depth_label(best.depth)}"
    )
    if best is reference:
        return words + ", the configuration itself."
    return (
        f"{words}, with a {unit} of {best.score.error_rate:.2f} %, {best.mean_loops:.2f} loops on "
        f"average, and {saved:.0%} of the encoder's time saved."
    )


def _score(decoded: dict[str, Decoded], data_dir: Path, folder: Path) -> tuple[str, Score]:
    write_table(folder / "text", {u: row.text for u, row in decoded.items()})
    files = (data_dir / "text", folder / "text", data_dir / "utt2spk")
    words = score(*files, folder / "score_wer", "wer")
    unit = headline_unit(words)
    return unit, words if unit == "wer" else score(*files, folder / f"score_{unit}", unit)


def _compare(output_dir: Path, first: Depth, second: Depth, unit: str) -> Improvement | None:
    one, other = (
        read_utterances(output_dir / depth_name(depth) / f"score_{unit}" / "utterances.tsv")
        for depth in (first, second)
    )
    return improvement(
        [one[name].errors for name in one],
        [other[name].errors for name in one],
        [counts.units for counts in one.values()],
    )


def _signed(difference: Improvement | None) -> str:
    if difference is None:
        return ""
    return f"{difference.interval.low:+.2f} to {difference.interval.high:+.2f}"


def _values(result: LoopSweep) -> dict[str, Any]:
    return {
        "data_set": result.data_set,
        "unit": result.reference.unit,
        "max_loss": result.max_loss,
        "configured": depth_name(result.configured),
        "cheapest": depth_name(result.cheapest.depth),
        "depths": [
            {
                "name": depth_name(o.depth),
                **asdict(o.depth),
                "error_rate": o.score.error_rate,
                "interval_95": asdict(o.score.interval_95) if o.score.interval_95 else None,
                "errors": o.score.errors,
                "units": o.score.units,
                "difference": asdict(o.difference) if o.difference else None,
                "mean_loops": o.mean_loops,
                "mean_executed_layers": o.mean_layers,
                "rtf_encoder": o.rtf_encoder,
                "rtf": o.rtf,
            }
            for o in result.outcomes
        ],
    }
