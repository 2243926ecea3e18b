"""Experiments on disk, for all tests of conversion."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.asr.encoder.conftest import ARCHITECTURES
from tests.convert.models import RECURSION, write_experiment


@pytest.fixture(scope="session")
def recipe(tmp_path_factory) -> Path:
    """A recipe's folder: exp/<architecture> of eight layers, exp/recursive, and speech.wav."""
    root = tmp_path_factory.mktemp("convert")
    for name in ARCHITECTURES:
        write_experiment(root, name, name, num_blocks=8)
    private = {"loop_norms": True, "loop_adapter_conf": {"target_modules": ["w_1"], "rank": 2}}
    write_experiment(root, "recursive", "latent_recursive_transformer", **RECURSION, **private)
    samples = 0.1 * np.random.default_rng(0).standard_normal(16000)
    soundfile.write(root / "speech.wav", samples, 16000)
    return root
