"""AISHELL-1 from an archive of its layout, against lhotse's reading of it, and broken."""

import logging
import shutil
from types import SimpleNamespace

import pytest
import soundfile
from lhotse.recipes import aishell as lhotse_aishell

from espnet_recursive.corpora.aishell import prepare_aishell
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_source, read_table
from tests.corpora.archive_server import ArchiveServer
from tests.corpora.miniature import WITHOUT_TRANSCRIPT


@pytest.fixture(scope="module")
def prepared(mirror, tmp_path_factory):
    """The corpus, prepared from a server that broke off once."""
    root = tmp_path_factory.mktemp("aishell")
    with ArchiveServer(mirror, break_after={"33/data_aishell.tgz": 300_000}) as server:
        written = prepare_aishell(root / "data", root / "downloads", server.url)
    return SimpleNamespace(
        written=written, server=server, data=root / "data", downloads=root / "downloads"
    )


def test_tables(prepared):
    assert prepared.written == [prepared.data / name for name in ("train", "dev", "test")]
    assert read_table(prepared.data / "dev" / "text") == {
        "BAC009S0724W0122": "十一二十七五十七",
        "BAC009S0724W0123": "十月二十四一九七零",
    }
    assert read_table(prepared.data / "dev" / "spk2utt") == {
        "S0724": "BAC009S0724W0122 BAC009S0724W0123"
    }
    for directory in prepared.written:
        wav_scp, _, utt2spk = read_source(directory)
        assert list(utt2spk.values()) == sorted(utt2spk.values())
        samples = read_table(directory / "utt2num_samples")
        assert samples == {k: str(soundfile.info(v).frames) for k, v in wav_scp.items()}


def test_same_as_lhotse(prepared):
    manifests = lhotse_aishell.prepare_aishell(prepared.downloads / "aishell")
    for name, manifest in manifests.items():
        supervisions = list(manifest["supervisions"])
        directory = prepared.data / name
        assert read_table(directory / "text") == {s.id: s.text for s in supervisions}
        assert read_table(directory / "utt2spk") == {s.id: s.speaker for s in supervisions}


def test_broken_connection_was_continued(prepared, mirror):
    place = "33/data_aishell.tgz"
    assert [asked for _, asked in prepared.server.requests] == [
        "bytes=0-0",
        "bytes=0-",
        "bytes=300000-",
    ]
    assert prepared.server.sent[place] == (mirror / place).stat().st_size + 1


def test_second_call_needs_neither_server_nor_archive(prepared, tmp_path):
    downloads = shutil.copytree(prepared.downloads, tmp_path / "downloads")
    (downloads / "data_aishell.tgz").unlink()
    prepare_aishell(tmp_path / "data", downloads, prepared.server.url)
    again = read_table(tmp_path / "data" / "train" / "text")
    assert again == read_table(prepared.data / "train" / "text")


@pytest.mark.filterwarnings("ignore:Python 3.14:DeprecationWarning")
def test_lhotse_downloaded_it(mirror, tmp_path):
    with ArchiveServer(mirror) as server:
        lhotse_aishell.download_aishell(tmp_path, base_url=server.url)
    prepare_aishell(tmp_path / "data", tmp_path, server.url)
    assert len(read_table(tmp_path / "data" / "test" / "text")) == 2


def test_letters_of_full_width_stay(aishell, tmp_path):
    path = aishell / "transcript" / "aishell_transcript_v0.8.txt"
    lines = path.read_text().splitlines()
    lines[0] = "BAC009S0002W0122 买 ｔ 恤"
    path.write_text("\n".join(lines) + "\n")
    prepare_aishell(tmp_path / "data", corpus_dir=aishell)
    assert read_table(tmp_path / "data" / "train" / "text")["BAC009S0002W0122"] == "买ｔ恤"


