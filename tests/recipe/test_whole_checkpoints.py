"""Trainings that are killed while they write, and what is left and mended."""

import os
from pathlib import Path

import pytest
import torch
from espnet2.train.reporter import Reporter
from espnet2.train.trainer import Trainer

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.whole_checkpoints import (
    keep_checkpoints_whole,
    mend_experiment,
    whole_torch_save,
)

# Dies in the middle of the second torch.save; the file has been opened by then, as a big tensor
# stands before what kills.
KILLED_SAVE = """
import os, sys, torch
from contextlib import nullcontext
from espnet_recursive.recipe.whole_checkpoints import whole_torch_save

class Bomb:
    def __reduce__(self):
        os._exit(9)

with whole_torch_save() if sys.argv[1] == "whole" else nullcontext():
    torch.save({"weight": torch.arange(5.0)}, "checkpoint.pth")
    torch.save({"weight": torch.zeros(100_000), "bomb": Bomb()}, "checkpoint.pth")
"""


def load(path: Path):
    return torch.load(path, weights_only=True)


def test_a_kill_while_saving_leaves_the_old_file(run_python, tmp_path):
    assert run_python("-c", KILLED_SAVE, "whole").returncode == 9
    assert torch.equal(load(tmp_path / "checkpoint.pth")["weight"], torch.arange(5.0))


def test_that_kill_destroys_the_file_otherwise(run_python, tmp_path):
    assert run_python("-c", KILLED_SAVE, "plain").returncode == 9
    with pytest.raises((RuntimeError, EOFError)):
        load(tmp_path / "checkpoint.pth")


@pytest.mark.parametrize("kind", [str, Path])
def test_saves_whole_files_and_leaves_nothing_beside_them(tmp_path, kind):
    (tmp_path / "a.pth.part").write_text("left by a killed training")
    with whole_torch_save():
        for number in (1.0, 2.0):
            torch.save(torch.tensor(number), kind(tmp_path / "a.pth"))
            assert load(tmp_path / "a.pth") == number
    assert [path.name for path in tmp_path.iterdir()] == ["a.pth"]


def test_a_save_that_fails_leaves_the_old_file(tmp_path):
    with whole_torch_save():
        torch.save(torch.tensor(1.0), tmp_path / "a.pth")
        with pytest.raises((AttributeError, TypeError, RuntimeError)):
            torch.save({"weight": torch.tensor(2.0), "no": lambda: None}, tmp_path / "a.pth")
    assert load(tmp_path / "a.pth") == 1.0


def test_saves_to_open_files_as_before(tmp_path):
    with whole_torch_save(), (tmp_path / "a.pth").open("wb") as file:
        torch.save(torch.tensor(3.0), file)
    assert load(tmp_path / "a.pth") == 3.0
    assert [path.name for path in tmp_path.iterdir()] == ["a.pth"]


def test_passes_the_other_arguments_on(tmp_path):
    with whole_torch_save():
        torch.save(
            obj=torch.tensor(4.0), f=tmp_path / "a.pth", _use_new_zipfile_serialization=False
        )
    assert load(tmp_path / "a.pth") == 4.0
    assert (tmp_path / "a.pth").read_bytes()[:2] != b"PK"  # the old format is no zip file


def test_torch_save_is_restored():
    save = torch.save
    with whole_torch_save():
        assert torch.save is not save
    assert torch.save is save
    with pytest.raises(KeyError), whole_torch_save():
        raise KeyError
    assert torch.save is save


CRITERIA = [("valid", "loss", "min"), ("valid", "acc", "max"), ("train", "none", "min")]


@pytest.fixture
def experiment(tmp_path) -> Path:
    """Two epochs, the first with the better loss; killed before anything but the checkpoint was
    written after the second."""
    reporter = Reporter()
    for epoch, (loss, acc) in enumerate([(1.0, 0.5), (2.0, 0.6)], start=1):
        reporter.set_epoch(epoch)
        with reporter.observe("valid") as sub_reporter:
            sub_reporter.register({"loss": loss, "acc": acc}, 1.0)
            sub_reporter.next()
        model = {"weight": torch.full((2,), float(epoch))}
    torch.save({"weight": torch.ones(2)}, tmp_path / "1epoch.pth")
    torch.save({"model": model, "reporter": reporter.state_dict()}, tmp_path / "checkpoint.pth")
    for link in ("latest", "valid.loss.best", "valid.acc.best"):
        (tmp_path / f"{link}.pth").symlink_to("1epoch.pth")
    return tmp_path


def links(path: Path) -> dict[str, str]:
    return {p.name: os.readlink(p) for p in path.iterdir() if p.is_symlink()}


MENDED = {
    "latest.pth": "2epoch.pth",
    "valid.loss.best.pth": "1epoch.pth",
    "valid.acc.best.pth": "2epoch.pth",
}


def test_mends_what_was_not_written(experiment):
    mend_experiment(experiment, CRITERIA)
    assert load(experiment / "2epoch.pth")["weight"].tolist() == [2.0, 2.0]
    assert links(experiment) == MENDED
    assert not list(experiment.glob("*.part"))


def test_mends_links_that_were_removed_but_not_made_again(experiment):
    for link in links(experiment):
        (experiment / link).unlink()
    mend_experiment(experiment, CRITERIA)
    assert links(experiment) == MENDED


