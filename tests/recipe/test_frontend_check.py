"""Frontends of training YAMLs, before hours of work."""

import pytest
import soundfile
import yaml
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import TooShortUttError

import espnet_recursive
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table
from espnet_recursive.recipe.fingerprint import read_fingerprint
from espnet_recursive.recipe.frontend_check import check_frontend
from espnet_recursive.recipe.train_config import check_asr_config
from espnet_recursive.transcription.transcribe import transcribe
from tests.publish.experiments import FAST
from tests.recipe.trainings import ASR


def size(name, fs="16k", **options):
    return check_frontend(name, options, fs, "train.yaml")


def refused(name, fs="16k", **options):
    with pytest.raises(UserError) as error:
        size(name, fs, **options)
    assert "train.yaml" in str(error.value)
    return str(error.value)


def test_ours_are_built_for_the_rate_of_the_audio():
    assert size("kaldi_fbank") == size("kaldi_fbank", "8k") == size("kaldi_fbank", None) == 80
    assert size("kaldi_fbank", frontend_conf={"n_mels": 40, "fs": 16000}) == 40
    assert size("sphinx_mfcc", "8000") == 13
    assert size("default", frontend_conf={"n_mels": 40}) == 80  # not built


@pytest.mark.parametrize(
    ("name", "fs", "options", "said"),
    [
        ("kaldi_fbnk", "16k", {}, "there is no frontend 'kaldi_fbnk'. Did you mean 'kaldi_fbank'"),
        (None, "16k", {}, "there is no frontend None"),
        ("kaldi_fbank", "8k", {"frontend_conf": {"fs": "16k"}}, "fs: 16000. Leave fs out there"),
        ("kaldi_fbank", "8k", {"frontend_conf": {"fmax": 7600}}, "no range of frequencies at 8000"),
        ("kaldi_fbank", "16k", {"frontend_conf": {"n_fft": 512}}, "unexpected keyword argument"),
        ("kaldi_fbank", "16k", {"frontend_conf": {"n_mels": "80"}}, '"n_mels" (str) is not'),
        ("sphinx_mfcc", "48k", {}, "frontend sphinx_mfcc: frontend_conf.n_fft 512: a window has"),
        ("kaldi_fbank", "200k", {}, "expected 1000 to 96000 Hz"),
        ("kaldi_fbank", "8k", {"preprocessor_conf": {"fs": 16000}}, "preprocessor_conf says fs: 1"),
    ],
)
def test_refused(name, fs, options, said):
    assert said in refused(name, fs, **options)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_the_encoder_takes_its_features(tmp_path):
    """Two convolutions of stride 2 and three of stride 3 leave nothing of 13 features."""
    config = {"encoder": "transformer", "encoder_conf": {"input_layer": "conv2d8"}}
    config |= {"frontend": "sphinx_mfcc"}
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(config))
    check_asr_config(path, ["--frontend", "kaldi_fbank"], "16k")
    with pytest.raises(UserError, match="train.yaml: input_layer conv2d8 leaves nothing of 13 "):
        check_asr_config(path, (), "16k")


@pytest.fixture(scope="module")
def trained(trainings):
    exp = trainings.root / "exp/asr_kaldi_fbank"
    config = ASR | {"frontend": "kaldi_fbank", "frontend_conf": {"fs": "16k"}, "max_epoch": 1}
    trainings.train_asr(exp, config)
    return exp


def test_the_fingerprint_has_the_frontend(trainings, trained):
    settings = read_fingerprint(trained / "1epoch.pth").settings
    assert (settings["frontend"], settings["frontend_conf"]) == ("kaldi_fbank", {"fs": "16k"})
    with pytest.raises(UserError, match='frontend: trained with "default", now "kaldi_fbank"'):
        trainings.train_asr(trainings.asr, ASR | {"frontend": "kaldi_fbank"})


def test_what_was_trained_transcribes(trainings, trained, tmp_path):
    file = next(iter(read_table(trainings.data["test"] / "wav.scp").values()))
    samples, rate = soundfile.read(file, dtype="float32")
    model = espnet_recursive.Speech2Text(trained / "config.yaml", trained / "1epoch.pth", **FAST)
    short = tmp_path / "short.wav"
    soundfile.write(short, samples[:700], rate)
    first, second = transcribe([file, str(short)], model)
    assert first.text == model(samples)[0][0] and len(first.text) > 2
    assert "short.wav cannot be transcribed" in second.reason
    for length in (0, 79, 81, 700):  # no frame, and too few for the encoder
        with pytest.raises(TooShortUttError):
            model(samples[:length])
