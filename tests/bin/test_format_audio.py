"""The command of stage 3."""

import pytest
import soundfile

from espnet_recursive.bin.format_audio import main
from espnet_recursive.recipe.data_dir import read_table


def test_options(recipe_dir, tmp_path):
    main([str(recipe_dir / "data" / "dev"), str(tmp_path), "--fs", "8k", "--audio_format", "wav"])
    (path,) = read_table(tmp_path / "wav.scp").values()
    assert (soundfile.info(path).format, soundfile.info(path).samplerate) == ("WAV", 8000)


def test_defaults_are_those_of_espnet(recipe_dir, tmp_path):
    main([str(recipe_dir / "data" / "dev"), str(tmp_path)])
    (path,) = read_table(tmp_path / "wav.scp").values()
    assert (soundfile.info(path).format, soundfile.info(path).samplerate) == ("FLAC", 16000)


def test_error(tmp_path):
    with pytest.raises(SystemExit, match=r"Error: .*nowhere/wav\.scp does not exist"):
        main([str(tmp_path / "nowhere"), str(tmp_path / "out")])
