"""Kaldi data directories as a dataset of ESPnet 3, which it finds by these two names.

The audio is read as it is: AN4 in ESPnet's wheel needs neither sph2pipe nor a copy in WAV.
"""

from pathlib import Path
from typing import Any

import soundfile
from espnet3.components.data.base_dataset import BaseDataset
from espnet3.components.data.dataset_builder import DatasetBuilder as Builder
from espnet3.contract import Field

from espnet_recursive.corpora.mini_an4 import SPLITS, prepare_mini_an4
from espnet_recursive.recipe.data_dir import read_table


class DatasetBuilder(Builder):
    """Stage create_dataset: the seven utterances of AN4 that ESPnet's wheel has."""

    def is_source_prepared(self, recipe_dir: str | Path = ".", **_: Any) -> bool:
        """Whether the archive was unpacked; the next step does it."""
        return True

    def prepare_source(self, recipe_dir: str | Path = ".", **_: Any) -> None:
        """Nothing is downloaded."""

    def is_built(self, recipe_dir: str | Path = ".", **_: Any) -> bool:
        """Whether all data directories are there."""
        return all((Path(recipe_dir) / "data" / name / "wav.scp").is_file() for name in SPLITS)

    def build(self, recipe_dir: str | Path = ".", **_: Any) -> None:
        """Write the data directories."""
        prepare_mini_an4(Path(recipe_dir) / "data", Path(recipe_dir) / "downloads")


class Dataset(BaseDataset):
    """The utterances of one data directory.

    Args:
        split: "train", "dev" or "test".
        recipe_dir: The recipe's folder.
    """

    fields = (Field("speech", "audio"), Field("text", "text"))

    def __init__(self, split: str, recipe_dir: str | Path = ".") -> None:
        directory = Path(recipe_dir) / "data" / split
        self._text = read_table(directory / "text")
        audio = read_table(directory / "wav.scp")
        self._items = [(audio[name], text) for name, text in self._text.items()]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """speech: float32 (samples,) at 16 kHz; text."""
        file, text = self._items[int(index)]
        return {"speech": soundfile.read(file, dtype="float32")[0], "text": text}