def test_recordings_without_transcript_are_counted(aishell, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        prepare_aishell(tmp_path / "data", corpus_dir=aishell)
    assert "train: 1 of 10 recordings have no transcript and are left out" in caplog.text
    assert WITHOUT_TRANSCRIPT in caplog.text
    assert WITHOUT_TRANSCRIPT not in read_table(tmp_path / "data" / "train" / "text")


@pytest.mark.parametrize("folder", [".", "data_aishell"])
def test_corpus_that_is_there(folder, aishell, tmp_path):
    prepare_aishell(
        tmp_path / "data", tmp_path / "none", "http://127.0.0.1:9", aishell.parent / folder
    )
    assert len(read_table(tmp_path / "data" / "train" / "text")) == 9
    assert not (tmp_path / "none").exists()


def refuse(aishell, tmp_path, message):
    with pytest.raises(UserError, match=message):
        prepare_aishell(tmp_path / "data", corpus_dir=aishell)
    assert not (tmp_path / "data").exists()


def test_inner_archives_not_unpacked(aishell, tmp_path):
    shutil.rmtree(aishell / "wav")
    refuse(aishell, tmp_path, "data_aishell holds no wav/train, wav/dev, wav/test.* tar -xzf")
    refuse(tmp_path / "nowhere", tmp_path, "--corpus_dir .*nowhere does not exist")


def test_transcript_without_audio(aishell, tmp_path):
    (aishell / "wav" / "dev" / "S0724" / "BAC009S0724W0122.wav").unlink()
    refuse(aishell, tmp_path, "transcript_v0.8.txt: 1 transcripts .* such as BAC009S0724W0122")


def test_empty_wav(aishell, tmp_path):
    (aishell / "wav" / "dev" / "S0724" / "BAC009S0724W0122.wav").write_bytes(b"")
    refuse(aishell, tmp_path, "BAC009S0724W0122.wav cannot be read: .*Unpack its archive")


@pytest.mark.parametrize("line, message", [
    ("BAC009S0002W0122 走", "line 14: BAC009S0002W0122 comes twice"),
    ("BAC009S0002W0999", "line 14: expected 'key value', found 'BAC009S0002W0999"),
])  # fmt: skip
def test_bad_line(line, message, aishell, tmp_path):
    path = aishell / "transcript" / "aishell_transcript_v0.8.txt"
    path.write_text(path.read_text() + line + "\n")
    refuse(aishell, tmp_path, message)


def test_recording_twice(aishell, tmp_path):
    wav = aishell / "wav"
    shutil.copy(wav / "train/S0002/BAC009S0002W0122.wav", wav / "dev/S0724")
    refuse(aishell, tmp_path, "BAC009S0002W0122 comes twice: .*/train/.* and .*/dev/")


def test_set_without_recordings(aishell, tmp_path):
    shutil.rmtree(aishell / "wav" / "test" / "S0764")
    refuse(aishell, tmp_path, "wav/test: no folders of speakers with recordings")


def test_what_file_managers_leave(aishell, tmp_path):
    prepare_aishell(tmp_path / "clean", corpus_dir=aishell)
    speaker = next((aishell / "wav" / "train").iterdir())
    recording = next(speaker.glob("*.wav"))
    (speaker / f"._{recording.name}").write_bytes(b"\0\5\x16\7")
    (speaker / ".DS_Store").touch()
    (speaker.parent / "@eaDir").mkdir()
    (speaker.parent / "@eaDir" / recording.name).write_bytes(b"thumb")
    prepare_aishell(tmp_path / "data", corpus_dir=aishell)
    for name in ("text", "wav.scp", "utt2spk", "utt2num_samples"):
        assert read_table(tmp_path / "data/train" / name) == read_table(
            tmp_path / "clean/train" / name
        )


def test_unpacked_by_hand_among_the_downloads(aishell, tmp_path):
    """Beside the archive, as tar puts it: nothing is asked of a server."""
    (aishell / ".completed").unlink()
    prepare_aishell(tmp_path / "data", aishell.parent, "http://127.0.0.1:9")
    assert len(read_table(tmp_path / "data" / "test" / "text")) == 2
