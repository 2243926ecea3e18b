"""AN4 in its layouts, made of the wheel's utterances; and the whole of its features, if there."""

import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_recursive.corpora.an4 import Recording, hold_out, prepare_an4
from espnet_recursive.corpora.sphinx import read_cepstra, with_deltas
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_source, read_table
from espnet_recursive.recipe.feats import read_features
from tests.corpora.miniature import build_an4

TEXT = {
    "train_nodev": {
        "fbbh-cen8-fbbh-b": "MARCH THIRD NINETEEN TWENTY EIGHT",
        "mwhw-an152-mwhw-b": "START",
        "mwhw-cen8-mwhw-b": "ELEVEN SEVENTEEN FIFTY ONE",
    },
    "dev": {"fash-an251-fash-b": "YES", "fash-an253-fash-b": "GO"},
    "test": {
        "fcaw-cen8-fcaw-b": "ELEVEN TWENTY SEVEN FIFTY SEVEN",
        "mmxg-cen8-mmxg-b": "OCTOBER TWENTY FOUR NINETEEN SEVENTY",
    },
}


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """AN4 with files of every kind."""
    return build_an4(tmp_path_factory.mktemp("an4") / "an4", ".sph", ".wav", ".raw", ".mfc")


@pytest.fixture
def corpus(built, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(built, tmp_path / "an4")


@pytest.fixture(scope="session")
def real():
    """The folder of the whole of AN4's features."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data" / "an4"
    folder = Path(os.environ.get("AN4_DIR", beside))
    if not (folder / "feat").is_dir():
        pytest.skip(f"no features of AN4 in {folder}; name their folder with AN4_DIR")
    return folder


@pytest.mark.parametrize("features", [False, True])
def test_sets(corpus, tmp_path, features):
    written = prepare_an4(tmp_path / "data", corpus, features)
    assert written == [tmp_path / "data" / name for name in TEXT]
    for name, texts in TEXT.items():
        scp = "feats.scp" if features else "wav.scp"
        speech, text, utt2spk = read_source(tmp_path / "data" / name, scp)
        assert text == texts
        assert utt2spk == {key: key.split("-")[0] for key in texts}
        assert all(os.path.isabs(place) for place in speech.values())
        assert (tmp_path / "data" / name / "utt2num_frames").exists() == features


@pytest.mark.parametrize("deltas", [False, True])
@pytest.mark.parametrize("cmn", ["utterance", "speaker"])
def test_features(corpus, tmp_path, deltas, cmn):
    prepare_an4(tmp_path / "data", corpus, True, deltas, cmn)
    for name in TEXT:
        feats_scp = read_table(tmp_path / "data" / name / "feats.scp")
        frames = read_table(tmp_path / "data" / name / "utt2num_frames")
        raw = {}
        for utterance in feats_scp:
            speaker, recording = utterance.split("-", 1)
            [file] = (corpus / "feat").glob(f"*/{speaker}/{recording}.mfc")
            raw[utterance] = read_cepstra(file)
        for utterance, place in feats_scp.items():
            speaker = utterance.split("-", 1)[0]
            alike = [key for key in raw if key.startswith(speaker + "-")]
            mean = np.vstack([raw[key] for key in (alike if cmn == "speaker" else [utterance])])
            cepstra = raw[utterance] - mean.mean(axis=0)
            features = read_features(place, utterance)
            assert (features == (with_deltas(cepstra) if deltas else cepstra)).all()
            assert frames[utterance] == str(len(features))


@pytest.mark.parametrize("options", [{"deltas": True}, {"cmn": "speaker"}])
def test_options_of_features_are_refused_for_waveforms(corpus, tmp_path, options):
    with pytest.raises(UserError, match="for features, and .*wav has waveforms"):
        prepare_an4(tmp_path / "data", corpus, False, **options)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("byte_order", [">", "<"])
def test_headerless_audio(built, tmp_path, byte_order):
    corpus = build_an4(tmp_path / "an4", ".raw", byte_order=byte_order)
    prepare_an4(tmp_path / "data", corpus)
    for name in TEXT:
        for utterance, path in read_table(tmp_path / "data" / name / "wav.scp").items():
            speaker, recording = utterance.split("-", 1)
            (sphere,) = built.glob(f"wav/*/{speaker}/{recording}.sph")
            samples, rate = soundfile.read(path, dtype="int16")
            assert rate == 16000
            assert (samples == soundfile.read(sphere, dtype="int16")[0]).all()


@pytest.mark.parametrize("suffix", [".sph", ".wav"])
def test_audio_with_a_header_is_used_where_it_is(tmp_path, suffix):
    corpus = build_an4(tmp_path / "an4", suffix)
    prepare_an4(tmp_path / "data", corpus)
    for name in TEXT:
        paths = read_table(tmp_path / "data" / name / "wav.scp").values()
        assert {Path(path).suffix for path in paths} == {suffix}
        assert all(Path(path).is_relative_to(corpus) for path in paths)


def test_waveforms_come_first_unless_told(corpus, tmp_path):
    prepare_an4(tmp_path / "data", corpus)
    assert (tmp_path / "data/test/wav.scp").exists()
    prepare_an4(tmp_path / "data", corpus, features=True)
    assert (tmp_path / "data/test/feats.scp").exists()
    assert not (tmp_path / "data/test/wav.scp").exists(), "a data directory has one kind of speech"
    shutil.rmtree(corpus / "wav")
    prepare_an4(tmp_path / "features", corpus)
    assert (tmp_path / "features/test/feats.scp").exists()


def test_the_same_again(corpus, tmp_path):
    def written():
        return {p: p.read_bytes() for p in (tmp_path / "data").rglob("*") if p.is_file()}

    prepare_an4(tmp_path / "data", corpus, True)
    before = written()
    prepare_an4(tmp_path / "data", corpus, True)
    assert written() == before
    assert not list(tmp_path.rglob("*.part"))


def recordings(*speakers):
    return {f"{s}-{n}": Recording(f"a/{s}/{n}", s, "YES") for s in speakers for n in range(3)}


def test_every_ninth_person_is_for_development():
    everybody = recordings("mdcs", "mdcs2", *(f"f{letter}{letter}x" for letter in "abcdefghijk"))
    train, dev = hold_out(everybody)
    assert train.keys() | dev.keys() == everybody.keys() and not train.keys() & dev.keys()
    assert {recording.speaker for recording in dev.values()} == {"faax", "fjjx"}
    _, dev = hold_out(recordings("ma", "ma2", "mb"))
    assert {recording.speaker for recording in dev.values()} == {"ma", "ma2"}


def test_one_speaker_is_too_few():
    with pytest.raises(UserError, match="one speaker, ma: two"):
        hold_out(recordings("ma", "ma2"))


def test_without_a_folder(tmp_path):
    with pytest.raises(UserError, match="Get AN4 from .*as --corpus_dir"):
        prepare_an4(tmp_path / "data")
    with pytest.raises(UserError, match="none/feat does not exist.*Get AN4 from .*--corpus_dir"):
        prepare_an4(tmp_path / "data", tmp_path / "none")


@pytest.mark.parametrize("features, there, said", [
    (True, "wav", "--feats_type raw takes wav/"),
    (False, "feat", "--feats_type extracted takes feat/"),
])  # fmt: skip
def test_the_other_kind_is_named(corpus, tmp_path, features, there, said):
    shutil.rmtree(corpus / ("feat" if there == "wav" else "wav"))
    with pytest.raises(UserError, match=said):
        prepare_an4(tmp_path / "data", corpus, features)


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_transcript_without_a_line_in_the_list(corpus, tmp_path):
    change(corpus / "etc/an4_train.fileids", "an4_clstk/fash/an253-fash-b\n", "")
    with pytest.raises(UserError, match=r"transcription are not in .*fileids: an253-fash-b"):
        prepare_an4(tmp_path / "data", corpus)


def test_recording_without_a_transcript(corpus, tmp_path):
    lines = (corpus / "etc/an4_test.transcription").read_text().splitlines()
    (corpus / "etc/an4_test.transcription").write_text(lines[0] + "\n")
    with pytest.raises(UserError, match=r"fileids are not in .*transcription: cen8-mmxg-b"):
        prepare_an4(tmp_path / "data", corpus)


@pytest.mark.parametrize("features", [False, True])
def test_transcript_without_speech(corpus, tmp_path, features):
    for path in corpus.rglob("an253-fash-b.*"):
        path.unlink()
    with pytest.raises(UserError, match=r"an253-fash-b\.(sph|mfc).* does not exist"):
        prepare_an4(tmp_path / "data", corpus, features)


@pytest.mark.parametrize("features", [False, True])
def test_speech_in_no_list_is_left_out_and_told(corpus, tmp_path, caplog, features):
    """The wheel has a recording that its lists do not have; in several formats it is one."""
    with caplog.at_level(logging.WARNING):
        prepare_an4(tmp_path / "data", corpus, features)
    (message,) = caplog.messages
    assert "1 recordings are in no list and are left out, such as an4" in message


def test_damaged_features_leave_no_archive(corpus, tmp_path):
    path = corpus / "feat/an4_clstk/fash/an253-fash-b.mfc"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match=r"an253-fash-b\.mfc is cut off"):
        prepare_an4(tmp_path / "data", corpus, True)
    assert not list((tmp_path / "data/dev").rglob("feats*"))


def test_list_without_speakers(corpus, tmp_path):
    change(corpus / "etc/an4_test.fileids", "an4test_clstk/fcaw/cen8-fcaw-b", "cen8-fcaw-b")
    with pytest.raises(UserError, match="expected FOLDER/SPEAKER/RECORDING, found 'cen8-fcaw-b'"):
        prepare_an4(tmp_path / "data", corpus)


def test_the_whole_corpus(real, tmp_path):
    prepare_an4(tmp_path, real, True)
    tables = {name: read_source(tmp_path / name, "feats.scp") for name in TEXT}
    assert {name: len(text) for name, (_, text, _) in tables.items()} == {
        "train_nodev": 836,
        "dev": 112,
        "test": 130,
    }
    speakers = [set(utt2spk.values()) for _, _, utt2spk in tables.values()]
    assert [len(group) for group in speakers] == [65, 9, 10]
    assert len(set.union(*speakers)) == 84, "nobody is in two sets"
    assert tables["test"][1]["fcaw-an406-fcaw-b"] == "RUBOUT G M E F THREE NINE"
    frames = [
        read_features(place, key)
        for speech, _, _ in tables.values()
        for key, place in speech.items()
    ]
    assert sum(map(len, frames)) == 289_252
    assert all(abs(matrix.mean(axis=0)).max() < 1e-4 for matrix in frames)
    # The logarithm of the energy varies most, as it does in every speech signal.
    assert np.argmax(np.concatenate(frames).std(axis=0)) == 0
