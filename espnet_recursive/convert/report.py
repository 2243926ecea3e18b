"""The report of a conversion, as Markdown and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tabulate import tabulate

from espnet_recursive.convert.differences import Difference
from espnet_recursive.model.closeness import Closeness
from espnet_recursive.model.parameters import EncoderSize, measure


@dataclass(frozen=True)
class ConversionReport:
    """The report of a conversion.

    Attributes:
        source: The model before, as the user named it.
        how: What was done, in a line.
        encoder: Size of the encoder before and after.
        parameters: Parameters of the whole model before and after.
        closeness: How close the outputs are.
        differences: Distances between weights that were merged, where some were.
        notes: What the user should know.
    """

    source: str
    how: str
    encoder: tuple[EncoderSize, EncoderSize]
    parameters: tuple[int, int]
    closeness: Closeness
    differences: Sequence[Difference] = ()
    notes: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        encoder = [
            asdict(size) | {"shape": str(size.shape), "recursion": asdict(size.shape)}
            for size in self.encoder
        ]
        return asdict(self) | {"encoder": encoder}

    def as_markdown(self) -> str:
        """For people."""
        parts = [f"# {self.source}, converted", f"{self.how}.", self._sizes(), self._closeness()]
        if self.differences:
            parts.append(self._differences())
        if self.notes:
            parts.append("\n".join(f"* {note}" for note in self.notes))
        return "\n\n".join(parts) + "\n"

    def _sizes(self) -> str:
        before, after = self.encoder
        rows: dict[str, tuple[int | str, int | str]] = {
            "{n_r, L, n_p, n_c}": (str(before.shape), str(after.shape)),
            "layers executed": (before.executed_blocks, after.executed_blocks),
            "parameters: layers": (before.layers, after.layers),
            "parameters: encoder in all": (before.encoder, after.encoder),
            "parameters: model": self.parameters,
        }
        return _table(
            ("", "before", "after"),
            [(name, *(_number(value) for value in pair)) for name, pair in rows.items()],
        )

    def _closeness(self) -> str:
        close = self.closeness
        labels = "no CTC" if close.label_agreement is None else f"{close.label_agreement:.2%}"
        rows = [
            ("output frames compared", _number(close.frames)),
            ("relative difference, mean", f"{close.relative_difference:.3g}"),
            ("relative difference, largest", f"{close.largest_relative_difference:.3g}"),
            ("cosine, mean", f"{close.cosine:.6f}"),
            ("same greedy CTC label", labels),
        ]
        return _table((f"encoder outputs on {close.inputs}", ""), rows)

    def _differences(self) -> str:
        rows = [(d.kind, f"{d.shared:.3g}", f"{d.with_private:.3g}") for d in self.differences]
        columns = ("weights that became the recurrent block", "shared", "with private parts")
        return (
            f"{_table(columns, rows)}\n\nRelative differences, ||before - after|| / ||before||, "
            "over all loops."
        )


def sizes(before: Any, after: Any) -> tuple[tuple[EncoderSize, EncoderSize], tuple[int, int]]:
    """Sizes of the encoders and of the models, for a ConversionReport.

    Args:
        before: ESPnet's model before the conversion.
        after: ESPnet's model after it.
    """
    encoders = measure("before", before.encoder), measure("after", after.encoder)
    models = (sum(p.numel() for p in model.parameters()) for model in (before, after))
    return encoders, (next(models), next(models))


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    align = ("left", *["right"] * (len(headers) - 1))
    return tabulate(rows, headers, tablefmt="pipe", colalign=align, disable_numparse=True)


def _number(value: int | str) -> str:
    return f"{value:,}" if isinstance(value, int) else value
