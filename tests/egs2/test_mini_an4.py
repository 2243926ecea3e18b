"""The mini_an4 recipe through all its stages, killed and started again on the way."""

import json
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from espnet_recursive.files.checkpoint_file import add_note, read_note
from espnet_recursive.recipe.scoring import read_utterances
from tests.egs2.conftest import SHORT, Recipe, run_paper
from tests.recipe.sclite import SCLITE, counts_of, sclite

TAG = "asr_train_asr_raw_en_bpe30_max_epoch3_num_att_plot1_use_matplotlibtrue"
DECODING = "decode_asr_lm_lm_train_lm_max_epoch2_en_bpe30_valid.loss.ave_asr_model_train.loss.best"


def test_all_stages_leave_what_espnet_users_look_for(finished):
    exp = finished.dir / "exp"
    for path in (
        f"{TAG}/config.yaml",
        f"{TAG}/train.log",
        f"{TAG}/train.loss.best.pth",
        f"{TAG}/RESULTS.md",
        f"{TAG}/{TAG}_train.loss.best.zip",
        "asr_stats_raw_en_bpe30/train/feats_stats.npz",
        "asr_stats_raw_en_bpe30/train/text_shape.bpe",
        "lm_train_lm_max_epoch2_en_bpe30/perplexity_test/ppl",
        f"{TAG}/{DECODING}/test/text",
        f"{TAG}/{DECODING}/test/decoding.json",
        f"{TAG}/{DECODING}/test/logdir/asr_inference.1.log",
        f"{TAG}/{DECODING}/train/score_ter/hyp.trn",
    ):
        assert (exp / path).exists(), path
    assert not list(finished.dir.glob("**/*.part")), "something was left half written"


def test_a_killed_training_resumes_and_keeps_its_epochs(finished):
    exp = finished.dir / "exp" / TAG
    logs = sorted(exp.glob("train*.log"))
    assert len(logs) > 1, "the log of the killed run was kept"
    assert "The training was resumed using" in (exp / "train.log").read_text()
    assert "1epoch results" not in (exp / "train.log").read_text(), "epoch 1 was not done again"
    assert "3epoch results" in (exp / "train.log").read_text()


def test_trainer_plots_attention_under_sdpa(finished):
    assert "use_sdpa: true" in (finished.dir / "exp" / TAG / "config.yaml").read_text()
    plots = list(finished.dir.glob(f"exp/{TAG}/att_ws/*/encoder.encoders.1.self_attn.3ep.png"))
    assert plots and plots[0].stat().st_size > 10_000


def test_output_says_where_the_run_is(finished):
    for text in (
        "(stage 12) Decoding of test",
        "epoch 3/3: train loss",
        "RTF",
        "train: WER",
        "hits",
        "(stage 14) packed:",
        "(stage -) finished in",
    ):
        assert text in finished.output


def test_scores_count_every_unit(finished):
    for data_set, words in (("train", 12), ("test", 5)):
        path = finished.dir / "exp" / TAG / DECODING / data_set / "score_wer" / "result.json"
        score = json.loads(path.read_text())
        assert score["units"] == words
        assert score["hits"] + score["substitutions"] + score["deletions"] == words


@pytest.mark.skipif(SCLITE is None, reason="NIST's sclite is not installed")
@pytest.mark.parametrize("unit", ["wer", "cer", "ter"])
def test_sclite_counts_the_same_of_what_was_recognised(finished, unit):
    for directory in finished.dir.glob(f"exp/{TAG}/{DECODING}/*/score_{unit}"):
        assert sclite(directory) == counts_of(read_utterances(directory / "utterances.tsv"))


def test_finished_work_is_not_done_again(finished):
    written = {p: p.stat().st_mtime_ns for p in finished.dir.glob("exp/**/*.pth")}
    written |= {p: p.stat().st_mtime_ns for p in finished.dir.glob("dump/**/*.flac")}
    status, output = finished.run(*SHORT)
    assert status == 0, output
    steps = [stamp for stamp in finished.dir.glob("**/.done.*") if stamp.suffix != ".lock"]
    assert output.count("done before") == len(steps) == 22
    assert written == {p: p.stat().st_mtime_ns for p in written}


