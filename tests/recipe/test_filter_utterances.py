"""Stage 4: which utterances stay, and why the others do not."""

import shutil

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table, write_data_dir
from espnet_recursive.recipe.filter_utterances import filter_data_dir
from espnet_recursive.recipe.format_audio import format_data_dir

#: Samples at 1000 Hz, with the transcript.
UTTERANCES = {
    "a-short": (100, "X"),
    "a-shortest": (101, "Y Z"),
    "b-longest": (1999, "ÄÖ"),
    "b-long": (2000, "X"),
    "b-longer": (9000, "X"),
    "c-silent": (1000, ""),
}


@pytest.fixture
def source(tmp_path):
    """A data directory as stage 3 leaves it."""
    path = tmp_path / "org"
    write_data_dir(
        path,
        {utterance: f"{utterance}.flac" for utterance in UTTERANCES},
        {utterance: text for utterance, (_, text) in UTTERANCES.items()},
        {utterance: utterance[0] for utterance in UTTERANCES},
        utt2num_samples={utterance: length for utterance, (length, _) in UTTERANCES.items()},
    )
    (path / "audio_format").write_text("flac\n")
    (path / "feats_type").write_text("raw\n")
    return path


def test_counts_and_boundaries(source, tmp_path):
    """As in ESPnet's recipes, both bounds are outside: 0.1 s goes where 0.1 s is the minimum."""
    counts = filter_data_dir(source, tmp_path / "out", 0.1, 2.0, 1000)
    assert counts == {"kept": 2, "too short": 1, "too long": 2, "empty text": 1}
    assert list(read_table(tmp_path / "out" / "wav.scp")) == ["a-shortest", "b-longest"]


def test_all_files_are_there(source, tmp_path):
    filter_data_dir(source, tmp_path / "out", 0.1, 2.0, 1000)
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == {
        "wav.scp": "a-shortest a-shortest.flac\nb-longest b-longest.flac\n",
        "text": "a-shortest Y Z\nb-longest ÄÖ\n",
        "utt2spk": "a-shortest a\nb-longest b\n",
        "spk2utt": "a a-shortest\nb b-longest\n",
        "utt2num_samples": "a-shortest 101\nb-longest 1999\n",
        "audio_format": "flac\n",
        "feats_type": "raw\n",
    }


def test_sampling_rate_counts(source, tmp_path):
    """At 100 Hz the same samples last ten times as long."""
    counts = filter_data_dir(source, tmp_path / "out", 0.1, 2.0, 100)
    assert counts == {"kept": 2, "too short": 0, "too long": 4, "empty text": 0}


def test_utterance_missing_in_text(source, tmp_path):
    text = (source / "text").read_text().replace("a-shortest Y Z\n", "")
    (source / "text").write_text(text)
    with pytest.raises(UserError, match=r"1 utterances of .*wav\.scp are not in .*: a-shortest"):
        filter_data_dir(source, tmp_path / "out", 0.1, 2.0, 1000)


def test_length_that_is_no_number(source, tmp_path):
    lengths = (source / "utt2num_samples").read_text().splitlines()
    lengths[0] = lengths[0].split()[0] + " many"
    (source / "utt2num_samples").write_text("\n".join(lengths) + "\n")
    with pytest.raises(UserError, match="'many' is no number of samples"):
        filter_data_dir(source, tmp_path / "out", 0.1, 2.0, 1000)


def test_nothing_left(source, tmp_path):
    with pytest.raises(UserError, match=r"No utterance of .*/org .*between 5\.0 s and 6\.0 s"):
        filter_data_dir(source, tmp_path / "out", 5.0, 6.0, 1000)
    assert not (tmp_path / "out").exists()


def test_lengths_of_other_utterances(source, tmp_path):
    (source / "utt2num_samples").write_text("a-short 100\n")
    with pytest.raises(UserError, match="5 utterances of .*wav.scp are not in .*utt2num_samples"):
        filter_data_dir(source, tmp_path / "out", 0.1, 2.0, 1000)


def test_without_lengths(source, tmp_path):
    (source / "utt2num_samples").unlink()
    with pytest.raises(UserError, match="utt2num_samples does not exist"):
        filter_data_dir(source, tmp_path / "out", 0.1, 2.0, 1000)


def test_real_speech_is_kept_as_it_is(an4, tmp_path):
    format_data_dir(an4["train"], tmp_path / "org", 16000)
    counts = filter_data_dir(tmp_path / "org", tmp_path / "out", 0.1, 20, 16000)
    assert counts["kept"] == 5
    shutil.rmtree(tmp_path / "org" / "data")
    for path in (tmp_path / "org").glob("[!.]*"):
        assert (tmp_path / "out" / path.name).read_text() == path.read_text()
