"""Stage 3 on real speech: NIST files, other rates, broken files, stopped conversions."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table, write_data_dir
from espnet_recursive.recipe.format_audio import format_data_dir

RATE = 16000


@pytest.fixture(scope="module")
def formatted(an4, tmp_path_factory):
    """The training data as 16 kHz FLAC."""
    target = tmp_path_factory.mktemp("formatted") / "train"
    format_data_dir(an4["train"], target, RATE)
    return target


@pytest.fixture
def one_file(tmp_path):
    """Return a function that makes a data directory of one file under the id spk-utt."""

    def make(path):
        write_data_dir(tmp_path / "one", {"spk-utt": path}, {"spk-utt": "X"}, {"spk-utt": "spk"})
        return tmp_path / "one"

    return make


def samples_of(wav_scp):
    return {
        utterance: soundfile.read(path, dtype="int16")[0]
        for utterance, path in read_table(wav_scp).items()
    }


def refuse(source, tmp_path, match, **options):
    with pytest.raises(UserError, match=match):
        format_data_dir(source, tmp_path / "out", RATE, **options)
    assert not (tmp_path / "out" / "wav.scp").exists()


def test_nist_to_flac_is_bit_exact(an4, formatted):
    sources = samples_of(an4["train"] / "wav.scp")
    written = samples_of(formatted / "wav.scp")
    assert len(sources) == 5
    for utterance, samples in sources.items():
        np.testing.assert_array_equal(written[utterance], samples)


def test_files_of_the_data_directory(an4, formatted):
    for name in ("text", "utt2spk", "spk2utt"):
        assert (formatted / name).read_text() == (an4["train"] / name).read_text()
    assert (formatted / "audio_format").read_text() == "flac\n"
    assert (formatted / "feats_type").read_text() == "raw\n"
    lengths = {u: str(len(s)) for u, s in samples_of(an4["train"] / "wav.scp").items()}
    assert read_table(formatted / "utt2num_samples") == lengths
    for path in read_table(formatted / "wav.scp").values():
        info = soundfile.info(path)
        assert (info.format, info.subtype, info.samplerate) == ("FLAC", "PCM_16", RATE)


def test_all_amplitudes_survive(one_file, tmp_path):
    """Also the loudest: formats differ in what they take as full scale."""
    samples = np.arange(-(2**15), 2**15, dtype=np.int16)
    soundfile.write(tmp_path / "ramp.wav", samples, RATE)
    format_data_dir(one_file(tmp_path / "ramp.wav"), tmp_path / "out", RATE)
    np.testing.assert_array_equal(samples_of(tmp_path / "out" / "wav.scp")["spk-utt"], samples)


def test_resampling(an4, formatted, tmp_path):
    format_data_dir(an4["train"], tmp_path, 8000, "wav")
    for utterance, samples in samples_of(tmp_path / "wav.scp").items():
        path = read_table(tmp_path / "wav.scp")[utterance]
        info = soundfile.info(path)
        assert (info.format, info.samplerate) == ("WAV", 8000)
        original = soundfile.read(read_table(an4["train"] / "wav.scp")[utterance])[0]
        assert abs(len(samples) - len(original) / 2) <= 1
        assert read_table(tmp_path / "utt2num_samples")[utterance] == str(len(samples))
        # Where the sound is, not only how long it is: the energy of each tenth of a second.
        energies = [
            np.square(x[: len(x) // n * n].reshape(-1, n)).mean(1)
            for x, n in ((original, 1600), (samples / 2**15, 800))
        ]
        assert np.corrcoef(*energies)[0, 1] > 0.9


@pytest.mark.parametrize(("hertz", "kept"), [(1000, 1.0), (6000, 0.0)])
def test_resampling_has_a_filter(one_file, tmp_path, hertz, kept):
    """What half the new rate cannot carry goes; it must not come back as another tone."""
    tone = 0.5 * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)
    soundfile.write(tmp_path / "tone.wav", tone, RATE)
    format_data_dir(one_file(tmp_path / "tone.wav"), tmp_path / "out", 8000)
    samples = samples_of(tmp_path / "out" / "wav.scp")["spk-utt"][800:-800] / 2**15
    assert np.square(samples).mean() / 0.125 == pytest.approx(kept, abs=1e-3)


def test_files_in_the_right_format_stay_where_they_are(formatted, tmp_path):
    format_data_dir(formatted, tmp_path / "again", RATE)
    assert (tmp_path / "again" / "wav.scp").read_text() == (formatted / "wav.scp").read_text()
    assert not (tmp_path / "again" / "data").exists()
    lengths = (formatted / "utt2num_samples").read_text()
    assert (tmp_path / "again" / "utt2num_samples").read_text() == lengths


def test_right_rate_but_other_format_is_converted(formatted, tmp_path):
    format_data_dir(formatted, tmp_path / "wav", RATE, "wav")
    for utterance, samples in samples_of(formatted / "wav.scp").items():
        path = read_table(tmp_path / "wav" / "wav.scp")[utterance]
        assert path == str(tmp_path / "wav" / "data" / f"{utterance}.wav")
        np.testing.assert_array_equal(soundfile.read(path, dtype="int16")[0], samples)


def test_stopped_conversion_goes_on(an4, tmp_path):
    format_data_dir(an4["train"], tmp_path, RATE)
    first, *others = sorted((tmp_path / "data").iterdir())
    before = {path: path.stat().st_mtime_ns for path in others}
    content = first.read_bytes()
    first.unlink()
    format_data_dir(an4["train"], tmp_path, RATE)
    assert first.read_bytes() == content
    assert {path: path.stat().st_mtime_ns for path in others} == before


def test_another_rate_is_converted_anew(an4, tmp_path):
    for rate in (8000, RATE):
        format_data_dir(an4["dev"], tmp_path, rate)
    ours, theirs = (samples_of(path / "wav.scp") for path in (tmp_path, an4["dev"]))
    for utterance, samples in theirs.items():
        np.testing.assert_array_equal(ours[utterance], samples)


def test_several_processes_equal_one(an4, formatted, tmp_path):
    format_data_dir(an4["train"], tmp_path, RATE, nj=2)
    for name in ("text", "utt2spk", "spk2utt", "utt2num_samples"):
        assert (tmp_path / name).read_text() == (formatted / name).read_text()
    for path in (formatted / "data").iterdir():
        assert (tmp_path / "data" / path.name).read_bytes() == path.read_bytes()


def test_error_in_another_process(an4, tmp_path):
    wav_scp = read_table(an4["train"] / "wav.scp") | {"mwhw-cen8-mwhw-b": "nowhere.wav"}
    text, utt2spk = (read_table(an4["train"] / name) for name in ("text", "utt2spk"))
    write_data_dir(tmp_path / "bad", wav_scp, text, utt2spk)
    refuse(tmp_path / "bad", tmp_path, r"nowhere\.wav \(utterance mwhw-cen8-mwhw-b\)", nj=2)


def cut_off(path, target):
    content = path.read_bytes()
    target.write_bytes(content[: len(content) * 2 // 3])


def test_truncated_flac(formatted, one_file, tmp_path):
    cut_off(formatted / "data" / "mwhw-cen8-mwhw-b.flac", tmp_path / "cut.flac")
    refuse(one_file(tmp_path / "cut.flac"), tmp_path, r"cut\.flac \(utterance spk-utt\)")


def test_truncated_nist(an4, one_file, tmp_path):
    source = read_table(an4["train"] / "wav.scp")["mwhw-cen8-mwhw-b"]
    cut_off(Path(source), tmp_path / "cut.sph")
    refuse(one_file(tmp_path / "cut.sph"), tmp_path, r"cut\.sph \(utterance spk-utt\)")


def test_truncated_wav(one_file, tmp_path):
    soundfile.write(tmp_path / "whole.wav", np.zeros(RATE, np.int16), RATE)
    cut_off(tmp_path / "whole.wav", tmp_path / "cut.wav")
    refuse(one_file(tmp_path / "cut.wav"), tmp_path, r"cut\.wav \(utterance spk-utt\)")


def test_zero_length(one_file, tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.int16), RATE)
    refuse(one_file(tmp_path / "empty.wav"), tmp_path, r"empty\.wav \(utterance spk-utt\).*samples")
    (tmp_path / "nothing.flac").touch()
    refuse(one_file(tmp_path / "nothing.flac"), tmp_path, r"nothing\.flac \(utterance spk-utt\)")


def test_missing_file(one_file, tmp_path):
    refuse(one_file("no/such.flac"), tmp_path, r"^no/such\.flac \(utterance spk-utt\)")


def test_text_instead_of_audio(one_file, tmp_path):
    (tmp_path / "readme.wav").write_text("This is not audio.\n" * 100)
    refuse(one_file(tmp_path / "readme.wav"), tmp_path, r"readme\.wav \(utterance spk-utt\)")


def test_commands(an4, formatted, one_file, tmp_path):
    """What they write is converted, once; the file that flac would decode is used itself."""
    utterance, path = next(iter(read_table(an4["train"] / "wav.scp").items()))
    source = one_file(f"touch {tmp_path}/ran; cat {path} |")
    format_data_dir(source, tmp_path / "out", RATE)
    expected = samples_of(formatted / "wav.scp")[utterance]
    np.testing.assert_array_equal(samples_of(tmp_path / "out" / "wav.scp")["spk-utt"], expected)
    (tmp_path / "ran").unlink()
    format_data_dir(source, tmp_path / "out", RATE)
    assert not (tmp_path / "ran").exists()

    flac = read_table(formatted / "wav.scp")[utterance]
    format_data_dir(one_file(f"flac -c -d -s {flac} |"), tmp_path / "out", RATE)
    assert read_table(tmp_path / "out" / "wav.scp") == {"spk-utt": flac}


def test_failing_command(one_file, tmp_path):
    refuse(one_file("cat no/such.wav |"), tmp_path, r"spk-utt: the command `cat no/such\.wav \|`")


def test_archive(one_file, tmp_path):
    refuse(one_file("dump/raw.1.ark:42"), tmp_path, r"raw\.1\.ark:42 lies in a Kaldi archive")


def test_segments(an4, tmp_path):
    shutil.copytree(an4["dev"], tmp_path / "data")
    (tmp_path / "data" / "segments").write_text("utt rec 0.0 1.0\n")
    refuse(tmp_path / "data", tmp_path, "data/segments")


def test_utterance_without_text(an4, tmp_path):
    shutil.copytree(an4["train"], tmp_path / "data")
    lines = (an4["train"] / "text").read_text().splitlines(keepends=True)
    (tmp_path / "data" / "text").write_text("".join(lines[1:]))
    refuse(tmp_path / "data", tmp_path, "1 utterances .*fash-an251-fash-b")


def test_other_audio_of_the_same_id_is_converted_anew(one_file, tmp_path):
    """Of another file, and of the same file with other content."""
    for name, value in (("low.wav", 100), ("high.wav", 900)):
        soundfile.write(tmp_path / name, np.full(1600, value, dtype=np.int16), RATE)
        format_data_dir(one_file(tmp_path / name), tmp_path / "out", RATE)
        assert samples_of(tmp_path / "out" / "wav.scp")["spk-utt"].max() == value
    soundfile.write(tmp_path / "high.wav", np.full(1600, 500, dtype=np.int16), RATE)
    format_data_dir(one_file(tmp_path / "high.wav"), tmp_path / "out", RATE)
    assert samples_of(tmp_path / "out" / "wav.scp")["spk-utt"].max() == 500


def test_a_missing_transcript_is_found_before_audio_is_converted(an4, tmp_path):
    source = shutil.copytree(an4["train"], tmp_path / "source")
    lines = (source / "text").read_text().splitlines(keepends=True)
    (source / "text").write_text("".join(lines[1:]))
    with pytest.raises(UserError, match=r"1 utterances of .*wav\.scp are not in .*text"):
        format_data_dir(source, tmp_path / "out", RATE)
    assert not (tmp_path / "out").exists()


def recording(path, utterance, directory):
    """A data directory of one recording of 8 kHz, under that id."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.arange(-800, 800, dtype=np.int16), 8000)
    write_data_dir(directory, {utterance: path}, {utterance: "X"}, {utterance: "spk"})
    return directory


