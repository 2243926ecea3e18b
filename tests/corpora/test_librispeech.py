"""LibriSpeech from archives of its layout, against lhotse's reading of it, and damaged."""

import gzip
import re
import shutil
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest
from lhotse.recipes import librispeech as lhotse_librispeech

from espnet_recursive.corpora import unpack
from espnet_recursive.corpora.archive import find_archive
from espnet_recursive.corpora.librispeech import (
    SUBSETS,
    prepare_librispeech,
    read_part,
    write_lm_text,
)
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_source, read_table
from espnet_recursive.recipe.format_audio import format_data_dir
from tests.corpora.archive_server import ArchiveServer
from tests.corpora.conftest import PUBLISHED
from tests.corpora.miniature import LM_LINES

EVALUATION = ["dev_clean", "dev_other", "test_clean", "test_other"]
TRAINING = ["train_clean_100", "train_clean_360", "train_other_500"]
TABLES = ("wav.scp", "text", "utt2spk", "utt2num_samples")


@pytest.fixture(scope="module")
def prepared(mirror, tmp_path_factory):
    """The whole corpus, prepared from a server: data, downloads, and the server."""
    root = tmp_path_factory.mktemp("librispeech")
    breaks = {"12/train-clean-360.tar.gz": 30_000}
    with ArchiveServer(mirror, break_after=breaks) as server:
        written = prepare_librispeech(root / "data", root / "downloads", base_url=server.url)
    return SimpleNamespace(
        written=written, server=server, data=root / "data", downloads=root / "downloads"
    )


def tables(directory):
    return {name: read_table(directory / name) for name in TABLES}


def joined(directories, name):
    return {k: v for directory in directories for k, v in read_table(directory / name).items()}


def test_data_directories(prepared):
    names = [*TRAINING, *EVALUATION, "dev", "train_960"]
    assert prepared.written == [prepared.data / name for name in names]
    assert sorted(path.name for path in (prepared.data).iterdir()) == sorted([*names, "local"])
    for directory in prepared.written:
        wav_scp, _, utt2spk = read_source(directory)
        assert list(utt2spk) == sorted(utt2spk)
        assert list(utt2spk.values()) == sorted(utt2spk.values())
        assert all(key.startswith(f"{speaker}-") for key, speaker in utt2spk.items())


def test_tables(prepared):
    assert read_table(prepared.data / "train_clean_100" / "text") == {
        "103-1240-0000": "YES",
        "103-1240-0001": "ELEVEN SEVENTEEN FIFTY ONE",
        "1034-121119-0000": "ELEVEN TWENTY SEVEN FIFTY SEVEN",
        "1034-121119-0001": "GO",
    }
    speakers = read_table(prepared.data / "train_clean_100" / "spk2utt")
    assert speakers["103-1240"] == "103-1240-0000 103-1240-0001"


def test_combined(prepared):
    data = prepared.data
    for name in TABLES:
        assert read_table(data / "dev" / name) == joined(
            [data / "dev_clean", data / "dev_other"], name
        )
        assert read_table(data / "train_960" / name) == joined(
            [data / part for part in TRAINING], name
        )


def test_same_as_lhotse(prepared):
    corpus = prepared.downloads / "LibriSpeech"
    manifests = lhotse_librispeech.prepare_librispeech(corpus)
    assert len(manifests) == 7
    for part, manifest in manifests.items():
        ours = tables(prepared.data / part.replace("-", "_"))
        assert ours["text"] == {s.recording_id: s.text for s in manifest["supervisions"]}
        samples = {r.id: str(r.num_samples) for r in manifest["recordings"]}
        assert ours["utt2num_samples"] == samples
        files = {r.id: r.sources[0].source for r in manifest["recordings"]}
        assert ours["wav.scp"] == files


def test_nothing_was_fetched_twice(prepared, mirror):
    assert ("12/train-clean-360.tar.gz", "bytes=30000-") in prepared.server.requests
    assert len(prepared.server.sent) == 8
    for place, sent in prepared.server.sent.items():
        assert sent == (mirror / place).stat().st_size + 1  # and the byte that tells the size


