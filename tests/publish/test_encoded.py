"""What the encoder did for each utterance, beside its hypotheses."""

import pytest
import soundfile
import torch

from espnet_recursive import Speech2Text
from espnet_recursive.asr.depth import Depth
from tests.publish.experiments import ENCODER, FAST, RECURSION, RECURSIVE

#: With it, some of the utterances run one loop and some run two.
DIFFERENT = Depth(loop_exit="labels", loop_exit_threshold=0.3)


@pytest.fixture(scope="module")
def speech(recipe):
    return [soundfile.read(path, dtype="float32")[0] for path in recipe.audio]


@pytest.fixture(scope="module")
def model(recipe):
    return Speech2Text.from_pretrained(recipe.asr, **FAST, batch_size=4)


def test_as_configured(model, speech):
    Depth().apply(model.asr_model)
    encoded = model(speech[0]).encoded
    # {2, 3, 1, 1}
    assert (encoded.loops, encoded.layers) == (3, 1 + 2 * 3 + 1)
    assert 0 < encoded.seconds < 10


def test_each_of_a_batch_as_alone(model, speech):
    """ESPnet encodes the longest first and brings the results back into their order."""
    DIFFERENT.apply(model.asr_model)
    alone = [model(samples).encoded for samples in speech]
    assert {encoded.loops for encoded in alone} == {1, 2}
    assert [e.layers for e in alone] == [2 + 2 * e.loops for e in alone]
    batch = [nbest.encoded for nbest in model.batch_decode(speech)]
    assert [e.loops for e in batch] == [e.loops for e in alone]
    assert all(e.seconds > 0 for e in batch)


def test_halves_of_a_batch_that_was_too_large(model, speech, monkeypatch):
    DIFFERENT.apply(model.asr_model)
    expected = [nbest.encoded.loops for nbest in model.batch_decode(speech)]
    search = model.beam_search.forward

    def small_memory(x, **kwargs):
        if len(x) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return search(x=x, **kwargs)

    monkeypatch.setattr(model.beam_search, "forward", small_memory)
    assert [nbest.encoded.loops for nbest in model.batch_decode(speech)] == expected


def test_one_after_the_other_where_the_search_takes_no_batches(model, speech, monkeypatch):
    DIFFERENT.apply(model.asr_model)
    expected = [model(samples).encoded.loops for samples in speech]
    monkeypatch.setattr(model, "_can_batch_decode", lambda: False)
    assert [nbest.encoded.loops for nbest in model.batch_decode(speech)] == expected


def test_with_intermediate_ctc(recipe, speech):
    positions = {"interctc_layer_idx": [3], "interctc_use_conditioning": True}
    exp = recipe.train_asr("interctc", RECURSIVE, ENCODER | RECURSION | positions)
    model = Speech2Text.from_pretrained(exp, **FAST, num_loops=2)
    nbest, of_layers = model(speech[0])
    assert nbest.encoded.loops == 2
    assert list(of_layers) == [3]


def test_a_stock_encoder_has_no_loops(recipe, speech):
    exp = recipe.train_asr("two_blocks", "transformer", ENCODER | {"num_blocks": 2})
    encoded = Speech2Text.from_pretrained(exp, **FAST)(speech[0]).encoded
    assert (encoded.loops, encoded.layers) == (None, None)
    assert encoded.seconds > 0


def test_features_stay_as_they_are(recipe):
    """ESPnet's normalisation writes into them, which shows where they are decoded twice."""
    model = Speech2Text.from_pretrained(recipe.train_asr_of_features("kept", 13), **FAST)
    features = torch.randn(80, 13)
    before = features.clone()
    model(features)
    torch.testing.assert_close(features, before, rtol=0, atol=0)