def test_mending_twice_changes_nothing(experiment):
    mend_experiment(experiment, CRITERIA)
    before = {p: (p.lstat().st_mtime_ns, p.lstat().st_ino) for p in experiment.iterdir()}
    mend_experiment(experiment, CRITERIA)
    assert {p: (p.lstat().st_mtime_ns, p.lstat().st_ino) for p in experiment.iterdir()} == before


def test_an_epoch_that_was_written_is_left_alone(experiment):
    torch.save({"weight": torch.full((2,), 7.0)}, experiment / "2epoch.pth")
    mend_experiment(experiment, CRITERIA)
    assert load(experiment / "2epoch.pth")["weight"].tolist() == [7.0, 7.0]


def test_links_only_to_epochs_that_are_there(experiment):
    for path in ("1epoch.pth", *links(experiment)):
        (experiment / path).unlink()
    mend_experiment(experiment, CRITERIA)
    assert links(experiment) == {"latest.pth": "2epoch.pth", "valid.acc.best.pth": "2epoch.pth"}


def test_a_new_experiment_needs_no_mending(tmp_path):
    mend_experiment(tmp_path, CRITERIA)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 half of one"])
def test_a_checkpoint_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "checkpoint.pth").write_bytes(content)
    with pytest.raises(UserError) as error:
        mend_experiment(tmp_path, CRITERIA)
    text = str(error.value)
    assert text.startswith(str(tmp_path / "checkpoint.pth"))
    assert "Delete it" in text and "--init_param <epoch>epoch.pth" in text


def test_the_trainer_is_wrapped_once_it_is_there(monkeypatch):
    stock = Trainer.__dict__["run"]
    monkeypatch.setattr(Trainer, "run", stock)
    keep_checkpoints_whole()
    assert Trainer.run.__wrapped__.__func__ is stock.__func__


# A real training by ESPnet's trainer, of one weight for three epochs. Each argument is a run, in a
# process of its own: an output folder and, after a colon, the file of epoch 2 whose writing it does
# not survive.
TRAINING = """
import os, sys
from pathlib import Path
import torch
from espnet2.iterators.abs_iter_factory import AbsIterFactory
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.train.distributed_utils import DistributedOption
from espnet2.train.trainer import Trainer, TrainerOptions

class Model(AbsESPnetModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, x, x_lengths, utt_id):
        loss = ((self.weight * x - 2) ** 2).mean()
        return loss, {"loss": loss.detach()}, torch.tensor(len(x))

    def collect_feats(self, **batch):
        return {}

class Batches(AbsIterFactory):
    def build_iter(self, epoch, shuffle=None):
        for _ in range(2):
            yield ["a", "b"], {"x": torch.randn(2, 3), "x_lengths": torch.tensor([3, 3])}

OPTIONS = dict.fromkeys(TrainerOptions.__dataclass_fields__, False) | {
    "ngpu": 0, "resume": True, "max_epoch": 3, "seed": 0, "accum_grad": 1, "grad_clip": 5.0,
    "grad_clip_type": 2.0, "train_dtype": "float32", "save_strategy": "all", "log_interval": None,
    "patience": None, "keep_nbest_models": [3], "nbest_averaging_interval": 0,
    "best_model_criterion": [["valid", "loss", "min"]], "wandb_model_log_interval": -1,
}

def train(output_dir):
    model = Model()
    Trainer.run(
        model=model,
        optimizers=[torch.optim.Adam(model.parameters(), lr=0.1)],
        schedulers=[None],
        train_iter_factory=Batches(),
        valid_iter_factory=Batches(),
        plot_attention_iter_factory=None,
        trainer_options=TrainerOptions(**{**OPTIONS, "output_dir": output_dir}),
        distributed_option=DistributedOption(),
    )

save = torch.save

def die_in(name):
    def save_and_die(obj, f, *args, **kwargs):
        save(obj, f, *args, **kwargs)
        if Path(f).name.startswith(name) and Path(f).with_name("1epoch.pth").exists():
            os.truncate(f, 100)
            os._exit(9)
    return save_and_die

for run in sys.argv[1:]:
    output_dir, _, name = run.partition(":")
    Path(output_dir).mkdir(exist_ok=True)
    if os.fork() == 0:
        if name:
            torch.save = die_in(name)
        train(output_dir)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_training_killed_anywhere_ends_as_if_it_never_was(run_python, tmp_path):
    (tmp_path / "training.py").write_text(TRAINING)
    runs = ["whole", "a:checkpoint.pth", "a", "b:2epoch.pth", "b"]
    result = run_python("-m", "espnet_recursive.run", "-m", "training", *runs)
    assert result.stdout.split() == ["0", "9", "0", "9", "0"], result.stderr
    whole = tmp_path / "whole"
    average = load(whole / "valid.loss.ave.pth")["weight"]
    assert average != load(whole / "3epoch.pth")["weight"]
    for mended in (tmp_path / "a", tmp_path / "b"):
        assert torch.equal(load(mended / "valid.loss.ave.pth")["weight"], average)
        assert {path.name for path in mended.iterdir()} == {path.name for path in whole.iterdir()}
        assert links(mended) == links(whole)
