"""Stage 2 on tones and on real speech: ids and sounds as ESPnet's, broken and stopped work."""

import os
import time

import numpy as np
import pytest
import soundfile

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table, write_data_dir, write_table
from espnet_recursive.recipe.format_audio import format_data_dir
from espnet_recursive.recipe.perturb_speed import (
    id_prefixes,
    perturb_audio,
    write_perturbed_data_dir,
)

RATE = 16000
FACTORS = ["0.9", "1.0", "1.1"]


@pytest.fixture(scope="module")
def perturbed(an4, tmp_path_factory):
    """The folder of the training data at three speeds: data/ and audio/."""
    folder = tmp_path_factory.mktemp("perturbed")
    perturb_audio(an4["train"] / "wav.scp", FACTORS, folder / "audio")
    write_perturbed_data_dir(an4["train"], folder / "data", FACTORS, folder / "audio")
    return folder


@pytest.fixture
def tone(tmp_path):
    """A data directory with a second of 440 Hz under the id spk-utt."""
    samples = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    soundfile.write(tmp_path / "tone.wav", samples, RATE)
    return one_utterance(tmp_path / "data", tmp_path / "tone.wav")


def one_utterance(directory, value):
    write_data_dir(directory, {"spk-utt": value}, {"spk-utt": "A TONE"}, {"spk-utt": "spk"})
    return directory


def stamps(directory):
    return {path.name: path.stat().st_mtime_ns for path in directory.iterdir()}


def test_prefixes_are_as_written():
    assert id_prefixes(FACTORS) == {"sp0.9-": 0.9, "": 1.0, "sp1.1-": 1.1}
    assert id_prefixes(["1", "0.90"]) == {"": 1.0, "sp0.90-": 0.9}


@pytest.mark.parametrize("factor", ["0", "0.0", "-0.9", "fast", "1e1", "nan", "0,9", ""])
def test_bad_factor(factor):
    with pytest.raises(UserError, match=f"speed factor '{factor}': expected a positive number"):
        id_prefixes(["1.0", factor])


@pytest.mark.parametrize("factors", [["1.0", "1"], ["0.9", "1.0", "0.90"]])
def test_a_speed_twice(factors):
    with pytest.raises(UserError, match=r"comes twice"):
        id_prefixes(factors)


def test_ids_of_the_data_directory(an4, perturbed):
    source, data = an4["train"], perturbed / "data"
    speakers, texts = read_table(source / "utt2spk"), read_table(source / "text")
    expected = {
        prefix + utterance: (prefix + speaker, texts[utterance])
        for prefix in ("sp0.9-", "", "sp1.1-")
        for utterance, speaker in speakers.items()
    }
    assert len(expected) == 15
    utt2spk, text = read_table(data / "utt2spk"), read_table(data / "text")
    assert {utterance: (utt2spk[utterance], text[utterance]) for utterance in utt2spk} == expected
    spk2utt = read_table(data / "spk2utt")
    assert set(spk2utt) == {speaker for speaker, _ in expected.values()}
    for utterance, path in read_table(data / "wav.scp").items():
        assert utterance in spk2utt[utt2spk[utterance]].split()
        assert read_table(data / "utt2num_samples")[utterance] == str(soundfile.info(path).frames)


def test_own_speed_is_not_copied(an4, perturbed):
    wav_scp = read_table(perturbed / "data" / "wav.scp")
    for utterance, path in read_table(an4["train"] / "wav.scp").items():
        assert wav_scp[utterance] == path
    assert len(list((perturbed / "audio").iterdir())) == 10


@pytest.mark.parametrize("factor", ["0.9", "1.1"])
def test_equals_espnet_on_real_speech(an4, perturbed, factor):
    """ESPnet's own augmentation, that changes the speed while training, sounds the same."""
    from espnet2.layers.augmentation import speed_perturb
    from torch import from_numpy

    for utterance, source in read_table(an4["train"] / "wav.scp").items():
        path = perturbed / "audio" / f"sp{factor}-{utterance}.flac"
        info = soundfile.info(path)
        assert (info.format, info.subtype, info.samplerate) == ("FLAC", "PCM_16", RATE)
        ours = soundfile.read(path, dtype="float32")[0]
        original = soundfile.read(source, dtype="float32")[0]
        theirs = speed_perturb(from_numpy(original), RATE, float(factor)).numpy()
        assert abs(len(ours) - len(original) / float(factor)) <= 1
        assert abs(len(ours) - len(theirs)) <= 1
        # The two filters differ near the highest frequencies, where speech has little.
        difference = ours[: len(theirs)] - theirs[: len(ours)]
        assert np.square(difference).mean() < 1e-2 * np.square(theirs).mean()


