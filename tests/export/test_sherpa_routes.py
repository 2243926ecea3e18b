"""Which loader a model goes through, and what is refused with which reason."""

from types import SimpleNamespace

import pytest
from espnet2.layers.utterance_mvn import UtteranceMVN

from espnet_recursive.asr.frontend.kaldi_fbank import KaldiFbank
from espnet_recursive.errors import UserError
from espnet_recursive.export.sherpa_routes import ROUTES, route_of

ALONE = SimpleNamespace(frontend=None, normalize=UtteranceMVN())
LEVEL = SimpleNamespace(frontend=None, normalize=UtteranceMVN(norm_means=False, norm_vars=True))
NONE = SimpleNamespace(frontend=None, normalize=None)


def kaldi(normalize=None, **options):
    return SimpleNamespace(frontend=KaldiFbank(**options), normalize=normalize)


@pytest.mark.parametrize(
    ("model", "seconds", "wanted", "route"),
    [
        (ALONE, 0.04, None, "omnilingual"),
        (ALONE, 0.02, None, "omnilingual"),
        (ALONE, 0.04, "moonshine_v2", "moonshine_v2"),
        (ALONE, 0.032, None, "moonshine_v2"),
        (ALONE, 0.01, None, "moonshine_v2"),
        (LEVEL, 0.04, None, "moonshine_v2"),
        (NONE, 0.04, None, "moonshine_v2"),
        (kaldi(), 0.04, None, "zipformer_ctc"),
        (kaldi(fmax=7600.0, n_mels=40), 0.04, None, "zipformer_ctc"),
        (kaldi(), 0.04, "moonshine_v2", "moonshine_v2"),
        (kaldi(), 0.06, None, "moonshine_v2"),
        (kaldi(fmax=8000.0), 0.04, None, "moonshine_v2"),
        (kaldi(UtteranceMVN(), preemphasis=0.0), 0.04, None, "omnilingual"),
    ],
)
def test_taken(model, seconds, wanted, route):
    assert route_of(model, 16000, seconds, wanted) == route and route in ROUTES


def test_other_rates_through_kaldis_features():
    assert route_of(kaldi(fs=8000), 8000, 0.04, None) == "zipformer_ctc"


@pytest.mark.parametrize(
    ("model", "rate", "seconds", "wanted", "message"),
    [
        (ALONE, 8000, 0.04, None, "takes 8000 Hz, and the loaders .* give 16000 Hz"),
        (ALONE, 8000, 0.04, "moonshine_v2", "takes 8000 Hz"),
        (
            LEVEL,
            16000,
            0.04,
            "omnilingual",
            "omnilingual: it scales each utterance to one loudness",
        ),
        (NONE, 16000, 0.04, "omnilingual", "the text of this model would be wrong. --route moon"),
        (ALONE, 16000, 0.04, "zipformer_ctc", "those of frontend kaldi_fbank .*--route omni"),
        (kaldi(fmin=0.0), 16000, 0.04, "zipformer_ctc", "computes Kaldi's features itself"),
        (kaldi(), 16000, 0.06, "zipformer_ctc", "subsampling of 4, and here one is 0.06 s"),
        (kaldi(fs=8000), 8000, 0.06, "zipformer_ctc", "times .* --to onnxruntime takes it"),
        (ALONE, 16000, 0.032, "omnilingual", "0.032 s are no multiple .* times would be wrong"),
    ],
)
def test_refused(model, rate, seconds, wanted, message):
    with pytest.raises(UserError, match=message):
        route_of(model, rate, seconds, wanted)
