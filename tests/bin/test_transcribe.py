"""The command that prints what is said in files."""

import io
import json
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_recursive.bin.transcribe import main
from espnet_recursive.model.model_input import read_speech
from espnet_recursive.transcription.formats import ENDINGS
from tests.files.audio_kinds import compressed
from tests.publish.conftest import packed, private_home, recipe  # noqa: F401
from tests.publish.experiments import FAST


@pytest.fixture
def transcribe(packed, recipe, tmp_path, capsys):  # noqa: F811
    """Run the command with the pack and a fast search; return what it printed."""
    config = tmp_path / "decode.yaml"
    config.write_text(json.dumps(FAST))

    def run(*arguments):
        main([*map(str, arguments), "--model", str(packed), "--config", str(config)])
        return capsys.readouterr().out.splitlines()

    return run


def test_one_file_is_its_text(transcribe, recipe):  # noqa: F811
    (line,) = transcribe(recipe.audio[0])
    assert line and "\t" not in line


def test_several_files_are_named(transcribe, recipe):  # noqa: F811
    files = [recipe.audio[1], recipe.audio[0]]
    lines = transcribe(*files)
    assert [line.split("\t")[0] for line in lines] == list(map(str, files))
    assert lines[1].split("\t")[1] == transcribe(recipe.audio[0])[0]


def test_json_says_more(transcribe, recipe):  # noqa: F811
    (line,) = transcribe(recipe.audio[0], "--format", "json")
    value = json.loads(line)
    assert list(value) == [
        *("file", "text", "tokens", "score", "seconds", "rtf", "loops", "segments"),
    ]
    assert value["loops"] == 3
    assert value["text"] == transcribe(recipe.audio[0])[0]
    assert value["seconds"] == 1.0 and value["score"] < 0 < value["rtf"]


def test_a_depth(transcribe, recipe):  # noqa: F811
    (line,) = transcribe(recipe.audio[0], "--format", "json", "--num_loops", 1)
    assert json.loads(line)["loops"] == 1
    at_once = ("--loop_exit", "latent", "--loop_exit_threshold", "inf", "--loop_exit_min", 2)
    (line,) = transcribe(recipe.audio[0], "--format", "json", *at_once)
    assert json.loads(line)["loops"] == 2


def test_a_precision(transcribe, recipe):  # noqa: F811
    prepared = transcribe(recipe.audio[0], "--encoder_precision", "float32")
    assert prepared == transcribe(recipe.audio[0])


def test_a_depth_that_cannot_be(transcribe, recipe):  # noqa: F811
    with pytest.raises(SystemExit, match="Error: loop_exit=latent needs loop_exit_threshold"):
        transcribe(recipe.audio[0], "--loop_exit", "latent")


def test_batches_into_a_file(transcribe, recipe, tmp_path):  # noqa: F811
    output = tmp_path / "text"
    assert transcribe(*recipe.audio[:4], "--batch_size", 2, "--output", output) == []
    assert sorted(output.read_text().splitlines()) == sorted(transcribe(*recipe.audio[:4]))


def test_a_bad_file_is_named_and_the_others_are_done(transcribe, recipe, tmp_path, capsys):  # noqa: F811
    (tmp_path / "bad.wav").write_text("no audio")
    soundfile.write(tmp_path / "short.wav", np.zeros(100), 16000)
    bad = [tmp_path / "bad.wav", tmp_path / "short.wav", tmp_path / "none.wav"]
    with pytest.raises(SystemExit) as raised:
        transcribe(bad[0], recipe.audio[0], *bad[1:], recipe.audio[1])
    assert str(raised.value) == "Error: 3 of 5 files could not be transcribed"
    captured = capsys.readouterr()
    assert [line.split("\t")[0] for line in captured.out.splitlines()] == [
        str(recipe.audio[0]),
        str(recipe.audio[1]),
    ]
    for path in bad:
        assert str(path) in captured.err


def test_what_the_search_refuses(recipe, packed, tmp_path):  # noqa: F811
    (tmp_path / "decode.yaml").write_text("beam_size: five\n")
    config = ["--config", str(tmp_path / "decode.yaml")]
    with pytest.raises(SystemExit, match="decoding refuses .*decode.yaml: .*beam_size"):
        main([str(recipe.audio[0]), "--model", str(packed), *config])


def test_a_batch_of_none():
    with pytest.raises(SystemExit, match="--batch_size 0: at least 1"):
        main(["a.wav", "--model", "x.zip", "--batch_size", "0"])


def test_a_gpu_that_is_not_there(packed, monkeypatch):  # noqa: F811
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit, match="--device cuda: PyTorch can use no GPU"):
        main(["a.wav", "--model", str(packed), "--device", "cuda"])


def test_a_model_that_is_not_there():
    with pytest.raises(SystemExit, match="Error: none.zip does not exist"):
        main(["a.wav", "--model", "none.zip"])


def test_an_output_in_a_folder_that_is_not_there(transcribe, recipe, tmp_path):  # noqa: F811
    with pytest.raises(SystemExit, match="--output .*no/text: its folder is not there. Make it"):
        transcribe(recipe.audio[0], "--output", tmp_path / "no" / "text")


