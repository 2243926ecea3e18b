"""The epoch of ESPnet's trainers reaches the loop policy, in each of them."""

import argparse

import pytest
import torch
from espnet2.tasks.asr import ASRTask
from espnet2.train.deepspeed_trainer import DeepSpeedTrainer
from espnet2.train.distributed_utils import DistributedOption
from espnet2.train.gan_trainer import GANTrainer
from espnet2.train.reporter import Reporter
from espnet2.train.trainer import Trainer
from espnet2.train.uasr_trainer import UASRTrainer

from espnet_recursive.errors import UserError
from tests.asr.encoder.conftest import ARCHITECTURES
from tests.asr.encoder.looped import build
from tests.asr.encoder.recogniser import batch, model_of

#: Loops 1, 2, 3, 4 in the epochs 1 to 4.
SCHEDULE = [1, 2, 3, 4, 4]


@pytest.fixture
def model():
    """A recogniser whose passes note the loops of training and of validation."""
    model = model_of(build(ARCHITECTURES["transformer"], "schedule"))
    model.seen = []
    model.encoder.register_forward_hook(
        lambda encoder, *_: model.seen.append((encoder.training, int(encoder.loops_run[0])))
    )
    return model


def options_of(trainer):
    """ESPnet's defaults, without pictures and TensorBoard."""
    defaults = vars(ASRTask.get_parser().parse_args(["--output_dir", "exp"]))
    others = {"generator_first": False, "skip_discriminator_prob": 0.0, "max_num_warning": 1}
    own = {"ngpu": 0, "use_matplotlib": False, "use_tensorboard": False}
    return trainer.build_options(argparse.Namespace(**{**defaults, **others, **own}))


def train(trainer, model, epoch, batches, validations=1):
    """An epoch as the trainer runs it, and validations as it runs them."""
    reporter = Reporter()
    reporter.set_epoch(epoch)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    options = options_of(trainer)
    alone = DistributedOption(distributed=False)
    with reporter.observe("train") as observed:
        trainer.train_one_epoch(
            model=model,
            iterator=[(["u"] * 4, batch()) for _ in range(batches)],
            optimizers=[optimizer],
            schedulers=[None],
            scaler=None,
            reporter=observed,
            summary_writer=None,
            options=options,
            distributed_option=alone,
        )
        for _ in range(batches == 0):
            model(**batch())
            observed.register({"loss": 0.0})
            observed.next()
    for _ in range(validations):
        with reporter.observe("valid") as observed:
            Trainer.validate_one_epoch(
                model=model,
                iterator=[(["u"] * 4, batch())],
                reporter=observed,
                options=options_of(Trainer),
                distributed_option=alone,
            )


def test_espnets_trainer(model):
    """Several validations in an epoch, after each of which it trains on, count no epochs."""
    for epoch in range(1, 6):
        model.seen.clear()
        train(Trainer, model, epoch, batches=1, validations=2)
        model.train()
        model(**batch())
        loops = SCHEDULE[epoch - 1]
        assert model.seen == [(True, loops), (False, loops), (False, loops), (True, loops)]


def test_it_starts_where_a_training_resumes(model):
    train(Trainer, model, 3, batches=1)
    assert model.seen[0] == (True, 3)


@pytest.mark.parametrize("trainer", [GANTrainer, UASRTrainer])
def test_trainers_with_loops_of_their_own(trainer, model):
    """Without batches: their models return something else than a recogniser does."""
    model.is_discriminative_step = None
    for epoch in (1, 2, 4):
        model.seen.clear()
        train(trainer, model, epoch, batches=0)
        assert model.seen == [(True, SCHEDULE[epoch - 1]), (False, SCHEDULE[epoch - 1])]


def test_deepspeed(model, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.Tensor, "cuda", lambda tensor: tensor)  # it takes a GPU for granted
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/init", rank=0, world_size=1
    )
    try:
        for epoch in (2, 3):
            reporter = Reporter()
            reporter.set_epoch(epoch)
            with reporter.observe("train") as observed:
                DeepSpeedTrainer.train_one_epoch(
                    model=model,
                    iterator=[],
                    reporter=observed,
                    options=options_of(DeepSpeedTrainer),
                )
                model(**batch())
                observed.register({"loss": 0.0})
                observed.next()
    finally:
        torch.distributed.destroy_process_group()
    assert model.seen == [(True, 2), (True, 3)]


def test_steps_that_deepspeed_hides_are_refused():
    conf = {"loop_policy": "schedule", "loop_policy_conf": {"unit": "step"}}
    encoder = ARCHITECTURES["transformer"].build((2, 3, 1, 1), **conf)
    with pytest.raises(UserError, match="unit step does not go with DeepSpeed"):
        DeepSpeedTrainer.train_one_epoch(
            model=model_of(encoder), iterator=[], reporter=Reporter(), options=None
        )


def test_lightning(model, tmp_path):
    """Lightning never calls train(); here it validates four times an epoch."""
    lightning = pytest.importorskip("lightning")
    from espnet3.components.modeling.lightning_module import ESPnetLightningModule

    class Training(ESPnetLightningModule):
        def __init__(self):
            lightning.LightningModule.__init__(self)
            self.model, self.config = model, argparse.Namespace(num_device=1)

        def configure_optimizers(self):
            return torch.optim.SGD(self.model.parameters(), 1e-3)

        def train_dataloader(self):
            return batches(4)

        def val_dataloader(self):
            return batches(1)

        def _log_stats(self, *args, **kwargs):
            """Nothing: Lightning logs what this test does not look at."""

    def batches(number):
        return torch.utils.data.DataLoader([(["u"] * 4, batch())] * number, batch_size=None)

    def fit(max_epochs, **kwargs):
        trainer = lightning.Trainer(
            max_epochs=max_epochs,
            val_check_interval=1,
            num_sanity_val_steps=0,
            accelerator="cpu",
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            default_root_dir=tmp_path,
        )
        trainer.fit(Training(), **kwargs)
        return trainer

    trainer = fit(3)
    assert model.seen == [(step % 2 == 0, epoch) for epoch in (1, 2, 3) for step in range(8)]
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    model.seen.clear()
    fit(4, ckpt_path=tmp_path / "last.ckpt", weights_only=False)
    assert model.seen == [(step % 2 == 0, 4) for step in range(8)]
