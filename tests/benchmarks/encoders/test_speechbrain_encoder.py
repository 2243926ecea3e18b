"""SpeechBrain's layers: as many and as large as ESPnet's."""

import pytest
import torch

from benchmarks.encoders.rows import stock
from benchmarks.encoders.work import Work

pytest.importorskip("speechbrain", reason="pip install -e '.[bench]'")

from benchmarks.encoders.speechbrain_encoder import speechbrain  # noqa: E402


def size(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("row", ["B", "B3"])
def test_same_output_lengths_and_input_layer(rows, row):
    ours, theirs = stock(rows, row, {}).eval(), speechbrain(rows, row, {}).eval()
    xs_pad, ilens = Work("inference", 3, 80).batch(0, "cpu")
    with torch.no_grad():
        out, olens, _ = theirs(xs_pad, ilens)
        expected, lengths, _ = ours(xs_pad, ilens)
    assert out.shape == expected.shape and olens.tolist() == lengths.tolist()
    assert size(theirs.embed) == size(ours.embed)


def test_layers_have_as_many_parameters(rows):
    ours, theirs = stock(rows, "B", {}), speechbrain(rows, "B", {})
    assert size(theirs.encoders) == size(ours.encoders) + size(ours.after_norm)


def test_padding_does_not_reach_an_utterance(rows):
    encoder = speechbrain(rows, "B", {}).eval()
    xs_pad, ilens = Work("inference", 2, 80).batch(0, "cpu")
    longer = torch.nn.functional.pad(xs_pad, (0, 0, 0, 40))
    with torch.no_grad():
        (one, olens, _), (other, *_) = encoder(xs_pad, ilens), encoder(longer, ilens)
    kept = int(olens[1]) - 1  # the last frame of the convolutions sees beyond the end
    torch.testing.assert_close(one[1, :kept], other[1, :kept], atol=1e-4, rtol=1e-4)