def test_second_call_needs_neither_server_nor_archives(prepared, tmp_path):
    downloads = shutil.copytree(prepared.downloads, tmp_path / "downloads")
    for archive in downloads.glob("*.gz"):
        archive.unlink()
    before = tables(prepared.data / "train_960")
    shutil.copytree(prepared.data / "local", tmp_path / "data" / "local")
    prepare_librispeech(tmp_path / "data", downloads, base_url=prepared.server.url)
    after = tables(tmp_path / "data" / "train_960")
    assert after["text"] == before["text"]
    assert not list(downloads.glob("*.gz"))


@pytest.mark.filterwarnings("ignore:Python 3.14:DeprecationWarning")
def test_lhotse_downloaded_it(mirror, tmp_path):
    """A corpus that lhotse unpacked is used, and ours by lhotse."""
    with ArchiveServer(mirror) as server:
        lhotse_librispeech.download_librispeech(
            tmp_path, ["dev-clean-2", "train-clean-5"], base_url=server.url
        )
    prepare_librispeech(tmp_path / "data", tmp_path, "mini", base_url=server.url)
    assert len(read_table(tmp_path / "data" / "train_clean_5" / "text")) == 4


def test_mini(mirror, tmp_path):
    written = prepare_librispeech(tmp_path / "data", tmp_path, "mini", base_url=str(mirror))
    assert [path.name for path in written] == ["train_clean_5", "dev_clean_2", "dev", "test"]
    data = tmp_path / "data"
    for name in TABLES:
        assert read_table(data / "dev_clean_2" / name) == joined(
            [data / "dev", data / "test"], name
        )
    assert list(read_table(data / "dev" / "text")) == ["1272-135031-0000"]
    assert list(read_table(data / "test" / "text")) == ["2412-153948-0000"]
    assert not (data / "local").exists()
    # A folder of archives is read where it is.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["LibriSpeech", "data"]


def test_train_clean_100(mirror, tmp_path):
    written = prepare_librispeech(
        tmp_path / "data", tmp_path, "train_clean_100", str(mirror), lm_text=False
    )
    assert [path.name for path in written] == ["train_clean_100", *EVALUATION, "dev"]
    assert not (tmp_path / "data" / "local").exists()


@pytest.mark.parametrize("inside", ["LibriSpeech", "."])
def test_corpus_that_is_there(inside, prepared, tmp_path):
    corpus = prepared.downloads / inside
    prepare_librispeech(
        tmp_path / "data", tmp_path / "none", base_url="http://127.0.0.1:9", corpus_dir=corpus,
        lm_text=False,
    )  # fmt: skip
    assert tables(tmp_path / "data" / "train_960") == tables(prepared.data / "train_960")
    assert not (tmp_path / "none").exists()


def test_missing_parts(mini, tmp_path):
    shutil.rmtree(mini / "train-clean-5")
    with pytest.raises(UserError, match="LibriSpeech holds no train-clean-5. .*--corpus_dir"):
        prepare_librispeech(tmp_path / "data", tmp_path, "mini", corpus_dir=mini)
    with pytest.raises(UserError, match="--corpus_dir .*nowhere does not exist"):
        prepare_librispeech(tmp_path / "data", tmp_path, "mini", corpus_dir=tmp_path / "nowhere")
    assert not (tmp_path / "data").exists()


def test_a_part_that_is_partly_unpacked(mini, tmp_path):
    """Without a speaker, or an utterance; taken all the same where that is asked for."""
    shutil.rmtree(mini / "dev-clean-2" / "2412")
    refuse(mini, tmp_path, "dev-clean-2 lacks 1 of the 2 speakers that .*SPEAKERS.TXT .*: 2412. U")
    (mini / "SPEAKERS.TXT").unlink()
    refuse(mini, tmp_path, "dev-clean-2 has 1 utterances, and .* has 2. .*--incomplete true")
    prepare_librispeech(tmp_path / "data", tmp_path, "mini", corpus_dir=mini, incomplete=True)
    assert len(read_table(tmp_path / "data" / "dev_clean_2" / "text")) == 1


