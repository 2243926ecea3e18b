"""The conversions as a whole, from folder to folder, in all four architectures."""

import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
import soundfile
import torch
from espnet2.tasks.asr import ASRTask
from espnet2.torch_utils.load_pretrained_model import load_pretrained_model

from espnet_recursive import Speech2Text
from espnet_recursive.convert.convert import convert_to_recursive, convert_to_stock
from espnet_recursive.convert.to_recursive import Start
from espnet_recursive.errors import UserError
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.model.loaded_model import load_asr_model
from espnet_recursive.model.weights import check_weights
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.convert.models import RECURSION, assert_same_weights
from tests.publish.experiments import FAST, working_directory


@pytest.fixture(scope="session")
def converted(recipe):
    """Each architecture made recursive, exp/<name>_recursive, and that unrolled, .._stock."""
    audio = [recipe / "speech.wav"]
    start, reports = Start(loop_norms=True, rank=2), {}
    for name in ARCHITECTURES:
        recursive, stock = (recipe / "exp" / f"{name}_{what}" for what in ("recursive", "stock"))
        reports[name] = (
            convert_to_recursive(recipe / "exp" / name, recursive, RECURSION, start, audio=audio),
            convert_to_stock(recursive, stock, audio=audio),
        )
    return reports


def samples(recipe):
    return soundfile.read(recipe / "speech.wav", dtype="float32")[0]


def encoded(model, recipe):
    speech = torch.from_numpy(samples(recipe))[None]
    with torch.no_grad():
        return model.encode(speech, torch.tensor([speech.shape[1]]))[0]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_what_is_written_fits_and_loads(converted, recipe, name):
    for what in ("recursive", "stock"):
        folder = recipe / "exp" / f"{name}_{what}"
        config = folder / "config.yaml"
        with working_directory(recipe):
            check_weights(ASRTask, read_yaml(config), config, folder / "valid.acc.ave.pth")
    deep, recursive, stock = (
        Speech2Text.from_pretrained(recipe / "exp" / folder, **FAST).asr_model
        for folder in (name, f"{name}_recursive", f"{name}_stock")
    )
    assert str(recursive.encoder.shape) == "{2, 3, 1, 1}"
    assert_same_weights(deep, recursive, but="encoder.encoders.")
    assert_same_weights(deep, stock, but="encoder.encoders.")
    torch.testing.assert_close(
        encoded(stock, recipe), encoded(recursive, recipe), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_what_is_reported(converted, recipe, name):
    to_recursive, to_stock = converted[name]
    before, after = (
        encoded(load_asr_model(recipe / "exp" / folder).model, recipe)[0]
        for folder in (name, f"{name}_recursive")
    )
    close = to_recursive.closeness
    assert close.inputs == str(recipe / "speech.wav") and close.frames == len(before)
    changes = (after - before).norm(dim=-1) / before.norm(dim=-1)
    assert close.relative_difference == pytest.approx(changes.mean().item())
    assert 0 < close.relative_difference < close.largest_relative_difference
    assert to_stock.closeness.largest_relative_difference < 1e-6
    assert to_stock.closeness.label_agreement == 1
    layers = [size.layers for report in (to_recursive, to_stock) for size in report.encoder]
    assert layers[0] == layers[3] > layers[1] == layers[2]
    written = (recipe / "exp" / f"{name}_recursive" / "conversion.md").read_text()
    assert written == to_recursive.as_markdown()


ESPNET_ALONE = """
import json, sys

class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "espnet_recursive":
            raise ImportError("espnet_recursive is not here")

sys.meta_path.insert(0, Forbidden())
import soundfile, torch
from espnet2.bin.asr_inference import Speech2Text

speech, _ = soundfile.read(sys.argv[1], dtype="float32")
results = {}
for folder in sys.argv[2:]:
    files = folder + "/config.yaml", folder + "/valid.acc.ave.pth"
    model = Speech2Text(*files, beam_size=2, maxlenratio=-8.0, ctc_window_margin=0)
    x = torch.from_numpy(speech)[None]
    with torch.no_grad():
        out, _ = model.asr_model.encode(x, torch.tensor([x.shape[1]]))
    results[folder] = [model(speech)[0][0], out.tolist()]
assert not any(name.startswith("espnet_recursive") for name in sys.modules)
print(json.dumps(results))
"""


def test_espnet_alone_loads_what_was_unrolled(converted, recipe, tmp_path):
    folders = {name: recipe / "exp" / f"{name}_stock" for name in ARCHITECTURES}
    result = subprocess.run(
        [sys.executable, "-c", ESPNET_ALONE, recipe / "speech.wav", *folders.values()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    for name, folder in folders.items():
        model = Speech2Text.from_pretrained(recipe / "exp" / f"{name}_recursive", **FAST)
        text, out = found[str(folder)]
        assert text == model(samples(recipe))[0][0] and text
        torch.testing.assert_close(
            torch.tensor(out), encoded(model.asr_model, recipe), rtol=1e-6, atol=1e-6
        )


def test_it_starts_a_training(converted, recipe):
    """ESPnet's --init_param takes the weights as they are, in a model of encoder.yaml."""
    folder = recipe / "exp/transformer_recursive"
    config = read_yaml(recipe / "exp/transformer/config.yaml") | read_yaml(folder / "encoder.yaml")
    with working_directory(recipe):
        model = ASRTask.build_model(Namespace(**config))
    load_pretrained_model(str(folder / "valid.acc.ave.pth"), model, ignore_init_mismatch=False)
    assert_same_weights(model, load_asr_model(folder).model)


def test_another_depth(recipe, tmp_path):
    report = convert_to_stock(recipe / "exp/recursive", tmp_path / "out", num_loops=5)
    assert report.encoder[1].executed_blocks == 12
    assert report.closeness.largest_relative_difference < 1e-6
    assert report.closeness.inputs.startswith("random input")


def test_what_cannot_be_converted_leaves_nothing(recipe, tmp_path):
    output, deep = tmp_path / "out", recipe / "exp/transformer"
    short = tmp_path / "short.wav"
    soundfile.write(short, samples(recipe)[:800], 16000)
    before = set(tmp_path.iterdir())
    for model, shape, audio, message in (
        (deep, {"num_loops": 4}, [], r"transformer has 8 encoder layers.* Possible tuples"),
        (deep, RECURSION | {"num_loops": 0}, [], "--num_loops must be 1 or more, not 0"),
        (deep, RECURSION, [short], "short.wav is too short for the encoder"),
        (deep, RECURSION, [Path("none.wav")], "none.wav cannot be read: there is no such file"),
        (recipe / "exp/recursive", RECURSION, [], "Unroll it first"),
    ):
        with pytest.raises(UserError, match=message):
            convert_to_recursive(model, output, shape, Start(), audio=audio)
    with pytest.raises(UserError, match="nothing to unroll"):
        convert_to_stock(deep, output)
    assert set(tmp_path.iterdir()) == before
