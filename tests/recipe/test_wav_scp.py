"""Audio files and commands of a wav.scp, on real files and by the real shell."""

import shutil

import numpy as np
import pytest
import soundfile

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.wav_scp import audio_file, check_whole, read_audio
from tests.files.audio_kinds import good_kinds

RATE = 16000


@pytest.fixture
def noise(tmp_path):
    """Half a second of noise: its samples and its folder, with noise.flac and noise.wav."""
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, RATE // 2).astype(np.int16)
    for name in ("noise.flac", "noise.wav"):
        soundfile.write(tmp_path / name, samples, RATE)
    return samples, tmp_path


@pytest.mark.parametrize(
    "value",
    [
        "/a/x.flac",
        "flac -c -d -s /a/x.flac |",
        "flac -d -c -s /a/x.flac|",
        "flac -s /a/x.flac -cd |",
        "flac -cds '/a/x.flac' |",
        "flac --decode --stdout --silent /a/x.flac |",
        "flac -dc --totally-silent  /a/x.flac  |",
    ],
)
def test_file_is_read_directly(value):
    assert audio_file(value, "utt") == "/a/x.flac"


@pytest.mark.parametrize(
    "value",
    [
        "flac -c -d -s /a/x.flac | sox -t wav - -r 8k -t wav - |",
        "flac -c -s /a/x.flac |",  # encodes
        "flac -c -d --skip=100 /a/x.flac |",
        "flac -c -d -s /a/x.flac /a/y.flac |",
        "flac -c -d -s $CORPUS/x.flac |",
        "flac -c -d -s 'unfinished |",
        "cat /a/x.flac |",
        "|",
    ],
)
def test_other_commands_are_for_the_shell(value):
    assert audio_file(value, "utt") is None


@pytest.mark.parametrize(
    "value", ["dump/raw.1.ark:15", "/a b/wav.ark:0", "x.ark.gz:7", "x.ark:7[0:9]"]
)
def test_places_in_archives_are_refused(value):
    with pytest.raises(UserError, match=r"wav\.scp, utt: .* lies in a Kaldi archive"):
        audio_file(value, "utt")


def test_flac_without_the_program(noise, monkeypatch):
    """The command that LibriSpeech's directories hold needs no flac here."""
    samples, folder = noise
    monkeypatch.setenv("PATH", "")
    read, rate = read_audio(f"flac -c -d -s {folder}/noise.flac |", "utt")
    assert rate == RATE
    np.testing.assert_array_equal(read * 2**15, samples)


@pytest.mark.parametrize(
    "command", ["cat {0}/noise.wav", "cat < {0}/noise.flac", "cat {0}/*.wav | cat"]
)
def test_command_is_run(noise, command):
    samples, folder = noise
    read, rate = read_audio(command.format(folder) + " |", "utt")
    assert (rate, read.dtype) == (RATE, np.float32)
    np.testing.assert_array_equal(read * 2**15, samples)


def test_wav_of_unknown_length(noise):
    """What a program writes into a pipe before it knows how much will follow."""
    samples, folder = noise
    content = bytearray((folder / "noise.wav").read_bytes())
    at = content.index(b"data")
    content[4:8] = content[at + 4 : at + 8] = b"\xff\xff\xff\x7f"
    (folder / "stream").write_bytes(content)
    read, _ = read_audio(f"cat {folder}/stream |", "utt")
    np.testing.assert_array_equal(read * 2**15, samples)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("cat no/such.wav", r"status 1\): cat: .*no/such\.wav"),
        ("no_such_program x.sph", r"status 127\): .*no_such_program"),
        ("cat no/such.wav | cat", r"status 1\): cat: .*no/such\.wav"),
        ("echo no audio", "wrote no audio"),
        ("true", "wrote no audio"),
    ],
)
def test_failing_command(command, message):
    with pytest.raises(UserError, match=rf"wav\.scp, utt: the command .*{message}") as error:
        read_audio(f"{command} |", "utt")
    assert f"`{command} |`" in str(error.value)


