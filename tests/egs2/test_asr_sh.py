"""The stage driver where users make mistakes, and where they leave stages out."""

import re
import shutil
import subprocess

import pytest

#: Then ESPnet need not be asked about configurations, which takes seconds.
NO_TRAINING = ["--skip_train", "true"]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--stop_stge", "3"], "unknown option --stop_stge. Did you mean --stop_stage?"),
        (["--asr-confg", "x"], "unknown option --asr_confg. Did you mean --asr_config?"),
        (["--stage"], "--stage needs a value"),
        (["--stage", "eleven"], "--stage eleven: expected a stage, 1 to 15, found 'eleven'"),
        (["--stage", "99"], "--stage 99: expected a stage, 1 to 15"),
        (["--stage", "2.5"], "--stage 2.5: expected a stage, 1 to 15"),
        (["--skip_stages", "6 77"], "--skip_stages 6 77: expected a stage, 1 to 15, found '77'"),
        (["--stage", "3", "--stop_stage", "2"], "--stop_stage 2 is before --stage 3"),
        (["--stage", "9", "--stop_stage", "9"], "nothing to do in stages 9 to 9"),
        (["--stage", "15"], "nothing to do in stages 15 to 10000. Left out are 2 9 15. (2 needs"),
        (["--nj", "0"], "--nj 0: expected a whole number, 1 or more"),
        (["--ngpu", "-1"], "--ngpu -1: expected a whole number"),
        (["--max_wav_duration", "long"], "--max_wav_duration long: expected a number"),
        (["--fs", "16"], "--fs 16: expected a sampling rate such as 16k"),
        (["--num_loops", "x"], "--num_loops x: expected a whole number, 1 or more"),
        (["train"], "expected --name value, found: train"),
        (["--use_lm", "yes"], "--use_lm is true or false, not 'yes'"),
        (["--lm_config", "conf/none.yaml"], "--lm_config conf/none.yaml does not exist"),
        (["--valid_set", "train"], "train_set and valid_set are both train"),
        (["--test_sets", ""], "--test_sets is required"),
        (["--token_type", "phn"], "--token_type phn: bpe, char or word"),
        (["--loop_exit", "labls"], "--loop_exit labls: latent, kl, labels or acceleration"),
        (["--loop_exit", "kl"], "--loop_exit kl needs --loop_exit_threshold"),
        (
            ["--loop_exit_min", "2"],
            "--loop_exit_threshold and --loop_exit_min are for a --loop_exit",
        ),
        (["--use_ngram", "true"], "stage 9 is not there yet"),
        (["--skip_upload_hf", "false"], "--skip_upload_hf false needs --hf_repo"),
        (["--num_nodes", "2"], "needs a Slurm allocation of so many (here: none). Submit: sbatch"),
        (["--gpu_inference", "true"], "say how many GPUs there are with --ngpu"),
    ],
)
def test_wrong_options_are_refused_before_anything_runs(recipe, options, message):
    status, output = recipe.run(*options)
    assert status == 2
    assert message in output
    assert "--help" in output
    assert not (recipe.dir / "data").exists() and not (recipe.dir / "exp").exists()


def test_help_lists_the_options(recipe):
    status, output = recipe.run("--help")
    assert status == 0
    for option in (
        "--stage",
        "--skip_stages",
        "--asr_config",
        "--encoder_config",
        "--inference_nj",
    ):
        assert option in output


def test_help_has_the_values_of_the_recipe(recipe):
    output = recipe.run("--help")[1]
    assert output.startswith("Usage: ./run.sh ")
    assert re.search(r"--asr_config .* \(conf/train_asr.yaml\)", output)
    assert re.search(r"--inference_nj .* \(1\)", output)
    assert re.search(r"--test_sets .* \(test train\)", output)
    assert recipe.run("--stop_stage", "3", "--help")[1].count("last stage (3)") == 1


def test_a_stage_without_its_input_names_the_stage_that_writes_it(recipe):
    status, output = recipe.run("--stage", "13", "--stop_stage", "13")
    assert status == 1
    assert "Stage 12 writes it: run with --stage 12" in output


def test_stages_are_left_out(recipe):
    status, output = recipe.run("--stop_stage", "5", "--skip_stages", "4", "--skip_train", "true")
    assert status == 0, output
    assert "(stage 1)" in output and "(stage 3)" in output
    assert "(stage 4)" not in output and "(stage 5)" not in output
    assert not (recipe.dir / "dump" / "raw" / "train").exists()


def test_a_failing_stage_shows_the_command_the_log_and_its_place(recipe):
    status, output = recipe.run("--stop_stage", "5")
    assert status == 0, output
    (recipe.dir / "dump/raw/dev/text").write_text("")  # the statistics of nothing
    status, output = recipe.run("--stage", "10", "--stop_stage", "10")
    assert status == 1
    log = recipe.dir / "exp/asr_stats_raw_en_bpe30/logdir/stats.1.log"
    assert "espnet2.bin.asr_train --collect_stats true" in output
    assert f"the whole log: {log}" in output
    assert "is not found in the files" in output and "Ended (code 1)" in output
    assert "stage 10 failed" in output


