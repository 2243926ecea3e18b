"""What a file says about itself is what its model is."""

import json

import numpy as np
import onnx
import pytest

from espnet_recursive import __version__
from espnet_recursive.export.encoder_graph import encoder_graph
from espnet_recursive.export.metadata import describe, shortest_input
from espnet_recursive.model.loaded_model import load_asr_model
from tests.convert.conftest import recipe  # noqa: F401
from tests.convert.models import FEATURES, TOKENS, load
from tests.export.conftest import build


def said(loaded, num_loops=None, precision="float32") -> dict[str, str]:
    """What describe() writes into a file, any file."""
    model = onnx.ModelProto()
    describe(model, loaded, num_loops, precision)
    assert (model.producer_name, model.producer_version) == ("espnet_recursive", __version__)
    return {entry.key: entry.value for entry in model.metadata_props}


def test_a_model_of_audio(recipe):  # noqa: F811
    about = said(load_asr_model(recipe / "exp/recursive"), num_loops=2)
    stats = np.load(recipe / "exp/stats/feats_stats.npz")
    mean = stats["sum"] / stats["count"]
    np.testing.assert_allclose(json.loads(about.pop("normalize_mean")), mean, rtol=1e-5)
    np.testing.assert_allclose(json.loads(about.pop("normalize_std")), 2.0, rtol=1e-5)
    assert json.loads(about.pop("tokens")) == TOKENS
    recursion = {"prelude_blocks": 1, "recurrent_blocks": 2, "coda_blocks": 1, "num_loops": 2}
    assert json.loads(about.pop("recursion")) == recursion
    assert json.loads(about.pop("frontend_conf"))["hop_length"] == 160
    assert about == {
        "espnet_recursive": __version__,
        "encoder": "latent_recursive_transformer",
        "quantisation": "none",
        "token_type": "char",
        "shortest_input": "7",
        "num_loops": "2",
        "sampling_rate": "16000",
        "frontend": "default",
        "normalize": "global_mvn",
        "feature_size": "20",
    }


def test_a_stock_model_of_features():
    about = said(load("transformer", num_blocks=2), precision="int8")
    assert about["quantisation"] == "int8, dynamic" and about["normalize"] == "null"
    assert about["feature_size"] == str(FEATURES)
    assert not about.keys() & {"recursion", "sampling_rate", "frontend", "normalize_mean"}


@pytest.mark.parametrize(
    ("input_layer", "frames"),
    [("linear", 1), ("conv2d", 7), ("conv2d6", 11), ("conv2d8", 15), ("conv2d_speechbrain", 13)],
)
def test_shortest_input(input_layer, frames):
    assert shortest_input(build("transformer", input_layer=input_layer)) == frames


def test_a_file_with_it_is_a_file():
    loaded = load("transformer", num_blocks=2)
    model = encoder_graph(loaded.model.encoder, FEATURES)
    describe(model, loaded, None)
    onnx.checker.check_model(model, full_check=True)
