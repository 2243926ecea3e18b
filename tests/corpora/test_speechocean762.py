"""speechocean762 from an archive of its layout, from a clone, and broken."""

import logging
import shutil
from types import SimpleNamespace

import pytest
import soundfile

from espnet_recursive.corpora import speechocean762
from espnet_recursive.corpora.speechocean762 import hold_out, prepare_speechocean762
from espnet_recursive.corpora.utterances import Utterance, Utterances
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_source, read_table, write_data_dir
from tests.corpora.archive_server import ArchiveServer
from tests.corpora.conftest import PUBLISHED_OCEAN
from tests.corpora.miniature import UNLISTED


@pytest.fixture(scope="module")
def prepared(mirror, tmp_path_factory):
    """The corpus, prepared from a server that broke off once."""
    root = tmp_path_factory.mktemp("speechocean762")
    breaks = {"101/speechocean762.tar.gz": 300_000}
    with ArchiveServer(mirror, break_after=breaks) as server:
        written = prepare_speechocean762(root / "data", root / "downloads", server.url)
    return SimpleNamespace(
        written=written, server=server, data=root / "data", downloads=root / "downloads"
    )


def test_tables(prepared):
    assert prepared.written == [prepared.data / name for name in ("train_nodev", "dev", "test")]
    assert read_table(prepared.data / "test" / "spk2utt") == {
        "0003": "000030011 000030012",
        "1030": "010300011",
    }
    for directory in prepared.written:
        wav_scp, _, utt2spk = read_source(directory)
        assert list(utt2spk.values()) == sorted(utt2spk.values())
        samples = read_table(directory / "utt2num_samples")
        assert samples == {k: str(soundfile.info(v).frames) for k, v in wav_scp.items()}


def test_words_are_those_of_the_corpus(prepared):
    theirs = {}
    for part in ("train", "test"):
        theirs |= read_table(prepared.downloads / "speechocean762" / part / "text")
    ours = {}
    for directory in prepared.written:
        ours |= read_table(directory / "text")
    assert ours == theirs


def test_every_tenth_speaker_of_the_training_part_is_for_development(prepared):
    speakers = {
        directory.name: set(read_table(directory / "utt2spk").values())
        for directory in prepared.written
    }
    assert speakers == {
        "train_nodev": {"0005", "1027", "9600"},
        "dev": {"0001"},
        "test": {"0003", "1030"},
    }
    many = Utterances()
    for number in range(125):
        many.add(f"{number:04d}-1", Utterance("/a.wav", "A", f"{number:04d}", 1))
    assert list(map(len, hold_out(many))) == [112, 13]


def test_broken_connection_was_continued(prepared, mirror):
    place = "101/speechocean762.tar.gz"
    asked = [asked for _, asked in prepared.server.requests]
    assert asked == ["bytes=0-0", "bytes=0-", "bytes=300000-"]
    assert prepared.server.sent[place] == (mirror / place).stat().st_size + 1


def test_second_call_needs_neither_server_nor_archive(prepared, tmp_path):
    downloads = shutil.copytree(prepared.downloads, tmp_path / "downloads")
    (downloads / "speechocean762.tar.gz").unlink()
    prepare_speechocean762(tmp_path / "data", downloads, prepared.server.url)
    for name in ("text", "utt2num_samples"):
        again = read_table(tmp_path / "data" / "dev" / name)
        assert again == read_table(prepared.data / "dev" / name)