@pytest.mark.parametrize(("factor", "hertz"), [("0.9", 396), ("1.1", 484), ("1.05", 462)])
def test_pitch_changes_with_the_speed(tone, tmp_path, factor, hertz):
    perturb_audio(tone / "wav.scp", [factor], tmp_path / "audio")
    samples, rate = soundfile.read(tmp_path / "audio" / f"sp{factor}-spk-utt.flac")
    assert rate == RATE
    assert abs(len(samples) - RATE / float(factor)) <= 1
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 10 * RATE))
    assert spectrum.argmax() / 10 == pytest.approx(hertz, abs=0.2)
    assert np.abs(samples[1000:-1000]).max() == pytest.approx(0.5, abs=0.01)


def test_loud_audio_is_clipped_not_turned_over(tmp_path):
    samples = np.where(np.arange(RATE) // 40 % 2, 32767, -32768).astype(np.int16)
    soundfile.write(tmp_path / "square.wav", samples, RATE)
    perturb_audio(
        one_utterance(tmp_path / "data", tmp_path / "square.wav") / "wav.scp", ["0.8"], tmp_path
    )
    written = soundfile.read(tmp_path / "sp0.8-spk-utt.flac", dtype="int16")[0]
    assert (written.max(), written.min()) == (32767, -32768)
    assert np.abs(np.diff(written[: len(written) // 2].astype(int)) > 40000).sum() <= 200


def test_rate_of_the_original_is_kept(tmp_path):
    soundfile.write(tmp_path / "low.wav", np.zeros(8000, np.int16), 8000)
    perturb_audio(
        one_utterance(tmp_path / "data", tmp_path / "low.wav") / "wav.scp", ["1.25"], tmp_path
    )
    info = soundfile.info(tmp_path / "sp1.25-spk-utt.flac")
    assert (info.samplerate, info.frames) == (8000, 6400)


def test_finished_work_is_not_done_again(an4, perturbed):
    before = stamps(perturbed / "audio")
    (perturbed / "audio" / "sp0.9-mwhw-cen8-mwhw-b.flac").unlink()
    perturb_audio(an4["train"] / "wav.scp", FACTORS, perturbed / "audio")
    after = stamps(perturbed / "audio")
    assert [name for name in before if before[name] != after[name]] == [
        "sp0.9-mwhw-cen8-mwhw-b.flac"
    ]


def test_jobs_side_by_side_equal_one(an4, perturbed, tmp_path):
    wav_scp = read_table(an4["train"] / "wav.scp")
    for number, (utterance, path) in enumerate(wav_scp.items()):
        write_table(tmp_path / f"keys.{number}.scp", {utterance: path})
        perturb_audio(tmp_path / f"keys.{number}.scp", FACTORS, tmp_path / "audio")
    for path in (perturbed / "audio").iterdir():
        assert (tmp_path / "audio" / path.name).read_bytes() == path.read_bytes()


def test_other_audio_of_the_same_id_is_perturbed_anew(tmp_path):
    """Of another file that is older, and of the same file with other content."""
    long_ago = time.time() - 1000
    for name, value in (("low.wav", 100), ("high.wav", 900)):
        soundfile.write(tmp_path / name, np.full(1600, value, dtype=np.int16), RATE)
        os.utime(tmp_path / name, (long_ago, long_ago))
        data = one_utterance(tmp_path / "data", tmp_path / name)
        perturb_audio(data / "wav.scp", ["0.9"], tmp_path / "audio")
        written = soundfile.read(tmp_path / "audio" / "sp0.9-spk-utt.flac", dtype="int16")[0]
        assert written[800] == pytest.approx(value, rel=0.05)
    soundfile.write(tmp_path / "high.wav", np.full(1600, 500, dtype=np.int16), RATE)
    perturb_audio(data / "wav.scp", ["0.9"], tmp_path / "audio")
    written = soundfile.read(tmp_path / "audio" / "sp0.9-spk-utt.flac", dtype="int16")[0]
    assert written[800] == pytest.approx(500, rel=0.05)


def test_commands(tone, tmp_path):
    """Their audio at its own speed is written too, and stage 3 takes it from there."""
    data = one_utterance(tmp_path / "piped", f"cat {tmp_path}/tone.wav |")
    for directory in (tone, data):
        perturb_audio(directory / "wav.scp", FACTORS, tmp_path / directory.name / "audio")
    write_perturbed_data_dir(data, tmp_path / "out", FACTORS, data / "audio")
    format_data_dir(tmp_path / "out", tmp_path / "formatted", RATE)
    paths = read_table(tmp_path / "formatted" / "wav.scp")
    assert paths["spk-utt"] == str(data / "audio" / "spk-utt.flac")
    for utterance, path in (
        ("spk-utt", tmp_path / "tone.wav"),
        ("sp0.9-spk-utt", tone / "audio" / "sp0.9-spk-utt.flac"),
    ):
        np.testing.assert_array_equal(soundfile.read(paths[utterance])[0], soundfile.read(path)[0])


def test_flac_command_is_read_directly(tone, tmp_path, monkeypatch):
    samples, _ = soundfile.read(tmp_path / "tone.wav")
    soundfile.write(tmp_path / "tone.flac", samples, RATE)
    data = one_utterance(tmp_path / "piped", f"flac -c -d -s {tmp_path}/tone.flac |")
    monkeypatch.setenv("PATH", "")
    perturb_audio(data / "wav.scp", FACTORS, tmp_path / "audio")
    write_perturbed_data_dir(data, tmp_path / "out", FACTORS, tmp_path / "audio")
    assert read_table(tmp_path / "out" / "wav.scp")["spk-utt"] == f"{tmp_path}/tone.flac"
    assert [path.name for path in sorted((tmp_path / "audio").iterdir())] == [
        "sp0.9-spk-utt.flac",
        "sp1.1-spk-utt.flac",
    ]


@pytest.mark.parametrize("name", ["tone.flac", "tone.wav", "none.flac"])
def test_broken_audio(tone, tmp_path, name):
    soundfile.write(tmp_path / "tone.flac", soundfile.read(tmp_path / "tone.wav")[0], RATE)
    if (path := tmp_path / name).exists():
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    data = one_utterance(tmp_path / "bad", path)
    with pytest.raises(UserError, match=rf"{name} \(utterance spk-utt\) cannot be read"):
        perturb_audio(data / "wav.scp", FACTORS, tmp_path / "audio")
    assert not (tmp_path / "audio").exists()


def test_audio_that_was_not_written(an4, perturbed, tmp_path):
    audio = tmp_path / "audio"
    audio.mkdir()
    for path in (perturbed / "audio").iterdir():
        if path.name != "sp1.1-mwhw-cen8-mwhw-b.flac":
            (audio / path.name).symlink_to(path)
    with pytest.raises(UserError, match=r"sp1\.1-mwhw-cen8-mwhw-b\.flac .*stage 2"):
        write_perturbed_data_dir(an4["train"], tmp_path / "out", FACTORS, audio)
    assert not (tmp_path / "out").exists()


def test_perturbed_data_are_not_perturbed_again(perturbed, tmp_path):
    perturb_audio(perturbed / "data" / "wav.scp", FACTORS, tmp_path / "audio")
    with pytest.raises(UserError, match=r"some ids begin with one of sp0\.9-, sp1\.1- already"):
        write_perturbed_data_dir(perturbed / "data", tmp_path / "out", FACTORS, tmp_path / "audio")


def test_missing_transcript(tone, tmp_path):
    (tone / "text").write_text("")
    with pytest.raises(UserError, match=r"1 utterances of .*wav\.scp are not in .*text: spk-utt"):
        write_perturbed_data_dir(tone, tmp_path / "out", FACTORS, tmp_path / "audio")


def test_an_id_never_names_a_file_elsewhere(tmp_path):
    own = tmp_path / "mine.flac"
    soundfile.write(own, np.zeros(1600, np.int16), RATE)
    before = own.read_bytes()
    utterance = str(own.with_suffix(""))
    write_data_dir(
        tmp_path / "data", {utterance: f"cat {own} |"}, {utterance: "X"}, {utterance: "s"}
    )
    with pytest.raises(UserError, match="an id that is an absolute path"):
        perturb_audio(tmp_path / "data" / "wav.scp", FACTORS, tmp_path / "audio")
    assert own.read_bytes() == before


def test_copies_of_an_id_with_slashes(tmp_path):
    soundfile.write(tmp_path / "mine.flac", np.zeros(1800, np.int16), RATE)
    data = tmp_path / "data"
    write_data_dir(data, {"a/b": tmp_path / "mine.flac"}, {"a/b": "X"}, {"a/b": "s"})
    perturb_audio(data / "wav.scp", ["0.9", "1.0"], tmp_path / "audio")
    write_perturbed_data_dir(data, tmp_path / "data_sp", ["0.9", "1.0"], tmp_path / "audio")
    (copy,) = (tmp_path / "audio").iterdir()
    assert read_table(tmp_path / "data_sp" / "wav.scp")["sp0.9-a/b"] == str(copy)
    with pytest.raises(UserError, match="data is read and would be overwritten"):
        write_perturbed_data_dir(data, data, ["0.9"], tmp_path / "audio")
