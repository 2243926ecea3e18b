"""Options that cannot be, alone or together."""

import pytest

from espnet_recursive.recipe.driver.checks import check
from espnet_recursive.recipe.driver.option import UsageError
from espnet_recursive.recipe.driver.parse import parse

NEEDED = ["--train_set", "train", "--valid_set", "dev", "--test_sets", "test"]


def values(*words):
    return parse([*NEEDED, *words])


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--speed_perturb_factors", "0.9 1.1"),
        (
            "--feats_type",
            "extracted",
            "--speed_perturb_factors",
            "0.9",
            "--cepstra",
            "13 40 130 68",
        ),
        ("--loop_exit", "kl", "--loop_exit_threshold", "0.1", "--loop_exit_min", "2"),
        ("--gpu_inference", "true", "--ngpu", "1"),
        ("--gpu_inference", "true", "--ngpu", "0", "--cluster", "slurm"),
        ("--skip_upload_hf", "false", "--hf_repo", "user/name"),
        ("--stage", "5", "--stop_stage", "5"),
    ],
)
def test_what_goes_together(words):
    check(values(*words), {})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--stage", "3", "--stop_stage", "2"], "--stop_stage 2 is before --stage 3"),
        (["--train_set", " "], "--train_set is required"),
        (["--valid_set", "train"], "train_set and valid_set are both train"),
        (["--test_sets", ""], "--test_sets is required"),
        (["--feats_type", "fbank"], "--feats_type fbank: raw or extracted"),
        (
            ["--feats_type", "extracted", "--speed_perturb_factors", "0.9"],
            "say how they were made with --cepstra",
        ),
        (
            ["--feats_type", "extracted", "--feats_frontend", "kaldi_fbank"],
            "--feats_frontend kaldi_fbank takes audio: --feats_type raw",
        ),
        (["--feats_frontend", "a/b"], "expected a name such as kaldi_fbank, found 'a/b'"),
        (["--feats_frontend", "default"], "--feats_frontend is laid over --asr_config: name that"),
        (["--asr_task", "st"], "--asr_task st: only asr"),
        (["--use_ngram", "true"], "stage 9 is not there yet"),
        (["--token_type", "phn"], "--token_type phn: bpe, char or word"),
        (["--skip_upload_hf", "false"], "--skip_upload_hf false needs --hf_repo <user>/<name>"),
        (["--num_nodes", "2"], "(here: none). Submit: sbatch --nodes 2 train.sbatch"),
        (["--gpu_inference", "true", "--ngpu", "0"], "say how many GPUs there are with --ngpu"),
        (["--loop_exit", "labls"], "--loop_exit labls: latent, kl, labels or acceleration"),
        (["--loop_exit", "kl"], "--loop_exit kl needs --loop_exit_threshold"),
        (["--loop_exit_min", "2"], "are for a --loop_exit"),
        (["--loop_exit_threshold", "2"], "are for a --loop_exit"),
        (["--lm_config", "conf/none.yaml"], "--lm_config conf/none.yaml does not exist"),
        (["--nj", "0"], "--nj 0: expected a whole number, 1 or more"),
    ],
)
def test_what_is_refused(words, message):
    with pytest.raises(UsageError) as error:
        check(values(*words), {})
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["train_set", "valid_set", "test_sets"])
def test_data_sets_are_required(name):
    with pytest.raises(UsageError, match=f"--{name} is required"):
        check(values() | {name: ""}, {})


@pytest.mark.parametrize(
    "name",
    ["asr_config", "encoder_config", "lm_config", "inference_config", "data_dir", "cluster_conf"],
)
def test_files_that_are_named_are_there(name, tmp_path):
    with pytest.raises(UsageError, match=f"--{name} {tmp_path}/none does not exist"):
        check(values(f"--{name}", f"{tmp_path}/none"), {})


def test_nodes_of_an_allocation():
    check(values("--num_nodes", "4"), {"SLURM_JOB_NUM_NODES": "4"})
    with pytest.raises(UsageError, match=r"allocation of so many \(here: 4\)"):
        check(values("--num_nodes", "5"), {"SLURM_JOB_NUM_NODES": "4"})


def test_augmentation_of_waveforms_that_are_not_there(tmp_path):
    config = tmp_path / "train.yaml"
    config.write_text("preprocessor_conf:\n    rir_scp: x\n")
    check(values("--asr_config", str(config)), {})
    with pytest.raises(UsageError, match="changes waveforms"):
        check(values("--asr_config", str(config), "--feats_type", "extracted"), {})


def test_an_encoder_is_laid_over_a_training_yaml(tmp_path):
    encoder = tmp_path / "L1.yaml"
    encoder.touch()
    with pytest.raises(UsageError, match="--encoder_config is laid over --asr_config"):
        check(values("--encoder_config", str(encoder)), {})
