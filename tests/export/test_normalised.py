"""Features are normalised as ESPnet normalises them, whatever is in the padding."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from espnet2.layers.utterance_mvn import UtteranceMVN

from espnet_recursive.errors import UserError
from espnet_recursive.export.graphs import checked, trace
from espnet_recursive.export.normalised import Normalised, check_normalisation
from espnet_recursive.export.runtime import open_session


@pytest.mark.parametrize("normalize", [None, UtteranceMVN(norm_vars=True)], ids=["none", "mvn"])
def test_in_a_batch_as_alone(normalize):
    model = SimpleNamespace(normalize=normalize)
    inputs = {"raw_features": torch.zeros(2, 9, 4), "lengths": torch.tensor([9, 6])}
    axes = {"raw_features": {0: "batch", 1: "frames"}, "lengths": {0: "batch"}}
    graph = trace(Normalised(model).eval(), inputs, ["features", "feature_lengths"], axes)
    session = open_session(checked(graph), 1)
    raw = np.random.default_rng(0).standard_normal((3, 30, 4)).astype(np.float32)
    lengths = np.array([30, 1, 17])
    for row, length in zip(raw, lengths, strict=True):
        row[length:] = -23.0  # what sherpa-onnx has there
    found, counts = session.run(None, {"raw_features": raw, "lengths": lengths})
    assert counts.tolist() == lengths.tolist()
    for row, there, length in zip(raw, found, lengths, strict=True):
        alone = torch.from_numpy(row[None, :length].copy())
        if normalize is not None:
            alone, _ = normalize(alone, torch.tensor([length]))
        np.testing.assert_allclose(there[:length], alone[0], atol=1e-5)
        assert not there[length:].any()


def test_another_normalisation():
    with pytest.raises(UserError, match="normalize Identity cannot be in the file: global_mvn"):
        check_normalisation(SimpleNamespace(normalize=torch.nn.Identity()))