def test_the_pack_recognises_speech_without_the_recipe(finished, tmp_path):
    code = """
import sys, soundfile, espnet_recursive
from espnet2.bin.asr_inference import Speech2Text
model = Speech2Text.from_pretrained(sys.argv[1], beam_size=2)
encoder = model.asr_model.encoder
samples, rate = soundfile.read(sys.argv[2])
print(type(encoder).__name__, encoder.shape, rate)
print("TEXT", model(samples)[0][0])
"""
    pack = finished.dir / "exp" / TAG / f"{TAG}_train.loss.best.zip"
    audio = next(finished.dir.glob("dump/raw/test/data/*.flac"))
    result = subprocess.run(
        [sys.executable, "-c", code, pack, audio],
        cwd=tmp_path,
        env=finished.env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "LatentRecursiveTransformerEncoder {2, 5, 1, 1} 16000" in result.stdout
    assert "TEXT" in result.stdout


def test_compare_shows_the_model(finished):
    command = [
        sys.executable, "-m", "espnet_recursive.bin.compare", f"exp/{TAG}",
        "--data_dir", "dump/raw/train", "--picture", "exp/curves.png",
    ]  # fmt: skip
    result = subprocess.run(
        command, cwd=finished.dir, env=finished.env, capture_output=True, text=True, check=True
    )
    assert "{2, 5, 1, 1}" in result.stdout and "199,936" in result.stdout
    assert "MARCH THIRD NINETEEN TWENTY EIGHT" in result.stdout
    assert (finished.dir / "exp" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_changed_data_are_decoded_again(finished):
    logdir = finished.dir / "exp" / TAG / DECODING / "test" / "logdir"
    decode = ("--stage", "12", "--stop_stage", "12", *SHORT)
    scp = finished.dir / "dump/raw/test/wav.scp"
    scp.touch()
    status, output = finished.run(*decode)
    assert status == 0 and output.count("done before") == 4, "the contents are the same"
    scp.write_text(scp.read_text().replace(" ", "  ", 1))
    logs = len(list(logdir.glob("*.log")))
    status, output = finished.run(*decode)
    assert status == 0 and f"again, because of another {scp.relative_to(finished.dir)}" in output
    assert len(list(logdir.glob("*.log"))) == logs + 1, "the old log is kept beside the new one"
    status, output = finished.run(*decode)
    assert status == 0 and output.count("done before") == 4


@pytest.mark.exhaustive
def test_a_frontend_of_ours_has_statistics_and_a_training_of_its_own(finished):
    options = ["--feats_frontend", "kaldi_fbank", "--use_lm", "false", "--test_sets", "test"]
    options += ["--stage", "10", "--stop_stage", "13", *SHORT[:2]]
    status, output = finished.run(*options)
    assert status == 0, output
    exp = finished.dir / "exp"
    config = yaml.safe_load(
        (exp / f"{TAG.replace('raw', 'raw_kaldi_fbank')}/config.yaml").read_text()
    )
    assert (config["frontend"], config["frontend_conf"]) == ("kaldi_fbank", {"fs": "16k"})
    stats, others = (
        np.load(exp / f"asr_stats_{name}_en_bpe30/train/feats_stats.npz")["sum"]
        for name in ("raw_kaldi_fbank", "raw")
    )
    assert len(stats) == len(others) == 80 and not np.allclose(stats, others, rtol=0.01)
    status, output = finished.run(*options)
    assert status == 0 and "stage 11" in output and "epoch 3/3" not in output, output


#: Rows are trained on the data and statistics that are there, for an epoch, without language model.
ROWS = [
    *("--rows_dir", "rows", "--asr_config", "conf/train_asr.yaml", "--asr_args", "--max_epoch 1"),
    *("--stage", "11", "--stop_stage", "13", "--use_lm", "false", "--test_sets", "test"),
]


@pytest.fixture
def rows(finished, tmp_path):
    """A copy of the finished recipe, and three rows of which one cannot write its experiment."""
    recipe = Recipe(tmp_path)
    for name in ("data", "dump", "exp"):
        shutil.copytree(finished.dir / name, recipe.dir / name, dirs_exist_ok=True)
    config = yaml.safe_load((recipe.dir / "conf/train_asr.yaml").read_text())
    encoder = {key: config[key] for key in ("encoder", "encoder_conf")}
    (recipe.dir / "rows").mkdir()
    for row, loops in (("bad", 1), ("last", 5), ("tiny", 2)):
        encoder["encoder_conf"]["num_loops"] = loops
        (recipe.dir / "rows" / f"{row}.yaml").write_text(yaml.safe_dump(encoder))
    (recipe.dir / "exp/asr_train_asr_bad_raw_en_bpe30_max_epoch1").write_text("in the way")
    return recipe


def test_rows_of_a_table_until_one_fails(rows):
    status, output = run_paper(rows, *ROWS, "--rows", "tiny bad last")
    assert status == 1
    assert "rows that failed: bad." in output
    assert "row last:" not in output
    table = rows.dir / "exp" / "RESULTS_PAPER.json"
    bad, last, tiny = json.loads(table.read_text())["rows"]
    name = "asr_train_asr_tiny_raw_en_bpe30_max_epoch1"
    # The model that was there is a row too: its encoder is that of the row's file.
    assert (bad["experiments"], last["experiments"], tiny["experiments"]) == ([], [TAG], [name])
    assert tiny["shape"] == "{2, 2, 1, 1}"
    (scored,) = tiny["results"]
    directory = rows.dir / "exp" / name / scored["decoding"] / "test"
    score = json.loads((directory / "score_wer" / "result.json").read_text())
    assert (scored["error_rate"], scored["units"]) == (score["error_rate"], 5)
    assert scored["rtf"] == json.loads((directory / "rtf.json").read_text())["rtf"] > 0
    text = table.with_suffix(".md").read_text()
    assert "Without a result yet: bad." in text
    assert "| {2, 2, 1, 1}" in text and f"`{name}/{scored['decoding']}`" in text


def test_loops_by_a_schedule_are_logged_and_resumed(finished, tmp_path):
    """Two epochs, then two more in another process: one loop more in each, in log and pictures."""
    recipe = Recipe(tmp_path)
    for name in ("data", "dump", "exp"):
        shutil.copytree(finished.dir / name, recipe.dir / name, dirs_exist_ok=True)
    config = yaml.safe_load((recipe.dir / "conf/train_asr.yaml").read_text())
    conf = config["encoder_conf"]
    del conf["num_loops"]
    conf |= {"loop_policy": "schedule", "loop_policy_conf": {"start": 2, "end": 5, "total": 4}}
    conf |= {"interctc_loops": [1], "loop_norms": True}
    encoder = {"encoder": config["encoder"], "encoder_conf": conf}
    (recipe.dir / "schedule.yaml").write_text(yaml.safe_dump(encoder))
    for epochs in (2, 4):
        status, output = recipe.run(
            *("--stage", "11", "--stop_stage", "11", "--encoder_config", "schedule.yaml"),
            *("--asr_tag", "schedule", "--use_lm", "false", "--asr_args"),
            f"--max_epoch {epochs} --accum_grad 2 --num_att_plot 1"
            " --model_conf interctc_weight=0.3",
        )
        assert status == 0, output
    logs = "".join(p.read_text() for p in sorted(recipe.dir.glob("exp/asr_schedule/train*.log")))
    results = re.findall(
        r"(\d+)epoch results: \[train\].*?num_loops=([\d.]+).*?\[valid\].*?num_loops=([\d.]+)", logs
    )
    assert sorted((int(e), float(t), float(v)) for e, t, v in results) == [
        (1, 2, 2),
        (2, 3, 3),
        (3, 4, 4),
        (4, 5, 5),
    ]
    assert "loss_interctc_layer" in logs
    events = EventAccumulator(str(recipe.dir / "exp/asr_schedule/tensorboard/train")).Reload()
    values = {event.value for event in events.Scalars("num_loops")}
    assert values >= {4, 5}


def test_another_language_model_is_decoded_with_and_packed(finished):
    """By its content; its name and its place are the same. The last test, as it changes the run."""
    folder = finished.dir / "exp/lm_train_lm_max_epoch2_en_bpe30"
    language_model = folder / "valid.loss.ave.pth"
    note, weights = read_note(language_model), torch.load(language_model)
    language_model.unlink()  # it may be a link
    torch.save({name: value * 1.1 for name, value in weights.items()}, language_model)
    add_note(language_model, note)
    other = language_model.read_bytes()
    status, output = finished.run(
        "--stage", "12", "--stop_stage", "14", "--test_sets", "test", *SHORT
    )
    assert status == 0, output
    why = f"again, because of another {language_model.relative_to(finished.dir)}"
    assert output.count(why) == 2, output
    with zipfile.ZipFile(finished.dir / "exp" / TAG / f"{TAG}_train.loss.best.zip") as archive:
        assert archive.read(str(language_model.relative_to(finished.dir))) == other
