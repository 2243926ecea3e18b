"""Lightning's ranks run the script that the runner was given, with the encoders registered."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import os
from pathlib import Path
import sys

import lightning
import torch
from espnet2.tasks.asr import ASRTask


class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch, index):
        return self.layer(batch[0]).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


if __name__ == "__main__":
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(4, 2)))
    trainer = lightning.Trainer(
        accelerator="cpu", devices=2, strategy="ddp", max_steps=1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )
    trainer.fit(Model(), data)
    known = any(
        "latent_recursive_transformer" in choices.classes for choices in ASRTask.class_choices_list
    )
    Path(sys.argv[1], f"rank{trainer.global_rank}").write_text(f"{known} {sys.argv[2:]}")
"""


@pytest.mark.parametrize("how", ["script", pytest.param("module", marks=pytest.mark.exhaustive)])
def test_two_devices(how, tmp_path):
    (tmp_path / "two_ranks.py").write_text(_SCRIPT)
    head = ["two_ranks.py"] if how == "script" else ["-m", "two_ranks"]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "espnet_recursive.run", *head, str(tmp_path), "--stages", "train"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{root}:{tmp_path}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for rank in (0, 1):
        assert (tmp_path / f"rank{rank}").read_text() == "True ['--stages', 'train']"
