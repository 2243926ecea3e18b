"""The command that recognises with an exported recogniser."""

import numpy as np
import pytest
import soundfile

from espnet_recursive.bin.onnx_transcribe import main
from espnet_recursive.onnx_recognizer import BeamOptions, OnnxRecognizer
from tests.convert.conftest import recipe  # noqa: F401
from tests.export.test_recogniser_export import exported  # noqa: F401
from tests.onnx_recognizer.test_beam_search import arpa


@pytest.fixture
def found(exported, recipe):  # noqa: F811
    samples, rate = soundfile.read(recipe / "speech.wav", dtype="float32")
    return OnnxRecognizer(exported[0])(samples, rate)


def test_text_and_words(exported, recipe, found, capsys):  # noqa: F811
    folder, audio = str(exported[0]), str(recipe / "speech.wav")
    main([folder, audio])
    assert capsys.readouterr().out == f"{found.text}\n"
    main([folder, audio, audio, "--batch_size", "2", "--threads", "1", "--channel", "1"])
    assert capsys.readouterr().out == 2 * f"{audio}\t{found.text}\n"
    main([folder, audio, "--words", "--max_seconds", "5"])
    lines = [f"{word.start:.2f}\t{word.end:.2f}\t{word.text}\n" for word in found.words]
    assert capsys.readouterr().out == "".join(lines) != ""


def test_a_language_model(exported, recipe, tmp_path, capsys):  # noqa: F811
    pytest.importorskip("ctc_beam_decoder")
    lm = tmp_path / "2gram.arpa"
    lm.write_text(arpa(), encoding="utf-8")
    folder, audio = exported[0], recipe / "speech.wav"
    samples, rate = soundfile.read(audio, dtype="float32")
    beam = BeamOptions(30, lm, 2.0, -1.0)
    expected = OnnxRecognizer(folder, beam=beam)(samples, rate).text
    options = ["--lm", str(lm), "--beam_size", "30", "--lm_weight", "2", "--word_bonus", "-1"]
    main([str(folder), str(audio), *options])
    assert capsys.readouterr().out == f"{expected}\n"
    with pytest.raises(SystemExit, match="beam_size 0: an integer of 1 or more"):
        main([str(folder), str(audio), "--beam_size", "0"])


def test_the_files_that_can_be_recognised_are(exported, recipe, found, tmp_path, capsys, caplog):  # noqa: F811
    audio = str(recipe / "speech.wav")
    files = [str(tmp_path / name) for name in ("none.wav", "silent.wav", "slow.wav")]
    soundfile.write(files[1], np.zeros(16000), 16000)
    soundfile.write(files[2], 0.1 * np.random.default_rng(0).standard_normal(8000), 8000)
    with pytest.raises(SystemExit, match="Error: 2 of 4 files could not be recognised"):
        main([str(exported[0]), *files, audio])
    slow, last = capsys.readouterr().out.splitlines()
    assert slow.startswith(f"{files[2]}\t") and last == f"{audio}\t{found.text}"
    assert f"{files[0]} cannot be read" in caplog.text
    assert f"{files[1]}: the audio is silent" in caplog.text


@pytest.mark.parametrize("loops", ["0", "-1"])
def test_loops_are_checked_before_files_are_read(exported, loops):  # noqa: F811
    with pytest.raises(SystemExit, match=f"Error: num_loops {loops}: an integer of 1 or more"):
        main([str(exported[0]), "none.wav", "--num_loops", loops])
