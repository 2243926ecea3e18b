"""Files, folders, patterns and standard input."""

import io
import os
from pathlib import Path

import numpy as np
import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.model.model_input import read_speech
from espnet_recursive.transcription.inputs import find_inputs, on_disk, stdin_recording


@pytest.fixture
def folder(tmp_path):
    for name in ("a.wav", "sub/b.MP4", "sub/deep/c.opus", "notes.txt"):
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / name).touch()
    return str(tmp_path / "x")


def test_a_folder_is_its_audio(folder):
    found = find_inputs([folder])
    assert [place for _, place in found] == [
        Path("a.wav"), Path("sub/b.MP4"), Path("sub/deep/c.opus"),
    ]  # fmt: skip
    assert all(name == os.path.join(folder, place) for name, place in found)


def test_a_pattern_is_what_it_matches(folder):
    assert [place.name for _, place in find_inputs([f"{folder}/**/*.[mo]p*", "-"])] == [
        *("c.opus", "stdin"),
    ]
    assert find_inputs([f"{folder}/*.txt"]) == [(f"{folder}/notes.txt", Path("notes.txt"))]


def test_a_file_that_looks_like_a_pattern(tmp_path):
    (tmp_path / "a[1].wav").touch()
    assert find_inputs([f"{tmp_path}/a[1].wav"])[0][1] == Path("a[1].wav")


def test_what_is_not_there(folder, tmp_path):
    assert find_inputs(["none.wav"]) == [("none.wav", Path("none.wav"))]  # said at its turn
    with pytest.raises(UserError, match=r"\*.wav: no file matches"):
        find_inputs([f"{tmp_path}/*.wav"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: no audio in this folder"):
        find_inputs([f"{tmp_path}/empty"])
    with pytest.raises(UserError, match="read once only"):
        find_inputs(["-", "-"])


def test_standard_input_is_the_file(recipe, monkeypatch):
    path = recipe.audio[0]

    class Stdin:
        buffer = io.BytesIO(path.read_bytes())

    monkeypatch.setattr("sys.stdin", Stdin)
    read = np.concatenate(list(stdin_recording().blocks(8000)))
    assert np.array_equal(read, read_speech(path, 8000))


def test_an_empty_pipe():
    with pytest.raises(UserError, match="standard input is empty"), on_disk(io.BytesIO()):
        pass
