"""An exported encoder in the place of ESPnet's."""

import numpy as np
import pytest
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.export.encoder_graph import encoder_graph
from espnet_recursive.export.metadata import describe
from espnet_recursive.export.runtime import OnnxEncoder, open_session, with_encoder
from tests.convert.models import FEATURES, RECURSION, encode, load


def test_in_the_model(tmp_path):
    loaded = load("latent_recursive_transformer", **RECURSION)
    model = loaded.model
    before = encode(model)
    graph = encoder_graph(model.encoder, FEATURES, loops_as_input=True)
    describe(graph, loaded, None)
    file = tmp_path / "encoder.onnx"
    file.write_bytes(graph.SerializeToString())
    encoder = OnnxEncoder(str(file))
    twin = with_encoder(model, encoder)
    assert twin.encoder is encoder and model.encoder is not encoder and twin.ctc is model.ctc
    torch.testing.assert_close(encode(twin), before, rtol=0, atol=1e-5)
    x, lengths = torch.randn(1, 40, FEATURES), torch.tensor([40])
    model.encoder.set_depth(1)
    with torch.no_grad():
        expected = model.encoder(x, lengths)[0]
    np.testing.assert_allclose(encoder(x, lengths, 1)[0], expected, rtol=0, atol=1e-5)
    for loops in (0, -1):
        with pytest.raises(UserError, match=f"num_loops {loops}: .* 1 time or more"):
            encoder(x, lengths, loops)
        inputs = {"features": x.numpy(), "lengths": lengths.numpy(), "num_loops": np.array(loops)}
        with pytest.raises(Exception, match="num_loops_must_be_1_or_more"):
            open_session(str(file)).run(None, inputs)
