"""A stream equals the pass with chunks over the whole utterance."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from espnet_recursive.asr.depth import Depth
from espnet_recursive.asr.streaming.streaming_encoder import StreamingEncoder
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import PARTS, build

#: Pieces in which the features come.
PIECES = (3, 50, 7, 1, 0, 40, 32)


@pytest.fixture(params=ARCHITECTURES.values(), ids=str)
def arch(request):
    return request.param


def streamed(stream, x, pieces=PIECES):
    """All states of a stream."""
    state, outs, first = stream.start(), [], 0
    for piece in pieces:
        end = first + piece
        out, state = stream(x[:, first:end], state, last=end == x.size(1))
        outs.append(out)
        first = end
    return torch.cat(outs, 1), state


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("part", PARTS)
def test_every_part(arch, part):
    encoder = build(arch, part=part, chunk_size=6, num_left_chunks=2).eval()
    x = torch.randn(2, sum(PIECES), 20, dtype=torch.float64)
    whole, _, _ = encoder(x, torch.tensor([x.size(1)] * 2))
    out, _ = streamed(StreamingEncoder(encoder), x)
    close(out, whole[0] if isinstance(whole, tuple) else whole)


@pytest.mark.parametrize(
    ("name", "conf"),
    [
        ("transformer", {"input_layer": "conv2d6"}),
        ("transformer", {"input_layer": "conv2d8"}),
        ("transformer", {"input_layer": "conv2d2"}),
        ("transformer", {"input_layer": "conv2d_speechbrain"}),
        ("transformer", {"input_layer": "conv1d2"}),
        ("transformer", {"positionwise_layer_type": "conv1d"}),
        ("branchformer", {"attention_layer_type": "selfattn", "pos_enc_layer_type": "abs_pos"}),
        ("branchformer", {"merge_method": "fixed_ave", "zero_triu": True}),
        ("e_branchformer", {"merge_conv_kernel": 7, "cgmlp_conv_kernel": 15}),
        ("conformer", {"use_sdpa": True, "cnn_module_kernel": 9}),
    ],
    ids=str,
)
def test_options_of_espnet(name, conf):
    encoder = build(ARCHITECTURES[name], chunk_size=2, num_left_chunks=3, **conf).eval()
    x = torch.randn(1, sum(PIECES), 20, dtype=torch.float64)
    whole, _, _ = encoder(x, torch.tensor([x.size(1)]))
    out, _ = streamed(StreamingEncoder(encoder), x)
    close(out, whole)


@pytest.mark.parametrize("left", [-1, 0, 1])
@pytest.mark.parametrize("loops", [1, 4])
def test_other_depths_and_chunks(arch, left, loops):
    encoder = build(arch, chunk_size=6, num_left_chunks=2).eval()
    x = torch.randn(1, sum(PIECES), 20, dtype=torch.float64)
    depth = Depth(num_loops=loops, chunk_size=4, num_left_chunks=left)
    whole, _, _ = encoder(x, torch.tensor([x.size(1)]), depth=depth)
    stream = StreamingEncoder(encoder, chunk_size=4, num_left_chunks=left, num_loops=loops)
    out, _ = streamed(stream, x)
    close(out, whole)


def test_the_cache_has_what_the_executed_layers_need(arch):
    encoder = build(arch, chunk_size=2, num_left_chunks=3).eval()
    stream = StreamingEncoder(encoder)
    sizes = []
    x = torch.randn(1, 400, 20, dtype=torch.float64)
    for length in (100, 400):
        _, state = streamed(stream, x[:, :length], (length,))
        sizes.append(state.num_bytes)
    assert sizes[0] == sizes[1]
    keys = [cache for cache in state.caches.values() if cache.dim() == 4]
    # {2, 3, 1, 1}: eight executed layers, 3 chunks of 2 frames, keys and values of 16 dimensions.
    assert sum(cache.numel() for cache in keys) == 8 * 6 * 2 * 16


@pytest.mark.exhaustive
def test_beyond_the_first_table_of_positions():
    encoder = build(ARCHITECTURES["branchformer"], shape=(1, 1, 0, 0), chunk_size=512).eval()
    absolute = build(
        ARCHITECTURES["transformer"], shape=(1, 1, 0, 0), chunk_size=512, num_left_chunks=1
    ).eval()
    for one in (encoder, absolute):
        x = torch.randn(1, 20500, 20, dtype=torch.float64)
        whole, _, _ = one(x, torch.tensor([20500]), depth=Depth(num_left_chunks=1))
        out, _ = streamed(StreamingEncoder(one, num_left_chunks=1), x, (20500,))
        close(out, whole)


def test_streams_in_threads(arch):
    encoder = build(arch, chunk_size=4, num_left_chunks=1).eval()
    xs = [torch.randn(1, sum(PIECES), 20, dtype=torch.float64) for _ in range(6)]
    streams = [StreamingEncoder(encoder, num_loops=1 + i % 3) for i in range(6)]
    alone = [streamed(stream, x)[0] for stream, x in zip(streams, xs, strict=True)]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda pair: streamed(*pair)[0], zip(streams, xs, strict=True)))
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one, other)


def test_too_short_for_a_state():
    encoder = build(ARCHITECTURES["transformer"], chunk_size=4).eval()
    stream = StreamingEncoder(encoder)
    out, state = stream(torch.randn(1, 6, 20, dtype=torch.float64), stream.start(), last=True)
    assert out.shape == (1, 0, 16) and state.frames == 0
    assert (stream.subsampling, stream.right_context) == (4, 3)


def test_encoders_that_cannot_be_streamed():
    arch = ARCHITECTURES["transformer"]
    with pytest.raises(ValueError, match="set chunk_size in its encoder_conf"):
        StreamingEncoder(build(arch).eval())
    with pytest.raises(ValueError, match="call eval"):
        StreamingEncoder(build(arch, chunk_size=4).train())
    with pytest.raises(ValueError, match="choose num_loops"):
        StreamingEncoder(build(arch, "length", chunk_size=4).eval())
    assert StreamingEncoder(build(arch, "length", chunk_size=4).eval(), num_loops=2)
    with pytest.raises(ValueError, match="input_layer of convolutions"):
        StreamingEncoder(build(arch, chunk_size=4, input_layer="linear").eval())