@pytest.mark.parametrize("kind", ["absolute", "up", "down and up"])
def test_an_id_never_names_a_file_elsewhere(tmp_path, kind):
    """Such an id once had the recording replaced by its copy."""
    own = tmp_path / "mine" / "speech.wav"
    utterance = {
        "absolute": str(own.with_suffix("")),
        "up": "../../../mine/speech",
        "down and up": "a/../../../../mine/speech",
    }[kind]
    source = recording(own, utterance, tmp_path / "data")
    before = own.read_bytes()
    with pytest.raises(
        UserError, match="wav.scp, .*speech: an id that is .* Name the utterance anew"
    ):
        format_data_dir(source, tmp_path / "dump" / "raw" / "set", RATE, "wav")
    assert own.read_bytes() == before
    assert not (tmp_path / "dump").exists()


def test_an_id_with_slashes_is_one_file(tmp_path):
    utterance = "id10001/J9lHsKG98U8/00001"
    source = recording(tmp_path / "mine.wav", utterance, tmp_path / "data")
    format_data_dir(source, tmp_path / "out", RATE)
    (path,) = (tmp_path / "out" / "data").iterdir()
    assert read_table(tmp_path / "out" / "wav.scp") == {utterance: str(path)}
    assert len(soundfile.read(path)[0]) == 3200


