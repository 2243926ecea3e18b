"""Small models as trainings leave them, with random weights, written by ESPnet's own tasks."""

import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from espnet_recursive.corpora.mini_an4 import prepare_mini_an4
from espnet_recursive.recipe.token_list import read_sentences, train_bpe

RECURSIVE = "latent_recursive_transformer"
#: {2, 3, 1, 1}: four layers that have parameters.
RECURSION = {"prelude_blocks": 1, "recurrent_blocks": 2, "coda_blocks": 1, "num_loops": 3}
ENCODER = {"output_size": 16, "attention_heads": 2, "linear_units": 32}
#: Decodes in tenths of a second.
FAST = {"beam_size": 2, "maxlenratio": -8.0, "ctc_window_margin": 0}
_DECODER = {"attention_heads": 2, "linear_units": 32, "num_blocks": 1}
_LM = {"pos_enc": "sinusoidal", "embed_unit": 8, "att_unit": 16, "head": 2, "unit": 32, "layer": 1}


class Recipe:
    """A recipe's folder after training: data, a token list, exp/asr_* and exp/lm.

    Attributes:
        root: The folder; paths in configurations start from it.
        asr: exp/asr_recursive, whose config.yaml and model.pth ESPnet wrote.
        lm: exp/lm, likewise.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = {p.name: p for p in prepare_mini_an4(root / "data", root / "downloads")}
        train_bpe(read_sentences(self.data["train"] / "text"), root / "data/en/bpe30", nbpe=30)
        stats = root / "exp/stats/feats_stats.npz"
        stats.parent.mkdir(parents=True)
        random = np.random.default_rng(0)
        frames, mean = 1000, random.normal(-8.0, 2.0, 80)
        np.savez(stats, count=frames, sum=frames * mean, sum_square=frames * (mean**2 + 4.0))
        self.asr = self.train_asr("asr_recursive", RECURSIVE, ENCODER | RECURSION)
        self.lm = self._train_lm()
        (self.asr / "RESULTS.md").write_text(
            "# RESULTS\n## asr_recursive\n### WER\n|dataset|Err|\n|---|---|\n|test|101.7|\n"
        )

    @property
    def model(self) -> dict[str, Path]:
        """The arguments of ``pack`` that are the recogniser's files."""
        return asr_files(self.asr)

    @property
    def audio(self) -> list[Path]:
        """Files of real speech, 16 kHz, of one channel."""
        return sorted(self.root.glob("downloads/**/*.sph"))

    def train_asr(self, name: str, encoder: str, conf: Mapping[str, Any]) -> Path:
        """Write a recogniser's experiment directory."""
        from espnet2.tasks.asr import ASRTask

        config = {
            "encoder": encoder,
            "encoder_conf": dict(conf),
            "decoder": "transformer",
            "decoder_conf": _DECODER,
            "frontend_conf": {"fs": "16k", "n_fft": 512, "hop_length": 160, "win_length": 400},
            "normalize": "global_mvn",
            "normalize_conf": {"stats_file": "exp/stats/feats_stats.npz"},
        }
        return self._train(ASRTask, name, config)

    def train_asr_of_features(self, name: str, input_size: int) -> Path:
        """Write the experiment directory of a recursive recogniser that has no frontend."""
        from espnet2.tasks.asr import ASRTask

        config = {
            "encoder": RECURSIVE,
            "encoder_conf": ENCODER | RECURSION,
            "decoder": "transformer",
            "decoder_conf": _DECODER,
            "input_size": input_size,
            "normalize": "utterance_mvn",
        }
        return self._train(ASRTask, name, config)

    def _train_lm(self) -> Path:
        from espnet2.tasks.lm import LMTask

        return self._train(LMTask, "lm", {"lm": "transformer", "lm_conf": _LM})

    def _train(self, task: Any, name: str, config: dict[str, Any]) -> Path:
        import torch

        config |= {
            "token_type": "bpe",
            "token_list": "data/en/bpe30/tokens.txt",
            "bpemodel": "data/en/bpe30/bpe.model",
            "optim": "adam",
        }
        exp = self.root / "exp" / name
        with working_directory(self.root):
            source = Path(f"data/{name}.yaml")
            source.write_text(json.dumps(config))  # JSON is YAML too
            # A dry run ends when the configuration is written.
            task.main(
                cmd=["--config", str(source), "--output_dir", f"exp/{name}", "--ngpu", "0"]
                + ["--dry_run", "true"]
            )
            torch.manual_seed(0)
            model, _ = task.build_model_from_file(exp / "config.yaml")
        torch.save(model.state_dict(), exp / "3epoch.pth")
        (exp / "valid.acc.ave.pth").symlink_to("3epoch.pth")
        return exp


def asr_files(exp: Path) -> dict[str, Path]:
    """The arguments of ``pack`` that are files of a recogniser."""
    return {
        "asr_train_config": exp / "config.yaml",
        "asr_model_file": exp / "valid.acc.ave.pth",
    }


@contextmanager
def working_directory(folder: Path) -> Iterator[None]:
    """Have `folder` as the current folder, where a recipe's commands run."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def change_member(pack: Path, member: str, change: Callable[[bytes], bytes]) -> None:
    """Write a pack anew, with one member changed."""
    with zipfile.ZipFile(pack) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[member] = change(members[member])
    with zipfile.ZipFile(pack, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def change_yaml(pack: Path, member: str, **values: Any) -> None:
    """Set keys of a YAML in a pack."""
    change_member(pack, member, lambda text: yaml.safe_dump(yaml.safe_load(text) | values).encode())