def test_names_that_are_not_utf_8(transcribe, recipe, tmp_path):  # noqa: F811
    """The others are done, and JSON stays JSON."""
    name = os.fsencode(tmp_path) + b"/\xff\xe4.wav"
    Path(os.fsdecode(name)).write_bytes(Path(recipe.audio[0]).read_bytes())
    output = tmp_path / "output"
    for form in ("text", "json"):
        transcribe(os.fsdecode(name), recipe.audio[1], "--format", form, "--output", output)
        first, second = output.read_bytes().splitlines()
        if form == "text":
            assert first.split(b"\t")[0] == name
        else:
            assert os.fsencode(json.loads(first)["file"]) == name
        assert str(recipe.audio[1]).encode() in second


def test_samples_that_are_no_numbers(transcribe, recipe, tmp_path, capsys):  # noqa: F811
    soundfile.write(tmp_path / "nan.wav", np.full(16000, np.nan), 16000, "FLOAT")
    with pytest.raises(SystemExit, match="1 of 2 files could not be transcribed"):
        transcribe(tmp_path / "nan.wav", recipe.audio[0], "--format", "json")
    printed, errors = capsys.readouterr()
    (line,) = printed.splitlines()
    assert json.loads(line)["file"] == str(recipe.audio[0])
    assert "nan.wav: 16000 samples are no finite numbers" in errors


def test_each_form_into_a_folder(transcribe, recipe, tmp_path):  # noqa: F811
    """They are what is printed for one file."""
    for form, ending in ENDINGS.items():
        output = f"{tmp_path}/{form}/"
        assert transcribe(*recipe.audio[:2], "--format", form, "--output", output) == []
        written = sorted(Path(output).iterdir())
        assert [path.name for path in written] == [
            path.with_suffix(f".{ending}").name for path in sorted(recipe.audio[:2])
        ]
        if form != "json":  # which has times
            printed = transcribe(recipe.audio[0], "--format", form)
            assert (Path(output) / f"{recipe.audio[0].stem}.{ending}").read_text() == "".join(
                f"{line}\n" for line in printed
            )


def test_what_is_there_is_left_out(transcribe, recipe, tmp_path):  # noqa: F811
    output = ("--output", f"{tmp_path}/out/", "--skip_existing")
    transcribe(recipe.audio[0], *output)
    (first,) = (tmp_path / "out").iterdir()
    first.write_text("mine")
    transcribe(*recipe.audio[:2], *output)
    assert first.read_text() == "mine" and len(list((tmp_path / "out").iterdir())) == 2
    assert transcribe(*recipe.audio[:2], *output) == []
    with pytest.raises(SystemExit, match="--skip_existing needs an --output that is a folder"):
        transcribe(recipe.audio[0], "--skip_existing")


def test_outputs_that_cannot_be(transcribe, recipe, tmp_path):  # noqa: F811
    with pytest.raises(SystemExit, match="--format srt: a file of this form holds one recording"):
        transcribe(*recipe.audio[:2], "--format", "srt")
    copies = [tmp_path / "a" / "x.wav", tmp_path / "b" / "x.flac"]
    with pytest.raises(SystemExit, match=r"x.wav and .*x.flac would both be written to .*x.txt"):
        transcribe(*copies, "--output", f"{tmp_path}/")


def test_standard_input(transcribe, recipe, monkeypatch):  # noqa: F811
    class Stdin:
        buffer = io.BytesIO(recipe.audio[0].read_bytes())

    monkeypatch.setattr("sys.stdin", Stdin)
    assert transcribe("-") == transcribe(recipe.audio[0])


@pytest.mark.skipif(find_spec("av") is None, reason="PyAV is not installed")
def test_video_and_m4a(transcribe, recipe, tmp_path):  # noqa: F811
    """A lossy file has the transcript of what it decodes to."""
    samples, _ = soundfile.read(recipe.audio[2], dtype="int16")
    for name, container, codec in (("a.m4a", "ipod", "aac"), ("b.mkv", "matroska", "libopus")):
        (tmp_path / name).write_bytes(compressed(samples, container, codec))
        decoded = tmp_path / f"{name}.wav"
        soundfile.write(decoded, read_speech(tmp_path / name, 16000), 16000, "FLOAT")
        assert transcribe(tmp_path / name) == transcribe(decoded)


def test_a_beam(transcribe, recipe):  # noqa: F811
    with pytest.raises(SystemExit, match="beam_size 1000: the model has"):
        transcribe(recipe.audio[0], "--beam_size", 1000)
    (wide,) = transcribe(recipe.audio[0], "--beam_size", 8, "--format", "json")
    (narrow,) = transcribe(recipe.audio[0], "--format", "json")
    assert json.loads(wide)["score"] >= json.loads(narrow)["score"]


def test_segments_are_printed_as_they_are_known(transcribe, recipe, tmp_path):  # noqa: F811
    parts = [soundfile.read(file, dtype="int16")[0] for file in recipe.audio[2:4]]
    pause = np.random.default_rng(0).integers(-3, 4, 16000).astype(np.int16)
    soundfile.write(tmp_path / "long.wav", np.concatenate([parts[0], pause, parts[1]]), 16000)
    lines = transcribe(
        tmp_path / "long.wav", "--vad", "energy", "--timestamps", "segment", "--max_seconds", 4
    )
    assert len(lines) >= 2 and all(line.startswith("[00:00:0") for line in lines)


def test_a_vad_that_is_not_installed(transcribe, recipe, monkeypatch):  # noqa: F811
    monkeypatch.setattr("espnet_recursive.transcription.silero_detector._model", lambda: None)
    with pytest.raises(SystemExit, match="needs its package: pip install 'silero-vad"):
        transcribe(recipe.audio[0], "--vad", "silero")