def test_published_numbers():
    """The whole corpus has 292,367 utterances, of which 281,241 are for training."""
    assert set(PUBLISHED) == {Path(part).name for parts in SUBSETS.values() for part in parts}
    whole = {Path(part).name: PUBLISHED[Path(part).name] for part in SUBSETS["train_960"]}
    assert sum(whole.values()) == 292_367
    assert sum(number for name, number in whole.items() if name.startswith("train")) == 281_241


def chapter(mini):
    return mini / "train-clean-5" / "1088" / "134315"


def refuse(mini, tmp_path, message):
    with pytest.raises(UserError, match=message):
        prepare_librispeech(tmp_path / "data", tmp_path, "mini", corpus_dir=mini)
    assert not (tmp_path / "data").exists()


def test_empty_flac(mini, tmp_path):
    (chapter(mini) / "1088-134315-0001.flac").write_bytes(b"")
    refuse(mini, tmp_path, "134315/1088-134315-0001.flac cannot be read: .*Unpack its archive")


def test_flac_that_was_cut_off(mini, tmp_path):
    """Its header is whole; stage 3 looks at the end."""
    path = chapter(mini) / "1088-134315-0001.flac"
    path.write_bytes(path.read_bytes()[:-100])
    prepare_librispeech(tmp_path / "data", tmp_path, "mini", corpus_dir=mini)
    with pytest.raises(UserError, match="1088-134315-0001.flac"):
        format_data_dir(tmp_path / "data" / "train_clean_5", tmp_path / "dump", 16000)
    assert not (tmp_path / "dump" / "wav.scp").exists()


def test_transcript_without_audio(mini, tmp_path):
    (chapter(mini) / "1088-134315-0001.flac").unlink()
    refuse(mini, tmp_path, "1 utterances of .*trans.txt are not in .*134315: 1088-134315-0001")


def test_audio_without_transcript(mini, tmp_path):
    (chapter(mini) / "1088-134315.trans.txt").write_text("1088-134315-0000 YES\n")
    refuse(mini, tmp_path, "1 utterances of .*134315 are not in .*trans.txt: 1088-134315-0001")


def test_chapter_without_transcripts(mini, tmp_path):
    (chapter(mini) / "1088-134315.trans.txt").unlink()
    refuse(mini, tmp_path, "1088-134315.trans.txt is missing, the transcripts of 2 recordings")


def test_id_twice_in_a_chapter(mini, tmp_path):
    path = chapter(mini) / "1088-134315.trans.txt"
    path.write_text(path.read_text() + "1088-134315-0000 NO\n")
    refuse(mini, tmp_path, "trans.txt, line 3: 1088-134315-0000 comes twice")


def test_id_in_two_chapters(mini, tmp_path):
    other = mini / "train-clean-5" / "1088" / "7"
    other.mkdir()
    shutil.copy(chapter(mini) / "1088-134315-0000.flac", other)
    (other / "1088-7.trans.txt").write_text("1088-134315-0000 YES\n")
    refuse(mini, tmp_path, "1088-134315-0000 comes twice: .*134315.* and .*/7/.*Remove or rename")


def test_id_in_two_parts(mini, tmp_path):
    shutil.copytree(mini / "dev-clean-2" / "1272", mini / "train-clean-5" / "1272")
    refuse(mini, tmp_path, "1272-135031-0000 comes twice")


@pytest.mark.parametrize("line", ["1088-134315-0001", "1088-134315-0001 ", ""])
def test_line_without_text(line, mini, tmp_path):
    path = chapter(mini) / "1088-134315.trans.txt"
    path.write_text(f"1088-134315-0000 YES\n{line}\n")
    refuse(mini, tmp_path, re.escape(f"trans.txt, line 2: expected 'key value', found '{line}"))


def test_folder_without_speakers(tmp_path):
    (tmp_path / "train-clean-5").mkdir()
    with pytest.raises(UserError, match="no folders of speakers and chapters"):
        read_part(tmp_path / "train-clean-5")


