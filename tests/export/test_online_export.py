"""Streaming recognisers in the unmodified client: its text is that of the pass with chunks."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import sherpa_onnx
import soundfile
import torch
import yaml

from espnet_recursive.asr.depth import Depth
from espnet_recursive.corpora.mini_an4 import prepare_mini_an4
from espnet_recursive.errors import UserError
from espnet_recursive.export import online_export
from espnet_recursive.export.online_export import OnlineOptions, export_online
from espnet_recursive.model.loaded_model import load_asr_model
from espnet_recursive.onnx_recognizer.greedy import greedy
from espnet_recursive.recipe.data_dir import read_table
from espnet_recursive.transcription.words import text_of
from tests.convert.models import RECURSION, TOKENS, write_experiment

RATE = 16000
CHUNKS = {"chunk_size": 8, "num_left_chunks": 4}


def experiment(root, name, **conf):
    root.mkdir(parents=True, exist_ok=True)
    mean = np.random.default_rng(0).normal(-8.0, 2.0, 80)
    np.savez(root / "s.npz", count=1000, sum=1000 * mean, sum_square=1000 * (mean**2 + 4.0))
    changed = {
        "frontend": "kaldi_fbank",
        "frontend_conf": {},
        "normalize_conf": {"stats_file": str(root / "s.npz")},
    }
    return write_experiment(root, name, f"latent_recursive_{name}", changed, **RECURSION, **conf)


@pytest.fixture(scope="module")
def exp(tmp_path_factory):
    return experiment(tmp_path_factory.mktemp("online"), "transformer", **CHUNKS)


@pytest.fixture(scope="module")
def an4(tmp_path_factory):
    """Two utterances, with silence behind them."""
    root = tmp_path_factory.mktemp("an4")
    directories = prepare_mini_an4(root / "data", root / "downloads")
    files = []
    for directory in directories[1:]:
        for name, file in read_table(Path(directory) / "wav.scp").items():
            samples, rate = soundfile.read(file, dtype="float32")
            assert rate == RATE
            silence = np.zeros(2 * RATE, np.float32)
            files.append(root / f"{name}.wav")
            soundfile.write(files[-1], np.concatenate([samples, silence]), RATE, "FLOAT")
    return files


def client(folder, chunk_size=8, num_left_chunks=4):
    return sherpa_onnx.OnlineRecognizer.from_wenet_ctc(
        model=str(folder / "model.onnx"),
        tokens=str(folder / "tokens.txt"),
        chunk_size=chunk_size,
        num_left_chunks=num_left_chunks,
    )


def hear(recognizer, samples, piece):
    """The texts of a stream, one after the other.

    Of its tokens: of a text that begins with a "<" the client leaves that out.
    """
    stream, texts = recognizer.create_stream(), []
    for begin in range(0, len(samples), piece):
        stream.accept_waveform(RATE, samples[begin : begin + piece])
        while recognizer.is_ready(stream):
            recognizer.decode_stream(stream)
        found = json.loads(recognizer.get_result_as_json_string(stream))
        texts.append("".join(found["tokens"]))
    return texts


@torch.no_grad()
def whole_text(exp, samples, **depth):
    """Greedy CTC of the pass with chunks over the whole utterance; its last, cut, chunk is left."""
    model = load_asr_model(exp).model
    feats, lengths = model.frontend(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))
    feats, lengths = model.normalize(feats, lengths)
    out, _, _ = model.encoder(feats, lengths, depth=Depth(**{**CHUNKS, **depth}))
    size = depth.get("chunk_size", CHUNKS["chunk_size"])
    whole = (int(lengths) - 3) // (4 * size) * size
    labels = greedy(model.ctc.log_softmax(out)[0, :whole].numpy())
    return text_of([TOKENS[label.token] for label in labels], "char")


def test_the_client_hears_the_same(exp, an4, tmp_path, monkeypatch, capsys):
    report = export_online(exp, tmp_path / "online", OnlineOptions(), None, an4)
    assert report.agreement.same_texts == 2 and report.agreement.largest < 1e-4
    assert report.layers == 8 and report.seconds == 0.32
    recognizer = client(tmp_path / "online")
    for file in an4:
        samples, _ = soundfile.read(file, dtype="float32")
        # The client's own features differ by up to 2e-4.
        texts = hear(recognizer, samples, 1600)
        assert texts[-1] == whole_text(exp, samples) and len(texts[-1]) > 10
        assert len(set(texts)) > 5 and texts == sorted(texts, key=len)
        assert hear(recognizer, samples, 12345)[-1] == texts[-1]
    code = (tmp_path / "online" / "README.md").read_text(encoding="utf-8").split("```")[1]
    monkeypatch.chdir(tmp_path / "online")
    code = code.removeprefix("python\n").replace("speech.wav", str(file))
    exec(compile(code, "README", "exec"), {})
    printed = capsys.readouterr().out.splitlines()[-1]
    assert printed in (texts[-1], texts[-1].removeprefix("<"))


def test_convolutions_other_chunks_and_another_depth(an4, tmp_path):
    exp = experiment(tmp_path / "e", "e_branchformer", **CHUNKS)
    options = OnlineOptions(num_loops=1, chunk_size=4, num_left_chunks=6)
    report = export_online(exp, tmp_path / "online", options, None, an4[:1])
    assert report.layers == 4
    samples, _ = soundfile.read(an4[0], dtype="float32")
    text = whole_text(exp, samples, num_loops=1, chunk_size=4, num_left_chunks=6)
    assert hear(client(tmp_path / "online", 4, 6), samples, 3000)[-1] == text and len(text) > 10
    for precision in ("float16", "int8", "int4"):
        small = export_online(exp, tmp_path / precision, OnlineOptions(precision=precision))
        assert small.agreement.texts == 3
        assert len(hear(client(tmp_path / precision), samples, 3000)[-1]) > 10


def changed(exp, name, **values):
    exp = shutil.copytree(exp, exp.with_name(name), symlinks=True)
    config = yaml.safe_load((exp / "config.yaml").read_text(encoding="utf-8"))
    for key, value in values.items():
        config[key] = {**config[key], **value} if isinstance(value, dict) else value
    (exp / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return exp


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ({"frontend_conf": {"fmin": 0.0}}, {}, "kaldi_fbank at 16 kHz with its default options"),
        ({"frontend_conf": {"fs": 8000}}, {}, "kaldi_fbank at 16 kHz with its default options"),
        ({"encoder_conf": {"chunk_size": 0, "num_left_chunks": -1}}, {}, "sees whole utterances"),
        ({"encoder_conf": {"num_left_chunks": -1}}, {}, "num_left_chunks of 1 or more"),
        ({}, {"chunk_size": -1}, "chunk_size must be an integer of 0 or more"),
    ],
)
def test_refused(exp, tmp_path, values, options, message):
    exp = changed(exp, tmp_path.name, **values)
    with pytest.raises(UserError, match=message):
        export_online(exp, tmp_path / "online", OnlineOptions(**options))
    assert not (tmp_path / "online").exists()


def test_what_differs_is_not_written(exp, tmp_path, monkeypatch):
    monkeypatch.setattr(online_export, "run_online", lambda s, step, x: np.zeros((8, len(TOKENS))))
    with pytest.raises(UserError, match="the same text for 0 of 3 .* nothing was written"):
        export_online(exp, tmp_path / "online", OnlineOptions())
    assert list(tmp_path.iterdir()) == []
