"""Real speech, and a token list of its transcripts, that several tests of the recipe read."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from espnet_recursive.corpora.mini_an4 import prepare_mini_an4
from espnet_recursive.recipe.token_list import read_sentences, train_bpe
from tests.recipe.trainings import Trainings


@pytest.fixture(scope="session")
def an4(tmp_path_factory) -> Mapping[str, Path]:
    """The data directories train, dev and test of the speech that the ESPnet wheel carries."""
    root = tmp_path_factory.mktemp("an4")
    return {path.name: path for path in prepare_mini_an4(root / "data", root / "downloads")}


@pytest.fixture(scope="session")
def bpe(an4, tmp_path_factory) -> Path:
    """A directory with bpe.model and tokens.txt, trained on the training transcripts."""
    path = tmp_path_factory.mktemp("bpe") / "bpe_unigram30"
    train_bpe(read_sentences(an4["train"] / "text"), path, nbpe=30)
    return path


@pytest.fixture(scope="session")
def trainings(tmp_path_factory) -> Trainings:
    """A recogniser and a language model that ESPnet trained; tests that change them take a copy."""
    return Trainings(tmp_path_factory.mktemp("trainings"))
