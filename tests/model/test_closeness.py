"""How close outputs are, on audio and on random input."""

import copy

import numpy as np
import pytest
import soundfile
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.model.closeness import audio_encodings, measure_closeness, random_encodings
from tests.convert.models import FEATURES, encode, load

RATE = 16000


@pytest.fixture
def loaded():
    return load("transformer", num_blocks=2)


@pytest.fixture
def audio(tmp_path):
    """Half a second at 16 kHz, and a second at 8 kHz of two channels."""
    random = np.random.default_rng(0)
    files = tmp_path / "a.wav", tmp_path / "b.flac"
    soundfile.write(files[0], 0.1 * random.standard_normal(RATE // 2), RATE)
    soundfile.write(files[1], 0.1 * random.standard_normal((8000, 2)), 8000)
    return files


class OfSamples:
    """Stands in for a model: encodings show what they pass to it."""

    def encode(self, speech, lengths):
        assert speech.shape == (1, int(lengths))
        return (speech[..., None], ["hidden states"]), lengths


def test_a_model_equals_itself(loaded):
    encodings, inputs = random_encodings(loaded.model, loaded.config)
    close = measure_closeness(loaded.model, copy.deepcopy(loaded.model), encodings, inputs)
    assert close.inputs == "random input, which is no speech (4 times 300 frames)"
    assert close.frames == 4 * 74
    assert (close.relative_difference, close.largest_relative_difference) == (0, 0)
    assert close.cosine == pytest.approx(1) and close.label_agreement == 1


def test_random_input_is_always_the_same(loaded):
    first, second = (random_encodings(loaded.model, loaded.config)[0] for _ in range(2))
    with torch.no_grad():
        for one, other in zip(first, second, strict=True):
            assert torch.equal(one(loaded.model), other(loaded.model))
    assert not torch.equal(first[0](loaded.model), first[1](loaded.model))


def test_known_differences(loaded):
    """The final norm doubled: twice as long, in the same direction. Turned round: the opposite."""
    other = copy.deepcopy(loaded.model)
    out = [lambda model: encode(model)[0]]
    for factor, change, cosine in ((2.0, 1.0, 1.0), (-1.0, 2.0, -1.0)):
        for name in ("weight", "bias"):
            of_norm = getattr(loaded.model.encoder.after_norm, name)
            getattr(other.encoder.after_norm, name).data = factor * of_norm.data
        close = measure_closeness(loaded.model, other, out, "")
        assert close.relative_difference == pytest.approx(change)
        assert close.largest_relative_difference == pytest.approx(change, rel=1e-5)
        assert close.cosine == pytest.approx(cosine)
    labels = [m.ctc.argmax(encode(m)) for m in (loaded.model, other)]
    assert close.label_agreement == pytest.approx((labels[0] == labels[1]).float().mean().item())
    assert close.label_agreement < 1


def test_a_model_without_ctc(loaded):
    loaded.model.ctc = None
    close = measure_closeness(loaded.model, loaded.model, [lambda model: encode(model)[0]], "")
    assert close.label_agreement is None


def test_the_model_is_left_as_it_was(loaded):
    model = loaded.model
    model.frontend = frontend = torch.nn.Identity()
    frontend.output_size = lambda: FEATURES
    encodings, _ = random_encodings(model, loaded.config | {"input_size": None})
    encodings[0](model)
    assert model.frontend is frontend


def test_audio_of_any_kind(audio, tmp_path):
    scp = tmp_path / "wav.scp"
    scp.write_text(f"a {audio[0]}\nb cat {audio[0]} |\n")
    found = [encode(OfSamples()) for encode in audio_encodings([*audio, scp], {})]
    assert [len(states) for states in found] == [RATE // 2, RATE, RATE // 2, RATE // 2]
    samples, _ = soundfile.read(audio[0], dtype="float32")
    for i in (0, 2, 3):
        assert torch.equal(found[i][:, 0], torch.from_numpy(samples))


def test_audio_that_cannot_be_used(loaded, audio, tmp_path):
    with pytest.raises(UserError, match="the model takes features of 20 dimensions, not audio"):
        list(audio_encodings(audio, loaded.config))
    with pytest.raises(UserError, match="none.wav cannot be read: there is no such file"):
        list(audio_encodings([tmp_path / "none.wav"], {}))
    scp = tmp_path / "wav.scp"
    scp.write_text("a exp/raw.ark:17\n")
    with pytest.raises(UserError, match="wav.scp, a: .* lies in a Kaldi archive"):
        list(audio_encodings([scp], {}))
