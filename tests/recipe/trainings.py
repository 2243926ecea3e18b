"""A recogniser and a language model that ESPnet trains for real, in seconds, with our checks."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import espnet_recursive.run  # noqa: F401  (its checks are those of this process from now on)
from espnet_recursive.corpora.mini_an4 import prepare_mini_an4
from espnet_recursive.recipe.data_dir import read_table, write_table
from espnet_recursive.recipe.token_list import read_sentences, train_bpe

_COMMON = {
    "optim": "adam",
    "optim_conf": {"lr": 0.002},
    "scheduler": "warmuplr",
    "scheduler_conf": {"warmup_steps": 40},
    "max_epoch": 2,
    "num_iters_per_epoch": 1,
    "batch_type": "unsorted",
    "batch_size": 2,
    "keep_nbest_models": 2,
    "num_att_plot": 0,
    "use_matplotlib": False,
    "use_tensorboard": False,
    "num_workers": 0,
    "seed": 0,
    "resume": True,
}
#: {2, 5, 1, 1}
ASR = {
    **_COMMON,
    "encoder": "latent_recursive_transformer",
    "encoder_conf": {
        "prelude_blocks": 1,
        "recurrent_blocks": 2,
        "coda_blocks": 1,
        "num_loops": 5,
        "output_size": 16,
        "attention_heads": 4,
        "linear_units": 32,
    },
    "decoder": "transformer",
    "decoder_conf": {"attention_heads": 2, "linear_units": 32, "num_blocks": 1},
    "model_conf": {"ctc_weight": 0.3, "lsm_weight": 0.1},
    "ctc_conf": {"dropout_rate": 0.1},
    "frontend_conf": {"fs": "16k", "n_fft": 512, "hop_length": 160, "win_length": 400},
    "specaug": "specaug",
    "specaug_conf": {"apply_time_warp": False, "apply_time_mask": False},
    "normalize": "global_mvn",
    "best_model_criterion": [["train", "loss", "min"]],
}
LM = {
    **_COMMON,
    "lm": "transformer",
    "lm_conf": {"pos_enc": "sinusoidal", "embed_unit": 8, "att_unit": 16, "head": 2, "unit": 32},
    "best_model_criterion": [["valid", "loss", "min"]],
}


class Trainings:
    """A recipe's folder: data, tokens, statistics and what is trained there.

    Attributes:
        root: The folder. Paths are absolute, so that any folder may be the current one.
        asr: The experiment of the recogniser, {2, 5, 1, 1}, after two epochs.
        lm: The experiment of the language model.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = {p.name: p for p in prepare_mini_an4(root / "data", root / "downloads")}
        self.bpe = root / "data/en/bpe30"
        train_bpe(read_sentences(self.data["train"] / "text"), self.bpe, nbpe=30)
        for path in self.data.values():
            write_table(path / "shape", dict.fromkeys(read_table(path / "text"), 1))
        self.stats = write_statistics(root / "feats_stats.npz")
        self.asr, self.lm = root / "exp/asr_row", root / "exp/lm_words"
        self.train_asr()
        self.train_lm()

    def train_asr(self, exp: Path | None = None, config: Mapping[str, Any] = ASR, *more: str):
        """Train, or go on to train, as ``asr_train`` does."""
        from espnet2.tasks.asr import ASRTask

        speech = [
            f"--{phase}_data_path_and_name_and_type={self.data[name]}/wav.scp,speech,sound"
            for phase, name in (("train", "train"), ("valid", "dev"))
        ]
        stats = [f"--normalize_conf=stats_file={self.stats}"]
        self._train(ASRTask, exp or self.asr, config, [*speech, *stats, *more])

    def train_lm(self, exp: Path | None = None, config: Mapping[str, Any] = LM, *more: str):
        """Train, or go on to train, as ``lm_train`` does."""
        from espnet2.tasks.lm import LMTask

        self._train(LMTask, exp or self.lm, config, list(more))

    def copy(self, exp: Path, folder: Path) -> Path:
        """A copy of an experiment, to be spoilt; links stay links."""
        return Path(shutil.copytree(exp, folder / exp.name, symlinks=True))

    def _train(self, task: Any, exp: Path, config: Mapping[str, Any], more: list[str]) -> None:
        source = self.root / "train.yaml"
        source.write_text(json.dumps(config))  # JSON is YAML too
        command = [f"--config={source}", f"--output_dir={exp}", "--ngpu=0", "--token_type=bpe"]
        command += [f"--token_list={self.bpe}/tokens.txt", f"--bpemodel={self.bpe}/bpe.model"]
        for phase, name in (("train", "train"), ("valid", "dev")):
            text = f"{self.data[name]}/text,text,text"
            command.append(f"--{phase}_data_path_and_name_and_type={text}")
            command.append(f"--{phase}_shape_file={self.data[name]}/shape")
        task.main(cmd=[*command, *more])


def write_statistics(path: Path, seed: int = 0, shift: float = 0.0) -> Path:
    """Write statistics of 80 features, as ``asr_train --collect_stats`` does."""
    frames, mean = 1000, np.random.default_rng(seed).normal(-8.0, 2.0, 80) + shift
    np.savez(path, count=frames, sum=frames * mean, sum_square=frames * (mean**2 + 4.0))
    return path


def with_conf(config: Mapping[str, Any], key: str, **values: Any) -> dict[str, Any]:
    """A configuration with some values of a nested key changed."""
    return {**config, key: {**config[key], **values}}
