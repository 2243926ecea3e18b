"""Models of features that are given the frontend of these features."""

import pytest
import torch

from espnet_recursive.asr.frontend.kaldi_fbank import KaldiFbank
from espnet_recursive.convert.to_frontend import to_frontend
from espnet_recursive.errors import UserError
from tests.convert.models import FEATURES, RECURSION, assert_same_weights, load

BANK = {"n_mels": FEATURES}


@pytest.fixture(scope="module")
def model():
    return load("latent_recursive_transformer", **RECURSION)


@torch.no_grad()
def test_it_encodes_audio_as_the_model_its_features(model):
    converted = to_frontend(model, "kaldi_fbank", BANK)
    assert_same_weights(model.model, converted.model)
    config = model.config | {"input_size": None, "frontend": "kaldi_fbank"}
    assert converted.config == config | {"frontend_conf": {"fs": 16000, **BANK}}
    samples, lengths = 0.1 * torch.randn(2, 9000), torch.tensor([9000, 8000])
    features = KaldiFbank(**BANK)(samples, lengths)
    for out, expected in zip(
        converted.model.encode(samples, lengths), model.model.encode(*features), strict=True
    ):
        assert torch.equal(out, expected)


@pytest.mark.parametrize(
    ("frontend", "conf", "message"),
    [
        (
            "kaldi_fbank",
            {},
            "takes 20 features a frame, and kaldi_fbank has 80: choose its --front",
        ),
        ("sphinx_mfc", {}, "--frontend sphinx_mfc: there are .* Did you mean 'sphinx_mfcc'"),
        ("default", {}, "--frontend default: there are kaldi_fbank, sphinx_mfcc"),
        ("sphinx_mfcc", {"cmn": "speaker"}, "--frontend sphinx_mfcc: .*cmn"),
        ("sphinx_mfcc", {"cmm": 1}, "unexpected keyword argument 'cmm'"),
    ],
)
def test_refused(model, frontend, conf, message):
    with pytest.raises(UserError, match=message):
        to_frontend(model, frontend, conf)


def test_a_model_of_audio(model):
    audio = to_frontend(model, "kaldi_fbank", BANK)
    with pytest.raises(UserError, match="takes audio: it has a frontend, kaldi_fbank"):
        to_frontend(type(model)(model.found, audio.config, audio.model), "kaldi_fbank", BANK)
