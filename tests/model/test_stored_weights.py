"""Checkpoints as files: what is no weights, was cut off, would run code or is larger than it is."""

import argparse
import io
import os
import pickle
import zipfile

import pytest
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.model.stored_weights import read_weights, tensors_only


def test_the_state_of_a_training(recipe, tmp_path):
    torch.save({"model": {"a": torch.zeros(1)}, "reporter": {}}, tmp_path / "checkpoint.pth")
    with pytest.raises(UserError, match="holds something else than weights"):
        read_weights(tmp_path / "checkpoint.pth")


def test_a_checkpoint_that_was_cut_off(recipe, tmp_path):
    whole = (recipe.asr / "3epoch.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="cut.pth cannot be read as weights of a model"):
        read_weights(tmp_path / "cut.pth")


class Runs:
    """Its pickle makes a file when it is read."""

    def __reduce__(self):
        return open, ("pwned", "w")


def test_a_pickle_that_runs_is_named_as_such(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Runs()}, "model.pth")
    with pytest.raises(UserError, match=r"objects of Python \(\w+\.open\), and reading those runs"):
        read_weights("model.pth")
    assert not (tmp_path / "pwned").exists()


def test_tensors_larger_than_their_file(tmp_path):
    weights = {"a": torch.zeros(100_000)[:3]}
    torch.save(weights, tmp_path / "view.pth")
    assert read_weights(tmp_path / "view.pth")["a"].shape == (3,)
    whole = (tmp_path / "view.pth").read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as stored:
        with zipfile.ZipFile(tmp_path / "small.pth", "w", zipfile.ZIP_DEFLATED) as deflated:
            for name in stored.namelist():
                deflated.writestr(name, stored.read(name))
    with pytest.raises(UserError, match=r"its tensors would take 40\d,\d{3}: it was compressed"):
        read_weights(tmp_path / "small.pth")


def test_tied_weights_count_once(tmp_path):
    tied = torch.zeros(50_000)
    torch.save({"a": tied, "b": tied, "c": tied[:10]}, tmp_path / "tied.pth")
    assert read_weights(tmp_path / "tied.pth").keys() == {"a", "b", "c"}


def test_reading_shapes_reads_no_values(recipe):
    weights = read_weights(recipe.asr / "3epoch.pth")
    assert {value.device.type for value in weights.values()} == {"meta"}
    assert weights["ctc.ctc_lo.weight"].shape == (30, 16)


def test_weights_of_deepspeed(recipe, tmp_path):
    weights = torch.load(recipe.asr / "3epoch.pth", weights_only=True)
    torch.save({"module": weights, "epoch": 3}, tmp_path / "model.pth")
    assert read_weights(tmp_path / "model.pth").keys() == weights.keys()


def test_weights_of_lightning(tmp_path):
    """Checkpoints that ESPnet 3 writes: with optimiser, scheduler, callbacks and loops."""
    lightning = pytest.importorskip("lightning")
    from espnet3.components.modeling.lightning_module import ESPnetLightningModule
    from lightning.pytorch.callbacks import ModelCheckpoint

    class Training(ESPnetLightningModule):
        def __init__(self):
            lightning.LightningModule.__init__(self)
            self.model = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1))
            self.config = argparse.Namespace(num_device=1)

        def configure_optimizers(self):
            optimiser = torch.optim.Adam(self.parameters())
            scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 0.5)
            return {"optimizer": optimiser, "lr_scheduler": scheduler}

        def training_step(self, batch, index):
            return self.model(batch).square().mean()

        def validation_step(self, batch, index):
            self.log("valid/loss", self.model(batch).square().mean())

        def train_dataloader(self):
            return torch.utils.data.DataLoader(torch.randn(8, 3), batch_size=4)

        val_dataloader = train_dataloader

    training = Training()
    lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[ModelCheckpoint(tmp_path, "best", monitor="valid/loss", save_last=True)],
    ).fit(training)
    for name in ("last.ckpt", "best.ckpt"):
        assert "optimizer_states" in torch.load(tmp_path / name, weights_only=True)
        weights = read_weights(tmp_path / name, "cpu")
        assert weights.keys() == training.model.state_dict().keys()
        torch.testing.assert_close(weights["1.weight"], training.model[1].weight.detach())


class _Runs:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_other_libraries_run_nothing_either(tmp_path, monkeypatch):
    """fairseq and s3prl ask for everything; with their files, published models run nothing."""
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    torch.save({"cfg": _Runs(tmp_path / "ran")}, tmp_path / "fairseq.pt")
    for options in ({"weights_only": False}, {}):
        with tensors_only(published=True), pytest.raises(pickle.UnpicklingError):
            torch.load(tmp_path / "fairseq.pt", **options)
    assert not (tmp_path / "ran").exists()
    assert os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] == "1"
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ
    # One that was trained here reads what it read in training.
    with tensors_only(published=False):
        torch.load(tmp_path / "fairseq.pt", weights_only=False)["cfg"].close()
    assert (tmp_path / "ran").exists()
