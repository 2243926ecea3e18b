"""The batch of an optimiser step, kept on any number of GPUs."""

import math
from pathlib import Path

import pytest
import yaml

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.batch_plan import plan_batches

ROOT = Path(__file__).resolve().parents[2]
LM = ROOT / "egs2" / "librispeech" / "asr1" / "conf" / "train_lm_transformer.yaml"


@pytest.fixture
def config(tmp_path):
    """Return a function that writes a training YAML; 2400 s a step by default."""

    def write(**values):
        values = {"batch_type": "length", "batch_bins": 38_400_000, "accum_grad": 1} | values
        (tmp_path / "train.yaml").write_text(yaml.safe_dump(values))
        return tmp_path / "train.yaml"

    return write


@pytest.mark.parametrize(
    ("gpus", "memory", "arguments"),
    [
        (4, 80, "--batch_bins 38400000 --accum_grad 1"),
        (1, 80, "--batch_bins 9600000 --accum_grad 4"),
        (2, 80, "--batch_bins 19200000 --accum_grad 2"),
        (8, 80, "--batch_bins 38400000 --accum_grad 1"),
        (4, 24, "--batch_bins 9600000 --accum_grad 4"),
        (1, 24, "--batch_bins 2400000 --accum_grad 16"),
    ],
)
def test_seconds_of_audio(config, gpus, memory, arguments):
    assert plan_batches(config(), gpus, memory).arguments == arguments


@pytest.mark.parametrize("gpus", [1, 3, 4, 7, 16])
@pytest.mark.parametrize("per_gpu", [20, 150, 333, 600, 5000])
def test_step_stays_and_no_gpu_gets_more_than_it_holds(config, gpus, per_gpu):
    plan = plan_batches(config(accum_grad=2), gpus, per_gpu=per_gpu)
    assert plan.batch * plan.accum_grad == pytest.approx(2 * 38_400_000, rel=1e-6)
    assert plan.batch / gpus / 16000 <= per_gpu + 1 / 16000
    # As few batches as possible: one fewer would not fit.
    assert plan.accum_grad == math.ceil(4800 / (gpus * per_gpu))


@pytest.mark.parametrize(
    ("gpus", "memory", "batch", "accum_grad"),
    [(4, 80, 100_000, 1), (1, 80, 25_000, 4), (4, 24, 25_000, 4), (16, 80, 100_000, 1)],
)
def test_a_language_model_counts_tokens(gpus, memory, batch, accum_grad):
    """The comment of the YAML names one of these."""
    plan = plan_batches(LM, gpus, memory)
    assert plan.arguments == f"--batch_bins {batch} --accum_grad {accum_grad}"
    assert str(plan).startswith("An optimiser step takes 100000 tokens: ")


@pytest.mark.parametrize(("fs", "arguments"), [("8k", 4_800_000), (8000, 4_800_000)])
def test_sampling_rate(config, fs, arguments):
    path = config(batch_bins=19_200_000, frontend_conf={"fs": fs})
    assert plan_batches(path, 1).arguments == f"--batch_bins {arguments} --accum_grad 4"


@pytest.mark.parametrize(
    ("gpus", "per_gpu", "batch", "accum_grad"),
    [
        (1, None, 8, 4),
        (1, 32, 32, 1),
        (1, 3, 2, 16),
        (2, None, 16, 2),
        (4, None, 32, 1),
        (3, None, 16, 2),
        (5, 2, 8, 4),
    ],
)
def test_utterances(config, gpus, per_gpu, batch, accum_grad):
    path = config(batch_type="sorted", batch_size=8, accum_grad=4)
    plan = plan_batches(path, gpus, per_gpu=per_gpu)
    assert plan.arguments == f"--batch_size {batch} --accum_grad {accum_grad}"
    assert plan.error == 0


def test_it_says_where_it_is_off(config):
    """Utterances cannot be cut, and every GPU needs one."""
    path = config(batch_type="sorted", batch_size=8, accum_grad=4)
    assert str(plan_batches(path, 64)) == (
        "An optimiser step takes 64 utterances: 1 x 64 GPUs x 1. The YAML has 32: +100.00%."
    )
    prime = config(batch_type="sorted", batch_size=37)
    assert plan_batches(prime, 2, per_gpu=8).arguments == "--batch_size 12 --accum_grad 3"
    assert "36 utterances: 3 x 2 GPUs x 6. The YAML has 37: -2.70%." in str(
        plan_batches(prime, 2, per_gpu=8)
    )


def test_sentence(config):
    assert str(plan_batches(config(), 4, 24)) == (
        "An optimiser step takes 2400 s of audio: 4 x 4 GPUs x 150. That is what the YAML has."
    )


def test_defaults_are_those_of_espnet(config, tmp_path):
    from espnet2.tasks.abs_task import AbsTask

    default = AbsTask.get_parser().get_default
    (tmp_path / "plain.yaml").write_text("batch_type: length\n")
    assert plan_batches(tmp_path / "plain.yaml", 1).batch == default("batch_bins")
    (tmp_path / "plain.yaml").write_text("batch_type: sorted\n")
    assert plan_batches(tmp_path / "plain.yaml", 1).batch == default("batch_size")


@pytest.mark.parametrize("batch_type", ["numel", "folded"])
def test_batches_that_depend_on_the_data(config, batch_type):
    with pytest.raises(UserError, match=rf"train\.yaml: .*batch_type {batch_type}"):
        plan_batches(config(batch_type=batch_type), 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gpus": 0}, "batches for 0 GPUs"),
        ({"gpus": 1, "per_gpu": 0}, "holds 0 at a time"),
        ({"gpus": 1, "gpu_memory": 2}, "a GPU that holds -"),
    ],
)
def test_impossible(config, options, message):
    with pytest.raises(UserError, match=message):
        plan_batches(config(), **options)