@pytest.mark.parametrize(("size", "full"), [("64k", True), ("1m", False)])
def test_what_the_script_itself_cannot_write_names_the_full_disk(recipe, small_disk, size, full):
    disk = small_disk(size)
    script = recipe.dir / "script.sh"
    script.write_text(
        "set -euo pipefail; current_stage=10; expdir=$1; . ../../TEMPLATE/asr1/stage.sh\n"
        "head -c 100000 /dev/zero > $1/shapes; false\n"
    )
    status = subprocess.run(
        ["bash", script, disk], cwd=recipe.dir, capture_output=True, text=True, check=False
    )
    assert status.returncode == 1 and "Error: stage 10 stopped at line" in status.stderr
    assert (f"Error: no space left on the disk of {disk}." in status.stderr) == full


def test_ctrl_c_is_no_finished_step_whatever_the_command_says(recipe):
    """Some libraries have Ctrl-C end a program with status 0."""
    polite = (
        "import pathlib, signal, sys, time; signal.signal(signal.SIGINT, lambda *_: sys.exit()); "
        "pathlib.Path('begun').touch(); time.sleep(60)"
    )
    script = recipe.dir / "run.sh"
    script.unlink()
    script.write_text(
        "#!/usr/bin/env bash\nset -euo pipefail\ncurrent_stage=1\n. ../../TEMPLATE/asr1/stage.sh\n"
        f'step .done.it -- python3 -c "{polite}"\n'
    )
    script.chmod(0o755)
    recipe.stop_when("begun", ctrl_c=True)
    assert not (recipe.dir / ".done.it").exists()


def test_a_run_killed_when_its_step_was_done_leaves_nothing_behind(recipe):
    script = recipe.dir / "run.sh"
    script.unlink()
    script.write_text(
        "#!/usr/bin/env bash\nset -euo pipefail\ncurrent_stage=1\n. ../../TEMPLATE/asr1/stage.sh\n"
        "step .done.it -- true\n"
    )
    script.chmod(0o755)
    assert recipe.run()[0] == 0
    (recipe.dir / ".done.it.begun").touch()
    assert "done before" in recipe.run()[1]
    assert not (recipe.dir / ".done.it.begun").exists()


def test_a_wrong_encoder_is_refused_before_the_data_are_prepared(recipe):
    wrong = recipe.dir / "conf" / "encoder" / "wrong.yaml"
    wrong.write_text("encoder: latent_recursive_transformer\nencoder_conf:\n    num_lops: 3\n")
    status, output = recipe.run("--encoder_config", "conf/encoder/wrong.yaml")
    assert status == 1
    assert "has no key 'num_lops'. Did you mean 'num_loops'?" in output
    assert "train_asr_wrong" in output, "the message names the file"
    assert not (recipe.dir / "data").exists()


def test_a_wrong_decoding_is_refused_before_the_data_are_prepared(recipe):
    status, output = recipe.run("--inference_args", "--bem_size 3")
    assert status == 1
    assert "decode_asr.yaml with --bem_size 3: unrecognized arguments" in output
    assert not (recipe.dir / "data").exists()


def test_a_data_set_that_is_not_there_is_found_before_the_others_are_converted(recipe):
    status, output = recipe.run("--stop_stage", "1", *NO_TRAINING)
    assert status == 0, output
    (recipe.dir / "data").rename(recipe.dir / "prepared")
    options = ["--data_dir", "prepared", "--stage", "3", "--stop_stage", "3", *NO_TRAINING]
    status, output = recipe.run(*options, "--test_sets", "test exam")
    assert status == 1
    assert "prepared/exam/wav.scp does not exist. --data_dir is the folder of the data" in output
    assert not (recipe.dir / "dump").exists()
    (recipe.dir / "prepared" / "test" / "utt2spk").unlink()
    status, output = recipe.run(*options)
    assert status == 1 and "prepared/test/utt2spk does not exist" in output


def test_training_and_validation_data_that_are_the_same(recipe):
    """Under two names; with one name it is a usage error."""
    status, output = recipe.run("--stop_stage", "1", *NO_TRAINING)
    assert status == 0, output
    shutil.rmtree(recipe.dir / "data" / "dev")
    shutil.copytree(recipe.dir / "data" / "train", recipe.dir / "data" / "dev")
    status, output = recipe.run("--stage", "3", "--stop_stage", "3", *NO_TRAINING)
    assert status == 1
    assert "data/train and data/dev are the same data: a validation set that" in output
    assert not (recipe.dir / "dump").exists()


