"""The speech that the ESPnet wheel carries, against its own lists."""

import os

import pytest
import soundfile

from espnet_recursive.corpora import mini_an4
from espnet_recursive.corpora.mini_an4 import prepare_mini_an4, read_transcription
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table

FILES = ("wav.scp", "text", "utt2spk", "spk2utt")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The folder with data/{train,dev,test} and downloads/an4."""
    root = tmp_path_factory.mktemp("mini_an4")
    written = prepare_mini_an4(root / "data", root / "downloads")
    assert written == [root / "data" / name for name in ("train", "dev", "test")]
    return root


def table(prepared, data_set, name):
    return read_table(prepared / "data" / data_set / name)


def test_transcripts(prepared):
    assert table(prepared, "train", "text") == {
        "fash-an251-fash-b": "YES",
        "fash-an253-fash-b": "GO",
        "fbbh-cen8-fbbh-b": "MARCH THIRD NINETEEN TWENTY EIGHT",
        "mwhw-an152-mwhw-b": "START",
        "mwhw-cen8-mwhw-b": "ELEVEN SEVENTEEN FIFTY ONE",
    }
    assert table(prepared, "dev", "text") == {"fcaw-cen8-fcaw-b": "ELEVEN TWENTY SEVEN FIFTY SEVEN"}
    assert table(prepared, "test", "text") == {
        "mmxg-cen8-mmxg-b": "OCTOBER TWENTY FOUR NINETEEN SEVENTY"
    }


def test_no_utterance_and_no_speaker_of_training_is_tested(prepared):
    sets = ("train", "dev", "test")
    speakers = [set(table(prepared, name, "utt2spk").values()) for name in sets]
    assert not speakers[0] & (speakers[1] | speakers[2])
    assert not speakers[1] & speakers[2]


@pytest.mark.parametrize("data_set", ["train", "dev", "test"])
def test_speech(prepared, data_set):
    for utterance, path in table(prepared, data_set, "wav.scp").items():
        assert os.path.isabs(path)
        info = soundfile.info(path)
        assert (info.samplerate, info.channels) == (16000, 1)
        assert 0.5 < info.duration < 4
        # Ids begin with the speaker, so that sorting by utterance sorts by speaker too.
        assert utterance.startswith(table(prepared, data_set, "utt2spk")[utterance] + "-")


def test_files_are_those_of_the_corpus(prepared):
    sets = ("train", "dev", "test")
    used = [path for name in sets for path in table(prepared, name, "wav.scp").values()]
    assert len(set(used)) == len(used) == 7
    assert set(used) <= {str(path) for path in (prepared / "downloads" / "an4").rglob("*.sph")}


def test_licence_comes_along(prepared):
    assert list((prepared / "downloads" / "an4").rglob("LICENSE*"))


def test_unpacked_once(prepared, tmp_path):
    corpus = prepared / "downloads" / "an4"
    before = {path: path.stat().st_mtime_ns for path in corpus.rglob("*")}
    prepare_mini_an4(tmp_path, prepared / "downloads")
    assert {path: path.stat().st_mtime_ns for path in corpus.rglob("*")} == before
    for name in FILES:
        again = (tmp_path / "train" / name).read_text()
        assert again == (prepared / "data" / "train" / name).read_text()


def test_nothing_but_the_corpus_is_unpacked(prepared):
    assert [path.name for path in (prepared / "downloads").iterdir()] == ["an4"]


def test_recording_without_a_transcript(prepared, tmp_path):
    corpus = tmp_path / "an4"
    (corpus / "etc").mkdir(parents=True)
    for path in (prepared / "downloads" / "an4" / "etc").iterdir():
        (corpus / "etc" / path.name).write_bytes(path.read_bytes())
    (corpus / "etc" / "an4_train.transcription").write_text("<s> GO </s> (an253-fash-b)\n")
    with pytest.raises(UserError, match="an4_train.transcription: nothing for an251-fash-b"):
        prepare_mini_an4(tmp_path / "data", tmp_path)


def test_espnet_without_the_archive(monkeypatch, tmp_path):
    def files(package):
        raise ModuleNotFoundError(package)

    monkeypatch.setattr(mini_an4, "files", files)
    with pytest.raises(UserError, match="version 202609 or later: pip install -U espnet"):
        prepare_mini_an4(tmp_path / "data", tmp_path / "downloads")
    assert not list(tmp_path.rglob("an4"))


def test_both_forms_of_a_transcript(tmp_path):
    path = tmp_path / "list"
    path.write_text("<s> A B </s> (one)\nC (two)\n")
    assert read_transcription(path) == {"one": "A B", "two": "C"}
    path.write_text("C (two)\nA B\n")
    with pytest.raises(UserError, match="list, line 2: .*found 'A B'"):
        read_transcription(path)
