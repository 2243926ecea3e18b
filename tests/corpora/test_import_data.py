"""Data directories of small data sets that lhotse and datasets wrote themselves."""

import csv

import datasets
import numpy as np
import pytest
import soundfile
from lhotse import CutSet, MonoCut, Recording, RecordingSet, SupervisionSegment, SupervisionSet

from espnet_recursive.corpora.hf_datasets import Columns
from espnet_recursive.corpora.import_data import import_data
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_source, read_table

RATE = 16000


@pytest.fixture
def audio(tmp_path):
    """Three files of half a second, as float arrays by their names."""
    rng = np.random.default_rng(0)
    files = {}
    (tmp_path / "audio").mkdir()
    for name in ("one", "two", "three"):
        samples = np.round(rng.uniform(-0.5, 0.5, RATE // 2) * 2**15) / 2**15
        soundfile.write(tmp_path / "audio" / f"{name}.wav", samples, RATE, "PCM_16")
        files[name] = samples
    return files


def recording(tmp_path, name):
    return Recording.from_file(tmp_path / "audio" / f"{name}.wav")


def spoken(key, name, start, duration, text, speaker=None):
    return SupervisionSegment(key, name, start, duration, text=text, speaker=speaker)


def samples_of(directory, key):
    samples, rate = soundfile.read(read_table(directory / "wav.scp")[key])
    assert rate == RATE
    return samples


def test_recordings_with_supervisions(audio, tmp_path):
    """Whole files stay where they are; segments hold the samples of their part."""
    RecordingSet.from_recordings(recording(tmp_path, n) for n in audio).to_file(
        tmp_path / "toy_recordings_dev.jsonl.gz"
    )
    SupervisionSet.from_segments([
        spoken("first", "one", 0, 0.5, "A\u3000 LINE\nOF TEXT", "ann"),
        spoken("ben-2a", "two", 0.1, 0.2, "LEFT", "ben"),
        spoken("ben-2b", "two", 0.25, 0.25, "RIGHT", "ben"),
        spoken("alone 3", "three", 0, 0.5, None),
    ]).to_file(tmp_path / "toy_supervisions_dev.jsonl.gz")  # fmt: skip
    for source in (tmp_path, tmp_path / "toy_supervisions_dev.jsonl.gz",
                   tmp_path / "toy_recordings_dev.jsonl.gz"):  # fmt: skip
        (directory,) = import_data(source, tmp_path / "data")
        assert directory == tmp_path / "data" / "dev"
        speech, text, speakers = read_source(directory)
        assert text == {
            "ann-first": "A LINE OF TEXT", "ben-2a": "LEFT", "ben-2b": "RIGHT", "alone_3": "",
        }  # fmt: skip
        assert speakers == {
            "ann-first": "ann", "ben-2a": "ben", "ben-2b": "ben", "alone_3": "alone_3",
        }  # fmt: skip
        assert speech["ann-first"] == str(tmp_path / "audio" / "one.wav")
        np.testing.assert_array_equal(samples_of(directory, "ben-2a"), audio["two"][1600:4800])
        np.testing.assert_array_equal(samples_of(directory, "ben-2b"), audio["two"][4000:])


def test_cuts(audio, tmp_path, caplog):
    """Cuts go before recordings in a folder; what lhotse does to a cut is in the audio."""
    cuts = []
    for name in audio:
        cut = MonoCut(name, 0, 0.5, 0, recording=recording(tmp_path, name))
        if name != "three":
            cut.supervisions = [spoken(f"{name}-s", name, 0, 0.5, name.upper(), "ann")]
        cuts.append(cut)
    cuts[1] = cuts[1].perturb_volume(0.5)
    CutSet.from_cuts(cuts).to_file(tmp_path / "cuts_train.jsonl.gz")
    (directory,) = import_data(tmp_path / "cuts_train.jsonl.gz", tmp_path / "data", "mine")
    assert directory.name == "mine"
    assert set(read_table(directory / "text").values()) == {"ONE", "TWO"}
    (changed,) = [key for key, words in read_table(directory / "text").items() if words == "TWO"]
    np.testing.assert_allclose(samples_of(directory, changed), audio["two"] / 2, atol=2**-15)
    assert "1 cuts have no supervision" in caplog.text


def test_bad_manifests(audio, tmp_path):
    alone = tmp_path / "toy_recordings_dev.jsonl.gz"
    RecordingSet.from_recordings([recording(tmp_path, "one")]).to_file(alone)
    with pytest.raises(UserError, match="toy_supervisions_dev.jsonl.gz with the supervisions"):
        import_data(alone, tmp_path / "data")
    broken = tmp_path / "cuts_x.jsonl"
    broken.write_text("{no json\n")
    with pytest.raises(UserError, match="cuts_x.jsonl"):
        import_data(broken, tmp_path / "data")
    with pytest.raises(UserError, match="a manifest's name has cuts"):
        import_data(tmp_path / "audio" / "one.wav", tmp_path / "data")
    with pytest.raises(UserError, match="hf download"):
        import_data(tmp_path / "user" / "name", tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.fixture
def splits(audio, tmp_path):
    """A data set of two splits, with the files' bytes within."""

    def split(*names):
        rows = {
            "audio": [str(tmp_path / "audio" / f"{n}.wav") for n in names],
            "sentence": [f"it is {n}" for n in names],
            "speaker_id": list(range(len(names))),
        }
        made = datasets.Dataset.from_dict(rows)
        return made.cast_column("audio", datasets.Audio(sampling_rate=RATE))

    return datasets.DatasetDict(train=split("one", "two"), validation=split("three"))


def test_saved_data_set(splits, audio, tmp_path):
    splits.save_to_disk(tmp_path / "saved")
    written = import_data(tmp_path / "saved", tmp_path / "data")
    assert [path.name for path in written] == ["train", "validation"]
    speech, text, speakers = read_source(written[0])
    assert text == {"0-one": "it is one", "1-two": "it is two"}
    assert speakers == {"0-one": "0", "1-two": "1"}
    # save_to_disk holds the files' content.
    assert speech["0-one"] == str(tmp_path / "data" / "audio" / "train" / "one.wav")
    np.testing.assert_array_equal(samples_of(written[0], "1-two"), audio["two"])


def test_bytes_in_parquet_files(splits, audio, tmp_path):
    """Audio that a data set holds itself is written as it is."""
    embedded = (
        splits["train"]
        .cast_column("audio", datasets.Audio(decode=False))
        .map(
            lambda row: {
                "audio": {"bytes": open(row["audio"]["path"], "rb").read(), "path": "x.wav"}
            }
        )
    )
    (tmp_path / "parquet").mkdir()
    embedded.to_parquet(tmp_path / "parquet" / "train.parquet")
    with pytest.raises(UserError, match="no column words: it has audio.*--text_column"):
        import_data(tmp_path / "parquet", tmp_path / "data", columns=Columns(text="words"))
    (directory,) = import_data(
        tmp_path / "parquet", tmp_path / "data", columns=Columns(id="row", text="sentence")
    )
    assert read_table(directory / "text") == {
        "0-0000000": "it is one", "1-0000001": "it is two",
    }  # fmt: skip
    np.testing.assert_array_equal(samples_of(directory, "1-0000001"), audio["two"])
    written = tmp_path / "data" / "audio" / "train" / "0000001.wav"
    assert written.read_bytes() == (tmp_path / "audio" / "two.wav").read_bytes()


def test_folder_of_audio(audio, tmp_path):
    """Audio files with metadata.csv, which name files and transcripts."""
    with open(tmp_path / "audio" / "metadata.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [["file_name", "transcription"], ["one.wav", "yes"], ["two.wav", "no, thanks"]]
        )
    (directory,) = import_data(tmp_path / "audio", tmp_path / "data", "dev")
    assert read_table(directory / "text") == {"one": "yes", "two": "no, thanks"}
    assert read_table(directory / "wav.scp")["two"] == str(tmp_path / "audio" / "two.wav")
    np.testing.assert_array_equal(samples_of(directory, "two"), audio["two"])


def test_ids_that_come_twice(splits, tmp_path):
    twice = datasets.concatenate_datasets([splits["validation"]] * 2)
    twice.save_to_disk(tmp_path / "saved")
    with pytest.raises(UserError, match="0-three comes twice.*--id_column"):
        import_data(tmp_path / "saved", tmp_path / "data")
    with pytest.raises(UserError, match="no column who"):
        import_data(tmp_path / "saved", tmp_path / "data", columns=Columns(speaker="who"))
