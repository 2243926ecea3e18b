"""Streams in onnxruntime equal the pass with chunks over the whole utterance in PyTorch."""

import numpy as np
import pytest
import torch
from espnet2.asr.ctc import CTC
from espnet2.layers.global_mvn import GlobalMVN

from espnet_recursive.asr.depth import Depth
from espnet_recursive.asr.streaming.streaming_encoder import StreamingEncoder
from espnet_recursive.export.online_client import run_online
from espnet_recursive.export.online_graph import OnlineStep, describe_step, online_graph
from espnet_recursive.export.runtime import open_session
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import PARTS
from tests.export.conftest import build, weights_in

FEATURES, VOCABULARY = 20, 6


def ctc_of(encoder):
    torch.manual_seed(1)
    return CTC(VOCABULARY, encoder.output_size()).eval()


@torch.no_grad()
def assert_streams(encoder, normalize=None, loops=None, chunk=6, left=2, frames=190):
    """The stream in onnxruntime has the posteriors of the whole in PyTorch; returns the model."""
    ctc = ctc_of(encoder)
    stream = StreamingEncoder(encoder, chunk_size=chunk, num_left_chunks=left, num_loops=loops)
    step = OnlineStep(stream, normalize, ctc, FEATURES)
    model = online_graph(step)
    feats = torch.randn(1, frames, FEATURES)
    lengths = torch.tensor([frames])
    there = run_online(open_session(model, 1), step, feats[0].numpy())
    normal = feats if normalize is None else normalize(feats, lengths)[0]
    depth = Depth(num_loops=loops, chunk_size=chunk, num_left_chunks=left)
    out, _, _ = encoder(normal, lengths, depth=depth)
    whole = ctc.log_softmax(out[0] if isinstance(out, tuple) else out)[0]
    assert len(there) == (frames - stream.right_context) // (chunk * stream.subsampling) * chunk
    torch.testing.assert_close(torch.from_numpy(there), whole[: len(there)], rtol=0, atol=2e-5)
    return model


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture(name):
    model = assert_streams(build(name, num_left_chunks=2, chunk_size=6))
    inputs = ["x", "offset", "required_cache_size", "attn_cache", "conv_cache", "attn_mask"]
    assert [value.name for value in model.graph.input] == inputs


@pytest.mark.parametrize("part", [part for part in PARTS if part != "none"])
def test_every_part(part):
    assert_streams(build("transformer", chunk_size=6, num_left_chunks=2, **PARTS[part]))


def test_strides_with_relative_positions_and_convolutions():
    assert_streams(build("e_branchformer", chunk_size=6, num_left_chunks=2, **PARTS["strides"]))


def test_global_statistics_and_another_depth(tmp_path):
    mean = np.random.default_rng(0).normal(size=FEATURES)
    count = 1000
    np.savez(tmp_path / "s.npz", count=count, sum=count * mean, sum_square=count * (mean**2 + 4))
    encoder = build("transformer", chunk_size=6, num_left_chunks=2, input_layer="conv2d6")
    normalize = GlobalMVN(str(tmp_path / "s.npz"))
    models = {L: assert_streams(encoder, normalize, loops=L, chunk=4, left=3) for L in (1, 4)}
    # Six layers more are executed, and none stands in the file twice.
    assert weights_in(models[4].graph) < 1.1 * weights_in(models[1].graph)


def test_the_clients_metadata():
    encoder = build("conformer", chunk_size=6, num_left_chunks=2)
    step = OnlineStep(StreamingEncoder(encoder), None, ctc_of(encoder), FEATURES)
    model = online_graph(step)
    describe_step(model, step, VOCABULARY)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["model_type"] == "wenet_ctc" and about["vocab_size"] == str(VOCABULARY)
    assert (about["subsampling_factor"], about["right_context"]) == ("4", "6")
    assert about["num_blocks"] == str(encoder.shape.executed_blocks)
    width, rows = int(about["output_size"]), int(about["num_blocks"])
    shapes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in model.graph.input
    }
    heads, kernel = int(about["head"]), int(about["cnn_module_kernel"])
    assert shapes["attn_cache"] == [rows, heads, 12, 2 * width // heads]
    assert shapes["conv_cache"] == [rows, 1, width, kernel - 1]
    assert shapes["x"] == [1, (6 - 1) * 4 + 6 + 1, FEATURES]


@pytest.mark.parametrize("left", [0, -1])
def test_chunks_without_a_limit_before_them(left):
    encoder = build("transformer", chunk_size=6, num_left_chunks=left)
    with pytest.raises(ValueError, match="num_left_chunks of 1 or more"):
        OnlineStep(StreamingEncoder(encoder), None, ctc_of(encoder), FEATURES)