def test_a_new_encoder_is_laid_over_the_training_yaml(recipe):
    status, output = recipe.run(
        "--encoder_config", "conf/encoder/baseline.yaml", "--stage", "1", "--stop_stage", "1"
    )
    assert status == 0, output
    written = recipe.dir / "exp/asr_train_asr_baseline_raw_en_bpe30/train_config.yaml"
    text = written.read_text()
    assert "encoder: transformer" in text and "num_blocks: 12" in text
    assert "num_loops" not in text and "max_epoch: 10" in text


def test_two_runs_in_one_folder_do_not_meet(recipe):
    """The second waits for each step of the first, then finds it done."""
    runs = [recipe.start("--stop_stage", "5") for _ in range(2)]
    outputs = [run.communicate(timeout=1800)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert sum(output.count("done before") for output in outputs) == 8, "each step was done once"
    assert any("another run works on" in output for output in outputs)
    tokens = (recipe.dir / "data/en_token_list/bpe_unigram30/tokens.txt").read_text().split()
    assert len(tokens) == 30


def write(recipe, *paths):
    """Files that look as if the stages before had written them."""
    for path in paths:
        (recipe.dir / path).parent.mkdir(parents=True, exist_ok=True)
        (recipe.dir / path).write_text("utterance x\n")


@pytest.mark.parametrize("options", [
    ("--stage", "5", "--nbpe", "15", "--bpe_nlsyms", "symbols.txt"),
    (*("--stage", "13", "--nlsyms_txt", "symbols.txt", "--token_type", "char"),
     *("--asr_exp", "exp/asr", "--inference_tag", "decode", "--test_sets", "test")),
])  # fmt: skip
def test_symbols_in_files_count_by_what_is_in_them(recipe, options):
    """In token lists and in scores."""
    write(recipe, "dump/raw/train/text", "exp/asr/decode/test/text")
    write(recipe, *(f"dump/raw/test/{name}" for name in ("text", "utt2spk", "wav.scp")))
    (recipe.dir / "dump/raw/train/text").write_text("u A WORD\nv OF FEW LETTERS\n")
    for symbol, said in (
        ("<noise>", "(stage"),
        ("<laugh>", "again, because of another symbols.txt"),
    ):
        (recipe.dir / "symbols.txt").write_text(f"{symbol}\n")
        status, output = recipe.run(*options, "--stop_stage", options[1])
        assert status == 0 and said in output, output
    if options[1] == "5":
        tokens = recipe.dir / "data/en_token_list/bpe_unigram15/tokens.txt"
        assert "<laugh>" in tokens.read_text().split()


def test_gpus_are_dealt_out_to_the_jobs_of_decoding(recipe):
    write(recipe, "dump/raw/test/wav.scp", "exp/asr/model.pth")
    status, output = recipe.run(
        *("--asr_exp", "exp/asr", "--inference_asr_model", "model.pth", "--use_lm", "false"),
        *("--stage", "12", "--gpu_inference", "true", "--ngpu", "2", "--test_sets", "test"),
    )
    assert status == 1, "there is no such model"
    # Each job has one of them; so as asr.sh prints the words of a command.
    assert "'--gpus' '2'" in output and "'--ngpu' '1'" in output


def test_training_on_several_nodes_of_an_allocation(recipe):
    """As far as it goes without Slurm, whose own check is tools/check_slurm.sh."""
    stats = "exp/asr_stats_raw_en_bpe30/train"
    tokens = "data/en_token_list/bpe_unigram30"
    shapes = ("speech_shape", "text_shape", "text_shape.bpe")
    write(recipe, *(f"{stats}/{name}" for name in (*shapes, "feats_stats.npz")))
    write(recipe, *(f"{tokens}/{name}" for name in ("tokens.txt", "bpe.model")))
    write(
        recipe, *(f"dump/raw/{d}/{name}" for d in ("train", "dev") for name in ("wav.scp", "text"))
    )
    srun = recipe.dir / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text('#!/bin/sh\necho "srun was given: $*"\nexit 1\n')
    srun.chmod(0o755)
    recipe.env["PATH"] = f"{srun.parent}:{recipe.env['PATH']}"
    recipe.env |= {"SLURM_JOB_ID": "1", "SLURM_JOB_NUM_NODES": "2"}
    options = ["--asr_exp", "exp/asr", "--use_lm", "false", "--stage", "11", "--ngpu", "4"]
    status, output = recipe.run(*options, "--num_nodes", "2")
    assert status == 1, output
    given = next(line for line in output.splitlines() if line.startswith("srun was given: "))
    assert "--nodes=2" in given and "espnet2.bin.asr_train --ngpu 4" in given
    assert f"--dist_init_method file://{recipe.dir}/exp/asr/.dist_init_" in given
    status, output = recipe.run(*options, "--num_nodes", "3")
    assert status == 2
    assert "allocation of so many (here: 2)" in output
