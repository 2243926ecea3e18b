"""What cannot be a recogniser in a file is refused with the key and the remedy."""

from dataclasses import replace

import pytest
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.export.recogniser_checks import check_recogniser
from espnet_recursive.model.loaded_model import load_asr_model
from tests.convert.conftest import recipe  # noqa: F401
from tests.convert.models import load


@pytest.fixture(scope="module")
def loaded(recipe):  # noqa: F811
    return load_asr_model(recipe / "exp/recursive")


def changed(loaded, **parts):
    """The same model with another part; None takes one away."""
    twin = load_asr_model(loaded.found.name)
    for name, part in parts.items():
        setattr(twin.model, name, part)
    return twin


def test_taken(loaded):
    check_recogniser(loaded, None)
    check_recogniser(loaded, 2)


def test_features():
    with pytest.raises(UserError, match="exp/asr takes features of 20 dimensions.*--to encoder"):
        check_recogniser(load("transformer", num_blocks=2), None)


def test_no_ctc(loaded):
    with pytest.raises(UserError, match="has no CTC .ctc_weight 0.0., and the file decodes with"):
        check_recogniser(changed(loaded, ctc=None), None)


def test_frontend_and_normalisation(loaded):
    with pytest.raises(UserError, match="recursive: frontend Identity cannot be in the file"):
        check_recogniser(changed(loaded, frontend=torch.nn.Identity()), None)
    with pytest.raises(UserError, match="recursive: normalize Identity cannot be in the file"):
        check_recogniser(changed(loaded, normalize=torch.nn.Identity()), None)


@pytest.mark.parametrize("token", ["a b", "", "\u3000", "x\n"])
def test_tokens_that_a_list_in_columns_cannot_hold(loaded, token):
    tokens = [*loaded.config["token_list"][:-2], token, "<sos/eos>"]
    twin = replace(loaded, config=loaded.config | {"token_list": tokens})
    with pytest.raises(UserError, match="recursive: token 7, .*, is empty or has a space in it"):
        check_recogniser(twin, None)


def test_loops(loaded, recipe):  # noqa: F811
    with pytest.raises(UserError, match="--num_loops 0: at least 1"):
        check_recogniser(loaded, 0)
    stock = load_asr_model(recipe / "exp/transformer")
    check_recogniser(stock, None)
    with pytest.raises(UserError, match="runs each layer once: leave"):
        check_recogniser(stock, 2)
