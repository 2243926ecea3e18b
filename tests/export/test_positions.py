"""Positions without ESPnet's table are those of the table, and go beyond it."""

import pytest
import torch
from espnet2.legacy.nets.pytorch_backend.transformer import embedding

from espnet_recursive.export.positions import computed_positions


@pytest.mark.parametrize(
    "kind",
    [
        embedding.PositionalEncoding,
        embedding.ScaledPositionalEncoding,
        embedding.RelPositionalEncoding,
        embedding.LegacyRelPositionalEncoding,
    ],
)
@pytest.mark.parametrize("frames", [1, 7, 30])
def test_as_espnet(kind, frames):
    encoding = kind(8, 0.0, max_len=20)
    x = torch.randn(2, frames, 8)
    table = encoding.pe
    with computed_positions(torch.nn.Sequential(torch.nn.Identity(), encoding)):
        computed = encoding(x)
    assert encoding.pe is table and "extend_pe" not in vars(encoding)
    torch.testing.assert_close(computed, encoding(x), rtol=0, atol=0)


def test_an_encoder_without_them():
    encoding = embedding.ConvolutionalPositionalEmbedding(16, 0.0)
    with computed_positions(encoding):
        assert encoding(torch.randn(1, 5, 16)).shape == (1, 5, 16)
