"""Small recognisers in memory, and one on disk for each architecture."""

import functools
import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from espnet2.tasks.asr import ASRTask

from espnet_recursive.model.find_model import FoundModel
from espnet_recursive.model.loaded_model import LoadedModel
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.publish.experiments import working_directory

FEATURES = 20
#: {2, 3, 1, 1}: four unique layers, eight executed.
RECURSION = {"recurrent_blocks": 2, "num_loops": 3, "prelude_blocks": 1, "coda_blocks": 1}
TOKENS = ["<blank>", "<unk>", *"abcdef", "<sos/eos>"]
_DECODER = {"attention_heads": 2, "linear_units": 16, "num_blocks": 1}


def small_conf(name: str, **conf: Any) -> dict[str, Any]:
    """Options of an architecture that make it small."""
    return {**ARCHITECTURES[name.removeprefix("latent_recursive_")].small, **conf}


def load(
    encoder: str, seed: int = 0, model_conf: Any = None, features: int = FEATURES, **conf: Any
) -> LoadedModel:
    """A recogniser of features, every weight of which is random, also norms and statistics."""
    config = {
        **_default_config(),
        "encoder": encoder,
        "encoder_conf": small_conf(encoder, **conf),
        "decoder": "transformer",
        "decoder_conf": _DECODER,
        "token_list": TOKENS,
        "token_type": "char",
        "input_size": features,
        "normalize": None,
        "model_conf": model_conf or {},
    }
    torch.manual_seed(seed)
    model = ASRTask.build_model(Namespace(**config))
    randomise(model)
    return LoadedModel(FoundModel("exp/asr", {}, {}, ()), config, model.eval())


def randomise(model: torch.nn.Module) -> None:
    """Move every weight away from where it starts."""
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2)
            elif name.endswith("_extra_state") or not value.is_floating_point():
                continue
            else:
                value.add_(0.1 * torch.randn_like(value))


def encode(model: Any, frames: int = 60) -> torch.Tensor:
    """(1, T, D) output of the encoder on random features, always the same."""
    features = torch.randn(1, frames, FEATURES, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        out, _ = model.encode(features, torch.tensor([frames]))
    return out[0] if isinstance(out, tuple) else out


def assert_same_weights(model: Any, other: Any, but: str = "nothing at all") -> None:
    """Bit for bit, all of them except those whose names start with `but`."""
    weights, others = (m.state_dict() for m in (model, other))
    names = {name for name in weights if not name.startswith(but)}
    assert names == {name for name in others if not name.startswith(but)}
    for name in names:
        assert torch.equal(weights[name], others[name]), name


def write_experiment(
    root: Path, name: str, encoder: str, config_of: Any = None, **conf: Any
) -> Path:
    """An experiment's folder as a training of audio leaves it, below a recipe's folder.

    Args:
        root: The recipe's folder.
        name: Of the experiment.
        encoder: ESPnet's name of it.
        config_of: Other values of the training's configuration, such as the frontend.
        **conf: Options of the encoder.
    """
    stats = root / "exp/stats/feats_stats.npz"
    if not stats.exists():
        stats.parent.mkdir(parents=True)
        random = np.random.default_rng(0)
        frames, mean = 1000, random.normal(-8.0, 2.0, FEATURES)
        np.savez(stats, count=frames, sum=frames * mean, sum_square=frames * (mean**2 + 4.0))
    exp, source = root / "exp" / name, root / f"{name}.yaml"
    config = {
        "encoder": encoder,
        "encoder_conf": small_conf(encoder, **conf),
        "decoder": "transformer",
        "decoder_conf": _DECODER,
        "token_list": TOKENS,
        "token_type": "char",
        "frontend_conf": {"n_fft": 512, "hop_length": 160, "win_length": 400, "n_mels": FEATURES},
        "normalize": "global_mvn",
        "normalize_conf": {"stats_file": "exp/stats/feats_stats.npz"},
        "optim": "adam",
        **(config_of or {}),
    }
    source.write_text(json.dumps(config))  # JSON is YAML too
    with working_directory(root):
        # A dry run ends when the configuration is written.
        options = ["--output_dir", f"exp/{name}", "--ngpu", "0", "--dry_run", "true"]
        ASRTask.main(cmd=["--config", str(source), *options])
        torch.manual_seed(0)
        model, _ = ASRTask.build_model_from_file(exp / "config.yaml")
    randomise(model.encoder)
    torch.save(model.state_dict(), exp / "3epoch.pth")
    (exp / "valid.acc.ave.pth").symlink_to("3epoch.pth")
    return exp


@functools.cache
def _default_config() -> dict[str, Any]:
    # It reads the command line of the process, which is that of pytest.
    with patch.object(sys, "argv", sys.argv[:1]):
        return ASRTask.get_default_config()