@pytest.mark.parametrize("folder", [".", "speechocean762"])
def test_corpus_that_is_there(folder, ocean, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        prepare_speechocean762(
            tmp_path / "data", tmp_path / "none", corpus_dir=ocean.parent / folder
        )
    assert len(read_table(tmp_path / "data" / "train_nodev" / "text")) == 5
    assert not (tmp_path / "none").exists()
    assert f"1 recordings are in no part and are left out, such as {UNLISTED}" in caplog.text


def refuse(ocean, tmp_path, message, **options):
    with pytest.raises(UserError, match=message):
        prepare_speechocean762(tmp_path / "data", corpus_dir=ocean, **options)
    assert not (tmp_path / "data").exists()


def append(path, *lines):
    path.write_text(path.read_text() + "".join(f"{line}\n" for line in lines))


def test_folder_of_something_else(ocean, tmp_path):
    shutil.rmtree(ocean / "WAVE")
    refuse(ocean, tmp_path, "speechocean762 holds no WAVE. Give the folder .* clone of github.com")
    refuse(tmp_path / "nowhere", tmp_path, "--corpus_dir .*nowhere does not exist")


def test_numbers_are_those_published(ocean, tmp_path):
    for table in ("wav.scp", "text", "utt2spk"):
        path = ocean / "train" / table
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    refuse(ocean, tmp_path, "has 6 utterances of 3 speakers, .* has 7 of 4 .*--incomplete true")
    prepare_speechocean762(tmp_path / "data", corpus_dir=ocean, incomplete=True)
    assert len(read_table(tmp_path / "data" / "train_nodev" / "text")) == 4


def test_published_numbers():
    """Those of the corpus itself: 5,000 utterances of 250 speakers, half of them for testing."""
    assert PUBLISHED_OCEAN == {"train": (2500, 125), "test": (2500, 125)}


@pytest.mark.parametrize("table, line, message", [
    ("text", "000010099 YES", "1 utterances of .*train/text are not in .*train/wav.scp: 000010099"),
    ("utt2spk", "000010011 0001", "000010011 comes twice"),
    ("wav.scp", "000010099 WAVE/SPEAKER0001/000010099.WAV", "not in .*train/text: 000010099"),
])  # fmt: skip
def test_tables_that_do_not_fit(table, line, message, ocean, tmp_path):
    append(ocean / "train" / table, line)
    refuse(ocean, tmp_path, message)


def add_utterance(part, key, place, words, speaker):
    for table, value in (("wav.scp", place), ("text", words), ("utt2spk", speaker)):
        append(part / table, f"{key}\t{value}".rstrip())


@pytest.mark.parametrize("place", ["../../secret.wav", "/etc/secret.wav", "WAVE/../../secret.wav"])
def test_audio_outside_of_the_corpus(place, ocean, tmp_path):
    add_utterance(ocean / "train", "000010099", place, "YES", "0001")
    refuse(ocean, tmp_path, "train/wav.scp: .* leads out of")


def test_utterance_without_words(ocean, tmp_path):
    place = "WAVE/SPEAKER0001/000010011.WAV"
    add_utterance(ocean / "train", "000010099", place, "", "0001")
    refuse(ocean, tmp_path, "train/text: 000010099 has no words")


def test_missing_and_empty_recordings(ocean, tmp_path):
    recording = ocean / "WAVE/SPEAKER0003/000030011.WAV"
    recording.write_bytes(b"")
    refuse(ocean, tmp_path, "000030011.WAV cannot be read")
    recording.unlink()
    refuse(ocean, tmp_path, "000030011.WAV cannot be read")


def test_a_speaker_of_both_parts(ocean, tmp_path):
    place = "WAVE/SPEAKER0001/000010011.WAV"
    add_utterance(ocean / "test", "000010099", place, "YES", "0001")
    refuse(ocean, tmp_path, "1 speakers are in train and in test, such as 0001", incomplete=True)


@pytest.fixture
def extra(ocean, tmp_path):
    """A data directory with an utterance of another speaker."""
    audio = ocean / "WAVE/SPEAKER9600" / f"{UNLISTED}.WAV"
    folder = tmp_path / "extra"
    write_data_dir(folder, {"x-1": audio}, {"x-1": "GO YES"}, {"x-1": "x"})
    return folder


def test_further_speech_to_train_on(ocean, extra, tmp_path):
    prepare_speechocean762(tmp_path / "data", corpus_dir=ocean, extra_data_dir=extra)
    counts = [len(read_table(tmp_path / "data" / n / "text")) for n in speechocean762.SETS]
    assert counts == [6, 2, 3]
    assert read_table(tmp_path / "data/train_nodev/text")["x-1"] == "GO YES"
    assert int(read_table(tmp_path / "data/train_nodev/utt2num_samples")["x-1"]) > 0


@pytest.mark.parametrize("table, value, message", [
    ("text", "Go, yes!", "the text of x-1 has '!', ',', 'e', 'o', 's', which"),
    ("utt2spk", "0003", "its speaker 0003 has the id of one of speechocean762"),
    ("wav.scp", "flac -cd x.flac |", "x-1 is a command in wav.scp"),
    ("wav.scp", "/nowhere/x.wav", "/nowhere/x.wav cannot be read"),
])  # fmt: skip
def test_further_speech_that_does_not_fit(table, value, message, ocean, extra, tmp_path):
    (extra / table).write_text(f"x-1 {value}\n")
    refuse(ocean, tmp_path, message, extra_data_dir=extra)


def test_further_speech_that_is_not_there(ocean, tmp_path):
    refuse(ocean, tmp_path, "--extra_data_dir .*none does not exist", extra_data_dir="none")