def test_archive_cut_in_the_middle_is_completed(mirror, tmp_path):
    """By the next call; until then nothing that was unpacked is lost."""
    whole = (mirror / "31" / "dev-clean-2.tar.gz").read_bytes()
    (tmp_path / "dev-clean-2.tar.gz").write_bytes(whole[:40_000])
    shutil.copy(mirror / "31" / "train-clean-5.tar.gz", tmp_path)
    with ArchiveServer(mirror) as server:
        pass
    with pytest.raises(UserError, match="dev-clean-2.tar.gz is cut off .*run again when"):
        prepare_librispeech(tmp_path / "data", tmp_path, "mini", server.url)
    assert unpack.is_unpacked(tmp_path / "LibriSpeech" / "train-clean-5")
    with ArchiveServer(mirror) as server:
        prepare_librispeech(tmp_path / "data", tmp_path, "mini", server.url)
    assert server.requests[1:] == [("31/dev-clean-2.tar.gz", "bytes=40000-")]
    assert len(read_table(tmp_path / "data" / "dev_clean_2" / "text")) == 2


def test_disk_too_small(mirror, small_disk, tmp_path):
    disk = small_disk("600k")
    (disk / "other").write_bytes(bytes(400_000))
    with ArchiveServer(mirror) as server:
        with pytest.raises(UserError, match="LibriSpeech takes .* Free .* KB, or give a folder"):
            prepare_librispeech(tmp_path / "data", disk, "mini", server.url)
        assert not server.sent.keys() - {"31/train-clean-5.tar.gz", "31/dev-clean-2.tar.gz"}
        assert set(server.sent.values()) == {1}
        assert [path.name for path in disk.iterdir()] == ["other"]
        (disk / "other").unlink()
        prepare_librispeech(tmp_path / "data", disk, "mini", server.url)
    assert len(read_table(tmp_path / "data" / "train_clean_5" / "text")) == 4


def test_text_for_language_models(prepared):
    lines = (prepared.data / "local" / "other_text" / "text").read_text().splitlines()
    assert lines == [f"librispeech_lng_{n:08d} {line}" for n, line in enumerate(LM_LINES, 1)]


def write_text(tmp_path, content):
    (tmp_path / "lm.gz").write_bytes(content)
    write_lm_text(find_archive("lm.gz", str(tmp_path), tmp_path), tmp_path / "text")


def test_empty_lines_have_numbers(tmp_path):
    write_text(tmp_path, gzip.compress(b"A B\n\n C \n"))
    written = (tmp_path / "text").read_text()
    assert written == "librispeech_lng_00000001 A B\nlibrispeech_lng_00000003 C\n"


@pytest.mark.parametrize("content", [
    (b"A " * 400_000 + b"\n") * 130,  # 104 MB in less than one
    b"A" * 2_000_000,
])  # fmt: skip
def test_text_for_language_models_that_would_fill_disk_or_memory(tmp_path, content):
    with pytest.raises(UserError, match="lm.gz has .* it is no text of sentences"):
        write_text(tmp_path, gzip.compress(content, 1))
    assert not (tmp_path / "text").exists()


def test_text_for_language_models_cut_off(tmp_path):
    whole = gzip.compress("".join(f"{line}\n" for line in LM_LINES).encode())
    with pytest.raises(UserError, match="lm.gz is cut off"):
        write_text(tmp_path, whole[:-9])
    assert not (tmp_path / "text").exists()


def test_text_for_language_models_is_streamed(tmp_path):
    content = gzip.compress(b"THE SAME WORDS AGAIN\n" * 200_000)
    tracemalloc.start()
    write_text(tmp_path, content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "text").stat().st_size > 5 * peak


def test_what_file_managers_leave(mini, tmp_path):
    prepare_librispeech(tmp_path / "clean", subset="mini", corpus_dir=mini)
    folder_of_one = chapter(mini)
    (folder_of_one / "._1088-134315-0000.flac").write_bytes(b"\0\5\x16\7")
    for folder in (
        folder_of_one / "@eaDir",
        folder_of_one.parent / "@eaDir",
        mini / "train-clean-5" / "@eaDir",
    ):
        (folder / "x").mkdir(parents=True)
    prepare_librispeech(tmp_path / "data", subset="mini", corpus_dir=mini)
    read, expected = (tables(tmp_path / name / "train_clean_5") for name in ("data", "clean"))
    assert read == expected
