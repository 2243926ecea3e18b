"""The states after each executed layer, of encoders and of whole models."""

import numpy as np
import pytest
import soundfile
import torch
from espnet2.asr.encoder.rnn_encoder import RNNEncoder

from espnet_recursive.analysis.hidden_states import (
    ESPnetStates,
    layer_labels,
    unique_layers,
    watching,
)
from espnet_recursive.errors import UserError
from espnet_recursive.publish.speech2text import Speech2Text
from espnet_recursive.recursion.shape import RecursionShape
from espnet_recursive.registry import encoder_class
from tests.publish.conftest import private_home, recipe  # noqa: F401

STOCK = {
    "transformer": ("espnet2.asr.encoder.transformer_encoder", "TransformerEncoder"),
    "conformer": ("espnet2.asr.encoder.conformer_encoder", "ConformerEncoder"),
    "branchformer": ("espnet2.asr.encoder.branchformer_encoder", "BranchformerEncoder"),
    "e_branchformer": ("espnet2.asr.encoder.e_branchformer_encoder", "EBranchformerEncoder"),
}
INPUT, LENGTHS = torch.randn(1, 60, 20), torch.tensor([60])


def build(name, recursive):
    conf = {"input_size": 20, "output_size": 16, "attention_heads": 2}
    if recursive:
        loops = {"prelude_blocks": 1, "recurrent_blocks": 2, "coda_blocks": 1, "num_loops": 3}
        return encoder_class(f"latent_recursive_{name}")(**conf, **loops).eval()
    module, cls = STOCK[name]
    return getattr(__import__(module, fromlist=[cls]), cls)(**conf, num_blocks=4).eval()


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize("name", STOCK)
@torch.no_grad()
def test_all_architectures(name, recursive):
    encoder = build(name, recursive)
    with watching(unique_layers(encoder)) as states:
        output, lengths, _ = encoder(INPUT, LENGTHS)
    assert len(states) == 1 + (8 if recursive else 4)
    assert {state.shape for state in states} == {(1, int(lengths[0]), 16)}
    assert torch.equal(encoder.after_norm(states[-1]), output)
    if name != "branchformer":  # whose stock forward cannot
        (_, expected), *_ = encoder(INPUT, LENGTHS, return_all_hs=True)
        assert all(map(torch.equal, states[1:], expected))


@torch.no_grad()
def test_nothing_stays_behind():
    encoder = build("transformer", True)
    with watching(unique_layers(encoder)) as states:
        encoder(INPUT, LENGTHS)
    before = len(states)
    encoder(INPUT, LENGTHS)
    assert len(states) == before


def test_private_parts_of_loops():
    """Layers with weights of a loop's own are run another way."""
    conf = {"prelude_blocks": 1, "recurrent_blocks": 2, "coda_blocks": 1, "num_loops": 2}
    encoder = encoder_class("latent_recursive_transformer")(
        20, output_size=16, attention_heads=2, loop_norms=True, **conf
    ).eval()
    with watching(unique_layers(encoder)) as states, torch.no_grad():
        encoder(INPUT, LENGTHS)
    assert len(states) == 1 + 6


def test_an_encoder_without_layers():
    with pytest.raises(UserError, match="RNNEncoder, has no list of layers named encoders"):
        unique_layers(RNNEncoder(20))


@pytest.mark.parametrize(
    "layers, shape, expected",
    [
        (3, None, "in 1 2 3"),
        (6, (2, 2, 1, 1), "in P1 1.1 1.2 2.1 2.2 C1"),
        (8, (2, 2, 1, 1), "in P1 1.1 1.2 2.1 2.2 3.1 3.2 C1"),
        (2, (1, 5, 0, 0), "in 1.1 2.1"),
    ],
)
def test_labels(layers, shape, expected):
    recursion = RecursionShape(*shape) if shape else None
    assert " ".join(layer_labels(layers, recursion)) == expected


@pytest.fixture(scope="module")
def states(recipe):  # noqa: F811
    return ESPnetStates(Speech2Text.from_pretrained(recipe.asr), str(recipe.asr))


def test_a_model(states, recipe):  # noqa: F811
    """What the states are is what ``encode`` of the model made of them."""
    speech, rate = soundfile.read(recipe.audio[0], dtype="float32")
    assert states.rate == rate == 16000
    assert str(states.recursion) == "{2, 3, 1, 1}"
    found = states(speech)
    model = states._model
    with torch.no_grad():
        output, _ = model.encode(torch.from_numpy(speech)[None], torch.tensor([len(speech)]))
        assert found.shape == (1 + 8, *output.shape[1:])
        assert torch.allclose(model.encoder.after_norm(found[-1]), output[0], atol=1e-6)
    states.set_loops(5)
    assert len(states(speech)) == 1 + 12
    states.set_loops(3)


def test_too_short(states):
    with pytest.raises(UserError, match="too short for the encoder"):
        states(np.zeros(600, dtype=np.float32))


def test_a_stock_model_has_no_loops(recipe):  # noqa: F811
    conf = {"output_size": 16, "attention_heads": 2, "linear_units": 32, "num_blocks": 2}
    exp = recipe.train_asr("asr_stock_states", "conformer", conf)
    states = ESPnetStates(Speech2Text.from_pretrained(exp), str(exp))
    assert states.recursion is None
    assert len(states(soundfile.read(recipe.audio[0], dtype="float32")[0])) == 1 + 2
    with pytest.raises(UserError, match="ConformerEncoder, runs each layer once"):
        states.set_loops(2)
