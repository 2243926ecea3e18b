"""Recognisers in the unmodified client: its text is ESPnet's."""

import functools
import shutil
from pathlib import Path

import numpy as np
import pytest
import sherpa_onnx
import soundfile
import torch
import yaml

from espnet_recursive.corpora.mini_an4 import prepare_mini_an4
from espnet_recursive.errors import UserError
from espnet_recursive.export import sherpa_export
from espnet_recursive.export.sherpa_export import SherpaOptions, export_sherpa
from espnet_recursive.model.loaded_model import load_asr_model
from espnet_recursive.onnx_recognizer.greedy import greedy
from espnet_recursive.recipe.data_dir import read_table
from espnet_recursive.transcription.words import text_of
from tests.convert.conftest import recipe  # noqa: F401
from tests.convert.models import RECURSION, TOKENS, write_experiment


@pytest.fixture(scope="module")
def exp(tmp_path_factory):
    """A model with global statistics, whose texts are long and depend on its depth."""
    root = tmp_path_factory.mktemp("sherpa")
    return write_experiment(root, "recursive", "latent_recursive_transformer", **RECURSION)


@pytest.fixture(scope="module")
def utterance_mvn(exp):
    """The same with the normalisation that takes the level out."""
    exp = shutil.copytree(exp, exp.with_name("utterance_mvn"), symlinks=True)
    config = yaml.safe_load((exp / "config.yaml").read_text(encoding="utf-8"))
    config |= {"normalize": "utterance_mvn", "normalize_conf": {}}
    (exp / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    weights = torch.load(exp / "3epoch.pth")
    kept = {name: value for name, value in weights.items() if not name.startswith("normalize.")}
    torch.save(kept, exp / "3epoch.pth")
    return exp


@functools.cache
def model_of(exp):
    return load_asr_model(exp).model


def espnet_text(exp, samples, loops=None):
    model = model_of(exp)
    model.encoder.set_depth(loops)
    with torch.no_grad():
        out, _ = model.encode(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))
        labels = greedy(model.ctc.log_softmax(out)[0].numpy())
    return text_of([TOKENS[label.token] for label in labels], "char"), labels


def recognise(recognizer, samples):
    stream = recognizer.create_stream()
    stream.accept_waveform(16000, samples)
    recognizer.decode_stream(stream)
    return stream.result


@pytest.fixture(scope="module")
def an4(tmp_path_factory):
    """The seven utterances of AN4 that ESPnet carries: their files."""
    root = tmp_path_factory.mktemp("an4")
    directories = prepare_mini_an4(root / "data", root / "downloads")
    tables = [read_table(Path(directory) / "wav.scp") for directory in directories]
    files = sorted(Path(file) for table in tables for file in table.values())
    assert len(files) == 7
    return files


def speech(file):
    samples, rate = soundfile.read(file, dtype="float32")
    assert rate == 16000
    return samples


def test_moonshine_at_several_depths(exp, an4, tmp_path):
    folder = tmp_path / "new" / "sherpa"
    report = export_sherpa(exp, folder, SherpaOptions(loops=(1, 3)), None, an4)
    assert report.route == "moonshine_v2"
    assert report.same_texts == {"encoder.loops1.onnx": 7, "encoder.loops3.onnx": 7}
    names = "README.md decoder.onnx encoder.loops1.onnx encoder.loops3.onnx tokens.txt weights.bin"
    assert sorted(path.name for path in folder.iterdir()) == names.split()
    texts = {}
    for loops in (1, 3):
        recognizer = sherpa_onnx.OfflineRecognizer.from_moonshine_v2(
            encoder=str(folder / f"encoder.loops{loops}.onnx"),
            decoder=str(folder / "decoder.onnx"),
            tokens=str(folder / "tokens.txt"),
        )
        texts[loops] = [recognise(recognizer, speech(file)).text for file in an4]
        assert texts[loops] == [espnet_text(exp, speech(file), loops)[0] for file in an4]
    assert texts[1] != texts[3] and min(map(len, texts[3])) > 5
    report = export_sherpa(exp, folder, SherpaOptions(2, precision="int8"))  # it is replaced
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "decoder.onnx", "encoder.onnx", "tokens.txt",
    ]  # fmt: skip
    assert "encoder.onnx: " in str(report) and "of 3 texts as ESPnet's" in str(report)


def without_offset(files, folder):
    """The audio about zero: the client takes a constant offset away, and with it what it leaks."""
    for file in files:
        samples = speech(file)
        soundfile.write(folder / f"{file.stem}.wav", samples - samples.mean(), 16000, "FLOAT")
    return sorted(folder.iterdir())


def test_omnilingual_with_times(utterance_mvn, an4, tmp_path, monkeypatch, capsys):
    (tmp_path / "audio").mkdir()
    an4 = without_offset(an4, tmp_path / "audio")
    report = export_sherpa(utterance_mvn, tmp_path / "sherpa", SherpaOptions(), None, an4)
    assert report.route == "omnilingual" and report.same_texts == {"model.onnx": 7}
    files = [str(tmp_path / "sherpa" / name) for name in ("model.onnx", "tokens.txt")]
    recognizer = sherpa_onnx.OfflineRecognizer.from_omnilingual_asr_ctc(*files)
    for file in an4:
        text, labels = espnet_text(utterance_mvn, speech(file))
        for level in (1, 0.1):
            found = recognise(recognizer, (level * speech(file)).astype(np.float32))
            assert found.text == text and len(text) > 5
            starts = [0.04 * label.start for label in labels]
            assert list(found.timestamps) == pytest.approx(starts, abs=0.021)
    code = (tmp_path / "sherpa" / "README.md").read_text(encoding="utf-8").split("```")[1]
    monkeypatch.chdir(tmp_path / "sherpa")
    exec(
        compile(code.removeprefix("python\n").replace("speech.wav", str(file)), "README", "exec"),
        {},
    )
    assert capsys.readouterr().out.splitlines()[-1] == text


def test_refused(exp, recipe, tmp_path):  # noqa: F811
    folder = tmp_path / "sherpa"
    with pytest.raises(UserError, match="recursive: --route omnilingual: it scales each utterance"):
        export_sherpa(exp, folder, SherpaOptions(route="omnilingual"))
    with pytest.raises(UserError, match="--loops 0: at least 1"):
        export_sherpa(exp, folder, SherpaOptions(loops=(3, 0)))
    with pytest.raises(UserError, match="runs each layer once"):
        export_sherpa(recipe / "exp/conformer", folder, SherpaOptions(loops=(1, 2)))
    assert list(tmp_path.iterdir()) == []


def test_what_differs_is_not_written(exp, tmp_path, monkeypatch):
    monkeypatch.setattr(sherpa_export, "_labels", lambda out, route: [1])
    with pytest.raises(UserError, match="gives ESPnet's text for 0 of 3 .* nothing was written"):
        export_sherpa(exp, tmp_path / "sherpa", SherpaOptions())
    assert list(tmp_path.iterdir()) == []
