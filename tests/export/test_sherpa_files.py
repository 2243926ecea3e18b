"""Tokens as sherpa-onnx reads them, and models that share one file of weights."""

import base64

import numpy as np
import onnx
import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.export.encoder_graph import encoder_graph
from espnet_recursive.export.runtime import open_session
from espnet_recursive.export.sherpa_files import (
    WEIGHTS,
    check_tokens,
    moonshine_tokens,
    own_names,
    save,
    symbol_tokens,
)
from tests.export.conftest import build, features

TOKENS = ["<blank>", "<unk>", "<space>", "\u00e9", "\u2581the"]


def test_symbols():
    assert symbol_tokens(TOKENS) == "<blk> 0\n<unk> 1\n\u2581 2\n\u00e9 3\n\u2581the 4\n"
    rows = [line.split(" ") for line in moonshine_tokens(TOKENS, 2).splitlines()]
    assert [int(number) for _, number in rows] == [2, 3, 4, 5, 6]
    symbols = [base64.b64decode(symbol).decode() for symbol, _ in rows]
    assert symbols == ["<blank>", "<unk>", "\u2581", "\u00e9", "\u2581the"]


def test_tokens_that_would_be_written_in_another_way():
    check_tokens("exp/asr", TOKENS, "bpe")
    with pytest.raises(UserError, match="exp/asr: sherpa-onnx writes tokens one after the other"):
        check_tokens("exp/asr", TOKENS, "word")
    with pytest.raises(UserError, match="token '\u2581the' is a character there"):
        check_tokens("exp/asr", TOKENS, "char")


def test_models_that_share_their_weights(tmp_path):
    encoder = build("transformer", output_size=32, linear_units=128)
    graphs = [encoder_graph(encoder, 20, num_loops=loops) for loops in (1, 3)]
    files = [tmp_path / f"model.loops{loops}.onnx" for loops in (1, 3)]
    inputs = {name: value.numpy() for name, value in features([48]).items()}
    expected = [open_session(graph, 1).run(None, inputs)[0] for graph in graphs]
    for graph, file in zip(graphs, files, strict=True):
        save(graph, file, shared=True)
    for file, out in zip(files, expected, strict=True):
        np.testing.assert_allclose(open_session(str(file), 1).run(None, inputs)[0], out, atol=1e-6)
    sizes = [file.stat().st_size for file in files]
    parameters = sum(4 * p.numel() for p in encoder.parameters())
    assert (tmp_path / WEIGHTS).stat().st_size > 0.8 * parameters
    assert sorted(own_names(tmp_path)) == sorted(path.name for path in tmp_path.iterdir())
    assert max(sizes) < 110_000
    other = encoder_graph(build("transformer", output_size=32, linear_units=64), 20)
    with pytest.raises(RuntimeError, match="other weights"):
        save(other, tmp_path / "model.loops5.onnx", shared=True)
    assert len(own_names(tmp_path)) == 3


def test_what_is_not_ours(tmp_path):
    onnx.save(encoder_graph(build("transformer", (1, 1, 0, 0)), 20), tmp_path / "mine.onnx")
    (tmp_path / "model.onnx").touch()
    assert own_names(tmp_path) == ["model.onnx"] and own_names(tmp_path / "none") == []