def test_recordings_are_not_overwritten_by_their_copies(tmp_path):
    own = tmp_path / "out" / "data" / "spk-utt.wav"
    source = recording(own, "spk-utt", tmp_path / "data")
    before = own.read_bytes()
    refuse(
        source,
        tmp_path,
        r"spk-utt\.wav \(utterance spk-utt\) would be overwritten",
        audio_format="wav",
    )
    assert own.read_bytes() == before


def test_a_data_directory_is_not_overwritten_by_its_copy(one_file, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(1600, np.int16), RATE)
    source = one_file(tmp_path / "a.wav")
    with pytest.raises(UserError, match="one is read and would be overwritten"):
        format_data_dir(source, tmp_path / "x" / ".." / "one", RATE)
    assert not (source / "data").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rate", [8000, RATE])
def test_samples_that_are_no_numbers(one_file, tmp_path, value, rate):
    """Whether the file is converted or used in place."""
    samples = np.zeros(3000, np.float32)
    samples[1234:1236] = value
    soundfile.write(tmp_path / "nan.wav", samples, rate, "FLOAT")
    message = r"nan\.wav \(utterance spk-utt\): 2 samples are no finite .* is number 1234\."
    for audio_format in ("wav", "flac"):
        refuse(one_file(tmp_path / "nan.wav"), tmp_path, message, audio_format=audio_format)


