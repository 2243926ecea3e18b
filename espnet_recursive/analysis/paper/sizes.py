"""Sizes of encoders beside those that the paper prints."""

from collections.abc import Sequence
from typing import Any

from espnet_recursive.analysis.paper.rows import PAPER_ROWS
from espnet_recursive.model.parameters import EncoderSize


def paper_table(sizes: Sequence[EncoderSize]) -> list[dict[str, Any]]:
    """Set sizes beside the paper's: one row each, in the columns that every size table has."""
    layers = {size.name: size.layers for size in sizes}
    rows = []
    for size in sizes:
        paper = PAPER_ROWS.get(size.name)
        baseline = layers.get(paper.baseline) if paper else None
        rows.append(
            {
                "row": size.name,
                "{n_r, L, n_p, n_c}": str(size.shape),
                "unique": size.unique_blocks,
                "executed": size.executed_blocks,
                "layers": size.layers,
                "private": size.private,
                "encoder in all": size.encoder,
                "GFLOP/s": "" if size.flops is None else round(size.flops / 1e9, 2),
                "paper": f"{paper.size}M" if paper else "",
                "reduction": f"{1 - size.layers / baseline:.1%}" if baseline else "",
            }
        )
    return rows
