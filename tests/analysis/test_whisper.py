"""Whisper encoders, of random weights. Without transformers, only what is said then is tested."""

import json
import sys

import numpy as np
import pytest
import torch

from espnet_recursive.analysis.whisper import WhisperStates, is_whisper
from espnet_recursive.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        vocab_size=60, d_model=16, encoder_layers=3, encoder_attention_heads=2, encoder_ffn_dim=32,
        decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=32, pad_token_id=1,
        bos_token_id=1, eos_token_id=1, decoder_start_token_id=1,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("whisper")
    transformers.WhisperForConditionalGeneration(config).save_pretrained(path)
    return path


def speech(seconds):
    return np.random.default_rng(0).normal(size=int(16000 * seconds)).astype(np.float32)


def test_states(folder):
    """Those that transformers returns, but for the last, which it returns after the final norm."""
    import transformers

    samples = speech(1.01)
    found = WhisperStates(str(folder))(samples)
    assert found.shape == (1 + 3, 51, 16)
    encoder = transformers.WhisperModel.from_pretrained(folder).encoder.eval()
    mel = transformers.WhisperFeatureExtractor()(samples, sampling_rate=16000, return_tensors="pt")
    with torch.no_grad():
        expected = encoder(mel.input_features, output_hidden_states=True)
        assert len(expected.hidden_states) == 4
        for mine, theirs in zip(found[:-1], expected.hidden_states, strict=False):
            assert torch.allclose(mine, theirs[0, :51], atol=1e-5)
        last = encoder.layer_norm(found[-1])
    assert torch.allclose(last, expected.last_hidden_state[0, :51], atol=1e-5)


def test_long_speech_is_cut_into_windows(folder):
    states = WhisperStates(str(folder))
    samples = speech(31)
    whole = states(samples)
    assert whole.shape[1] == 1550
    assert torch.allclose(whole[:, :1500], states(samples[: 30 * 16000]), atol=1e-5)
    assert torch.allclose(whole[:, 1500:], states(samples[30 * 16000 :]), atol=1e-5)


def test_no_loops(folder):
    with pytest.raises(UserError, match="is a Whisper, which runs each layer once"):
        WhisperStates(str(folder)).set_loops(2)


def test_no_weights(folder, tmp_path):
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(UserError, match="cannot be loaded as a Whisper"):
        WhisperStates(str(tmp_path))


def test_what_is_a_whisper(tmp_path, monkeypatch):
    config = tmp_path / "config.json"
    assert not is_whisper(str(tmp_path))
    for content, expected in (("{", False), ("[]", False), ('{"model_type": "bert"}', False),
                              (json.dumps({"model_type": "whisper"}), True)):  # fmt: skip
        config.write_text(content)
        assert is_whisper(str(tmp_path)) is expected
        assert not is_whisper(str(config))
    assert not is_whisper("user/name")  # without asking the hub

    def download(name, file, revision):
        assert (name, file, revision) == ("user/whisper-x", "config.json", "v1")
        return config

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert is_whisper("user/whisper-x@v1")
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: 1 / 0)
    assert not is_whisper("user/whisper-x@v1")


def test_without_transformers(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"pip install 'espnet_recursive\[whisper\]'"):
        WhisperStates("openai/whisper-tiny")