def test_floating_point_in_place(one_file, tmp_path):
    soundfile.write(tmp_path / "float.wav", np.zeros(3000, np.float32), RATE, "FLOAT")
    format_data_dir(one_file(tmp_path / "float.wav"), tmp_path / "out", RATE, "wav")
    assert read_table(tmp_path / "out" / "wav.scp") == {"spk-utt": str(tmp_path / "float.wav")}


@pytest.mark.parametrize("audio_format", ["flac", "wav"])
def test_channels(one_file, tmp_path, audio_format):
    """The chosen one is written, another anew; a file of one channel is used as it is."""
    samples = np.array([[900, -300]] * 1600, np.int16)
    soundfile.write(tmp_path / f"stereo.{audio_format}", samples, RATE)
    source = one_file(tmp_path / f"stereo.{audio_format}")
    refuse(source, tmp_path, "has 2 channels: .* --channel mean", audio_format=audio_format)
    for channel, value in (("1", 900), ("2", -300), ("mean", 300)):
        format_data_dir(source, tmp_path / "out", RATE, audio_format, channel=channel)
        assert set(samples_of(tmp_path / "out" / "wav.scp")["spk-utt"]) == {value}
    soundfile.write(tmp_path / f"mono.{audio_format}", samples[:, 0], RATE)
    format_data_dir(one_file(tmp_path / f"mono.{audio_format}"), tmp_path / "mono", RATE,
                    audio_format, channel="mean")  # fmt: skip
    assert read_table(tmp_path / "mono" / "wav.scp")["spk-utt"].endswith(f"mono.{audio_format}")
