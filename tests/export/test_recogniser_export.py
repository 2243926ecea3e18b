"""From an experiment to a folder with a recogniser that agrees with ESPnet, or to nothing."""

import contextlib
import io
import json

import numpy as np
import pytest
import soundfile
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.export import recogniser_export
from espnet_recursive.export.recogniser_export import RecogniserOptions, export_recogniser
from espnet_recursive.model.loaded_model import load_asr_model
from espnet_recursive.onnx_recognizer import OnnxRecognizer
from tests.convert.conftest import recipe  # noqa: F401
from tests.convert.models import TOKENS, write_experiment

FILES = ["README.md", "metadata.json", "model.onnx", "tokens.txt"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="session")
def exported(recipe, tmp_path_factory):  # noqa: F811
    """A recursive recogniser of 3 loops, and the report of its export on audio."""
    folder = tmp_path_factory.mktemp("exported") / "recogniser"
    audio = [recipe / "speech.wav"]
    report = export_recogniser(recipe / "exp/recursive", folder, RecogniserOptions(), None, audio)
    return folder, report


def test_the_folder(exported, recipe):  # noqa: F811
    folder, report = exported
    assert names(folder) == FILES and names(folder.parent) == ["recogniser"]
    assert report.num_bytes == sum(file.stat().st_size for file in folder.iterdir())
    (agreement,) = report.agreement.values()
    assert agreement.texts == agreement.same_texts == agreement.labels == 1
    assert agreement.largest < 1e-5 and agreement.inputs == str(recipe / "speech.wav")
    lines = (folder / "tokens.txt").read_text(encoding="utf-8").splitlines()
    assert lines == [f"{token} {i}" for i, token in enumerate(TOKENS)]
    about = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    expected = {"num_loops": "3", "frame_seconds": "0.04", "shortest_samples": "960"}
    expected |= {"sampling_rate": "16000", "quantisation": "none"}
    assert expected.items() <= about.items()


def test_the_call_in_the_readme_gives_espnets_text(exported, recipe, monkeypatch):  # noqa: F811
    folder, _ = exported
    code = (folder / "README.md").read_text(encoding="utf-8").split("```")[1]
    monkeypatch.chdir(folder)
    code = code.removeprefix("python\n").replace("speech.wav", str(recipe / "speech.wav"))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "README.md", "exec"), {})
    samples, rate = soundfile.read(recipe / "speech.wav", dtype="float32")
    model = load_asr_model(recipe / "exp/recursive").model
    with torch.no_grad():
        out, _ = model.encode(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))
    best = torch.unique_consecutive(model.ctc.argmax(out)[0])
    text = "".join(TOKENS[i] for i in best if i != 0)
    assert printed.getvalue() == f"{text}\n" and text
    assert OnnxRecognizer(folder)(samples, rate).text == text


def test_a_stock_model_in_int8_on_noise(recipe, tmp_path):  # noqa: F811
    folder = tmp_path / "new" / "recogniser"
    options = RecogniserOptions(precision="int8")
    for _ in range(2):  # one that is there is replaced
        report = export_recogniser(recipe / "exp/conformer", folder, options, "3epoch.pth")
    assert list(report.agreement) == ["float32", "int8"]
    assert report.agreement["float32"].largest < 1e-5 < report.agreement["int8"].largest < 0.2
    assert "on noise of 3.0 s, noise of 1.3 s, noise of 0.5 s" in str(report)
    assert names(folder) == FILES and "is fixed" in (folder / "README.md").read_text("utf-8")
    recognizer = OnnxRecognizer(folder / "model.onnx")
    assert recognizer.about.num_loops is None
    with pytest.raises(UserError, match="runs a number of loops of its own"):
        recognizer(np.ones(2000, np.float32), 16000, num_loops=2)


def test_constant_loops(recipe, tmp_path):  # noqa: F811
    options = RecogniserOptions(num_loops=2, constant_loops=True)
    report = export_recogniser(recipe / "exp/recursive", tmp_path / "rec", options)
    assert [value.name for value in report.graph.graph.input] == ["waveform", "lengths"]
    assert report.agreement["float32"].same_texts == 3


@pytest.mark.parametrize(
    ("frontend", "conf"),
    [
        ("kaldi_fbank", {"fs": 8000}),
        ("sphinx_mfcc", {"deltas": True, "cmn": "utterance"}),
    ],
)
def test_frontends_of_this_package(frontend, conf, tmp_path):
    config = {"frontend": frontend, "frontend_conf": conf, "normalize": None}
    config["normalize_conf"] = {}
    exp = write_experiment(tmp_path, frontend, "transformer", config, num_blocks=2)
    folder = tmp_path / "recogniser"
    report = export_recogniser(exp, folder, RecogniserOptions())
    agreement = report.agreement["float32"]
    assert agreement.same_texts == agreement.texts == 3 and agreement.largest < 1e-4
    recognizer = OnnxRecognizer(folder)
    rate = conf.get("fs", 16000)
    assert (recognizer.about.rate, recognizer.about.frame_seconds) == (rate, 0.04)
    assert recognizer(np.random.default_rng(0).standard_normal(rate) / 10, rate).text


def test_what_differs_is_not_written(recipe, tmp_path, monkeypatch):  # noqa: F811
    encoder = recogniser_export.encoder_with_ctc

    def wrong(model, *arguments):
        graph = encoder(model, *arguments)
        with torch.no_grad():
            model.ctc.ctc_lo.bias[0] += 0.01
        return graph

    monkeypatch.setattr(recogniser_export, "encoder_with_ctc", wrong)
    with pytest.raises(UserError, match="differs from ESPnet's: .* so nothing was written"):
        export_recogniser(recipe / "exp/recursive", tmp_path / "rec", RecogniserOptions())
    assert list(tmp_path.iterdir()) == []


def test_audio_that_espnet_cannot_recognise(recipe, tmp_path):  # noqa: F811
    file = tmp_path / "short.wav"
    soundfile.write(file, np.ones(300) / 2, 16000)
    with pytest.raises(UserError, match=f"{file} is too short for the model: leave it out"):
        export_recogniser(
            recipe / "exp/recursive", tmp_path / "rec", RecogniserOptions(), None, [file]
        )


def test_a_folder_of_something_else_is_kept(recipe, tmp_path):  # noqa: F811
    (tmp_path / "thesis.tex").write_text("kept", encoding="utf-8")
    with pytest.raises(UserError, match="would be replaced, and holds thesis.tex"):
        export_recogniser(recipe / "exp/recursive", tmp_path, RecogniserOptions())
    assert names(tmp_path) == ["thesis.tex"]