def test_command_without_samples(tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.int16), RATE)
    with pytest.raises(UserError, match="utt: the command .* wrote no samples"):
        read_audio(f"cat {tmp_path}/empty.wav |", "utt")


@pytest.mark.parametrize("form", ["{}", "cat {} |"])
def test_several_channels(tmp_path, form):
    soundfile.write(tmp_path / "stereo.wav", np.zeros((100, 2), np.int16), RATE)
    with pytest.raises(UserError, match=r"stereo\.wav.* \(utterance utt\) has 2 channels"):
        read_audio(form.format(tmp_path / "stereo.wav"), "utt")


def test_a_file_that_was_cut_off(noise):
    _, folder = noise
    for name in ("noise.flac", "noise.wav"):
        check_whole(str(folder / name), "utt")
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) * 2 // 3])
        for read in (check_whole, read_audio):
            with pytest.raises(UserError, match=rf"{name} \(utterance utt\) cannot be read"):
                read(str(folder / name), "utt")


def test_a_long_file_is_not_decoded_to_check_it(tmp_path, monkeypatch):
    """Ten minutes of noise; less than a thousandth of its samples is read."""
    samples = np.random.default_rng(0).integers(-999, 999, 600 * RATE).astype(np.int16)
    soundfile.write(tmp_path / "long.flac", samples, RATE)
    frames = []
    original = soundfile.SoundFile.read
    monkeypatch.setattr(
        soundfile.SoundFile,
        "read",
        lambda self, n=-1, *a: frames.append(n) or original(self, n, *a),
    )
    check_whole(str(tmp_path / "long.flac"), "utt")
    assert frames == [1]


@pytest.mark.skipif(not shutil.which("flac"), reason="needs the flac program")
def test_read_directly_equals_the_program(noise):
    samples, folder = noise
    read, _ = read_audio(f"flac -c -d -s $(echo {folder}/noise.flac) |", "utt")
    np.testing.assert_array_equal(read * 2**15, samples)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in good_kinds() if kind.name.endswith((".wav", ".flac"))],
    ids=lambda kind: kind.name,
)
def test_what_programs_write_into_pipes(kind, tmp_path):
    (tmp_path / "audio").write_bytes(kind.content)
    kind.check(*read_audio(f"cat {tmp_path}/audio |", "utt"))


def test_the_home_folder(noise, monkeypatch):
    samples, folder = noise
    monkeypatch.setenv("HOME", str(folder))
    assert audio_file("~/noise.wav", "utt") == f"{folder}/noise.wav"
    for value in ("~/noise.wav", "cat ~/noise.wav |"):
        np.testing.assert_array_equal(read_audio(value, "utt")[0] * 2**15, samples)
    with pytest.raises(UserError, match=r"wav\.scp, utt: ~nobody_here/a\.wav is in a home folder"):
        audio_file("~nobody_here/a.wav", "utt")
    assert audio_file("./~x/a.wav", "utt") == "./~x/a.wav"


def test_relative_paths_start_in_the_folder_of_the_recipe(noise, monkeypatch):
    samples, folder = noise
    monkeypatch.chdir(folder)
    for value in ("noise.wav", "cat noise.wav |"):
        np.testing.assert_array_equal(read_audio(value, "utt")[0] * 2**15, samples)
    with pytest.raises(UserError, match=rf"no such file, and relative paths start in {folder}\. "):
        read_audio("nowhere.wav", "utt")


@pytest.mark.parametrize("channel", ["1", "2", "mean"])
def test_chosen_channel(tmp_path, channel):
    samples = np.array([[1000, -200]] * 100, np.int16)
    soundfile.write(tmp_path / "stereo.wav", samples, RATE)
    expected = {"1": 1000, "2": -200, "mean": 400}[channel]
    for value in (f"{tmp_path}/stereo.wav", f"cat {tmp_path}/stereo.wav |"):
        read, _ = read_audio(value, "utt", channel)
        np.testing.assert_array_equal(read * 2**15, expected)
