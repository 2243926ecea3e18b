"""Data directories as the first commands of a recipe write them."""

import pytest

from espnet_recursive.bin import filter_utterances, format_audio, prepare_data


@pytest.fixture(scope="session")
def recipe_dir(tmp_path_factory):
    """A folder with data, downloads and dump/raw, made by the commands of stages 1, 3 and 4."""
    root = tmp_path_factory.mktemp("recipe")
    dump = root / "dump" / "raw"
    directories = ["--data_dir", str(root / "data"), "--download_dir", str(root / "downloads")]
    prepare_data.main(["mini_an4", *directories])
    format_audio.main([str(root / "data" / "train"), str(dump / "org" / "train"), "--fs", "16k"])
    options = ["--fs", "16k", "--min_seconds", "0.8", "--max_seconds", "2.5"]
    filter_utterances.main([str(dump / "org" / "train"), str(dump / "train"), *options])
    return root
