"""Recognisers in the unmodified client: its text is ESPnet's."""

import contextlib
import functools
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import sherpa_onnx
import soundfile
import torch
import yaml

from espnet_recursive.asr.encoder.latent_recursive_encoder import LatentRecursiveEncoder
from espnet_recursive.corpora.mini_an4 import prepare_mini_an4
from espnet_recursive.errors import UserError
from espnet_recursive.export import sherpa_export
from espnet_recursive.export.runtime import open_session
from espnet_recursive.export.sherpa_client import client_labels
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
    if isinstance(model.encoder, LatentRecursiveEncoder):
        model.encoder.set_depth(loops)
    with torch.no_grad():
        out, _ = model.encode(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))
        labels = greedy(model.ctc.log_softmax(out)[0].numpy())
    return text_of([TOKENS[label.token] for label in labels], "char"), labels


def recognise(recognizer, samples, rate=16000):
    stream = recognizer.create_stream()
    stream.accept_waveform(rate, samples)
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


@pytest.mark.parametrize(
    ("encoder", "conf", "normalize"),
    [
        ("latent_recursive_transformer", {}, "utterance_mvn"),
        ("conformer", {"fs": 8000, "n_mels": 40}, None),
    ],
)
def test_zipformer_in_batches_with_times(encoder, conf, normalize, an4, tmp_path, monkeypatch):
    config = {"frontend": "kaldi_fbank", "frontend_conf": conf, "normalize": normalize}
    shape = RECURSION if encoder.startswith("latent") else {"num_blocks": 2}
    exp = write_experiment(tmp_path, "kaldi", encoder, config | {"normalize_conf": {}}, **shape)
    report = export_sherpa(exp, tmp_path / "sherpa", SherpaOptions(), None, an4)
    assert report.route == "zipformer_ctc" and report.same_texts == {"model.onnx": 7}
    rate, model = conf.get("fs", 16000), model_of(exp)
    recognizer = sherpa_onnx.OfflineRecognizer.from_zipformer_ctc(
        *(str(tmp_path / "sherpa" / name) for name in ("model.onnx", "tokens.txt")),
        sample_rate=rate,
        feature_dim=model.frontend.output_size(),
    )
    all_samples = [speech(file)[:: 16000 // rate].copy() for file in an4]
    streams = [recognizer.create_stream() for _ in an4]
    for stream, samples in zip(streams, all_samples, strict=True):
        stream.accept_waveform(rate, samples)
    recognizer.decode_streams(streams)
    for stream, samples in zip(streams, all_samples, strict=True):
        text, labels = espnet_text(exp, samples)
        assert stream.result.text == text and len(text) > 2
        assert stream.result.timestamps == pytest.approx([0.04 * one.start for one in labels])
        alone = recognise(recognizer, samples, rate)
        assert (alone.text, alone.timestamps) == (text, stream.result.timestamps)
    monkeypatch.chdir(tmp_path / "sherpa")
    file = tmp_path / "last.wav"
    soundfile.write(file, all_samples[-1], rate)
    code = Path("README.md").read_text(encoding="utf-8").split("```")[1]
    code = code.removeprefix("python\n").replace("speech.wav", str(file))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "README", "exec"), {})
    assert printed.getvalue().splitlines()[-1] == text


def test_depths_of_zipformer(an4, tmp_path):
    config = {"frontend": "kaldi_fbank", "frontend_conf": {}, "normalize": None}
    config["normalize_conf"] = {}
    exp = write_experiment(tmp_path, "x", "latent_recursive_transformer", config, **RECURSION)
    report = export_sherpa(exp, tmp_path / "sherpa", SherpaOptions(loops=(1, 3)), None, an4[:2])
    assert report.same_texts == {"model.loops1.onnx": 2, "model.loops3.onnx": 2}
    texts = []
    for loops in (1, 3):
        recognizer = sherpa_onnx.OfflineRecognizer.from_zipformer_ctc(
            str(tmp_path / "sherpa" / f"model.loops{loops}.onnx"),
            str(tmp_path / "sherpa" / "tokens.txt"),
        )
        texts.append(recognise(recognizer, speech(an4[0])).text)
        assert texts[-1] == espnet_text(exp, speech(an4[0]), loops)[0]
    assert texts[0] != texts[1]


@pytest.mark.parametrize("precision", ["float16", "int8", "int4"])
def test_the_client_runs_every_format(precision, an4, tmp_path):
    config = {"frontend": "kaldi_fbank", "frontend_conf": {}, "normalize": None}
    config["normalize_conf"] = {}
    exp = write_experiment(tmp_path, "x", "latent_recursive_transformer", config, **RECURSION)
    options = SherpaOptions(loops=(1, 3), precision=precision)
    report = export_sherpa(exp, tmp_path / "sherpa", options, None, an4[:2])
    assert set(report.same_texts.values()) <= {0, 1, 2}
    for loops in (1, 3):
        file = str(tmp_path / "sherpa" / f"model.loops{loops}.onnx")
        recognizer = sherpa_onnx.OfflineRecognizer.from_zipformer_ctc(
            file, str(tmp_path / "sherpa" / "tokens.txt")
        )
        session, frontend = open_session(file), model_of(exp).frontend
        for audio in an4[:2]:
            labels = client_labels("zipformer_ctc", session, frontend, speech(audio))
            found = recognise(recognizer, speech(audio)).text
            assert found == text_of([TOKENS[label] for label in labels], "char") != ""


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
    monkeypatch.setattr(sherpa_export, "client_labels", lambda *arguments: [1])
    with pytest.raises(UserError, match="gives ESPnet's text for 0 of 3 .* nothing was written"):
        export_sherpa(exp, tmp_path / "sherpa", SherpaOptions())
    assert list(tmp_path.iterdir()) == []
