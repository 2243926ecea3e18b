"""The sentences that the tokenizer is trained on."""

from pathlib import Path

from espnet_recursive.recipe.data_dir import read_table


def training_text(data_dir: str | Path) -> list[str]:
    """The transcripts of a Kaldi data directory."""
    return list(read_table(Path(data_dir) / "text").values())
