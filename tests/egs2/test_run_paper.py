"""run_paper.sh: what it refuses, before anything runs; test_mini_an4.py runs it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from espnet_recursive.analysis.paper.rows import PAPER_ROWS
from tests.egs2.conftest import Recipe, run_paper

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ("librispeech", "aishell")
#: Says what it was called with, and fails for a row of that name.
STUB = """#!/bin/sh
printf '%s|' "$@" >> calls
echo >> calls
case "$*" in *row_bad*) exit 1 ;; esac
"""


def refused(corpus, *options):
    """Run a recipe's run_paper.sh where it is: what is refused leaves nothing behind."""
    return subprocess.run(
        ["./run_paper.sh", *options],
        cwd=ROOT / "egs2" / corpus / "asr1",
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )


def rows_of(corpus):
    return [name for name, row in PAPER_ROWS.items() if row.corpus == corpus]


@pytest.mark.parametrize("corpus", RECIPES)
def test_rows_are_those_of_the_paper_on_this_corpus(corpus):
    result = refused(corpus)
    assert result.returncode == 2
    known = re.search(r"--rows is required. Rows: (.*)", result.stderr)
    assert known[1].split() == rows_of(corpus)


@pytest.mark.parametrize("corpus", RECIPES)
def test_every_row_has_a_training_configuration(corpus):
    """That of its kind of encoder, as run_paper.sh finds it."""
    recipe = ROOT / "egs2" / corpus / "asr1"
    for row in rows_of(corpus):
        encoder = yaml.safe_load((recipe / f"conf/encoder/{row}.yaml").read_text())["encoder"]
        kind = encoder.removeprefix("latent_recursive_")
        assert (recipe / f"conf/train_asr_{kind}.yaml").exists()


def test_rows_of_an4_correspond_to_the_papers():
    result = refused("an4")
    known = re.search(r"--rows is required. Rows: (.*)", result.stderr)
    assert known[1].split() == rows_of("librispeech")
    folder = ROOT / "egs2/an4/asr1/conf/encoder"
    assert set(known[1].split()) == {path.stem for path in folder.glob("*.yaml")}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--rows|B L9 R1", "no row L9. Rows: B R1 R2 "),
        # AISHELL's.
        ("--rows|L4", "no row L4. Rows: B R1 R2 "),
        ("--rows", "--rows needs a value"),
        ("B|L1", "expected --name value, found: B"),
        ("--rows|B|--keep_going|yes", "--keep_going is true or false"),
        ("--rows|B|--encoder-config|x.yaml", "--encoder_config: each row has its own"),
        ("--rows|B|--asr_tag|x", "--asr_tag: each row has its own"),
        ("--rows|B|--subset|mini", "--subset: the paper's rows learn from the whole corpus"),
        ("--rows|B|--asr_config|no.yaml", "row B: no.yaml does not exist"),
        ("--rows|B|--seeds|0,1", '--seeds are numbers, for instance "0 1 2", not 0,1'),
        ("--rows|B|--seeds|0|--asr_args|--seed 1", "--asr_args --seed 1: name the seeds with"),
        ("--rows|B|--schedule_loops|few", "--schedule_loops is a number, or empty, not few"),
        ("--rows|B|--stage|last", "--stage and --stop_stage are numbers, not last"),
        ("--rows|B|--rows_dir|no", "--rows_dir no does not exist"),
        ("--rows|B|--rows_dir|conf", "no row B. Rows: decode_asr"),
    ],
)
def test_refused(options, message):
    result = refused("librispeech", *options.split("|"))
    assert result.returncode == 2
    assert f"./run_paper.sh: {message}" in result.stderr
    assert "See ./run_paper.sh --help" in result.stderr
    assert "(stage" not in result.stdout, "something ran"


def test_help():
    result = refused("aishell", "--help")
    assert result.returncode == 0
    assert result.stdout.startswith('Usage: ./run_paper.sh --rows "<row> ..."')


def test_rows_that_fail_stop_no_other_where_asked_for(recipe):
    """No row has a model that could be scored."""
    (recipe.dir / "rows").mkdir()
    for row in ("L4", "mine"):
        shutil.copy(ROOT / "conf" / "encoder" / "L4.yaml", recipe.dir / "rows" / f"{row}.yaml")
    options = ["--rows_dir", "rows", "--asr_config", "conf/train_asr.yaml", "--expdir", "exp_rows"]
    status, output = run_paper(
        recipe, *options, "--stage", "13", "--rows", "all", "--keep_going", "true"
    )
    assert status == 1
    assert "rows that failed: L4 mine. Start again: what is finished is kept." in output
    text = (recipe.dir / "exp_rows" / "RESULTS_PAPER.md").read_text()
    assert "Without a result yet: L4, mine.\n" in text
    assert not (recipe.dir / "exp").exists()


def test_a_training_configuration_of_the_kind_goes_before_the_common_one(tmp_path):
    """Branchformers have their own in AN4's recipe; no model is there to be scored."""
    recipe = Recipe(tmp_path, "an4")
    options = ["--rows", "L1 L5", "--stage", "13", "--seeds", "0", "--keep_going", "true"]
    output = run_paper(recipe, *options, script="./run_paper.sh")[1]
    assert "row L1_seed0: conf/encoder/L1.yaml over conf/train_asr.yaml\n" in output
    assert "row L5_seed0: conf/encoder/L5.yaml over conf/train_asr_branchformer.yaml\n" in output


def test_a_broken_row_is_found_before_anything_runs(recipe):
    (recipe.dir / "rows").mkdir()
    shutil.copy(ROOT / "conf" / "encoder" / "L4.yaml", recipe.dir / "rows")
    (recipe.dir / "rows" / "other.yaml").write_text("encoder: transformer\n")
    status, output = run_paper(
        recipe, "--rows_dir", "rows", "--asr_config", "conf/train_asr.yaml", "--rows", "L4"
    )
    assert status == 1
    assert "Error: rows/other.yaml: an encoder file has the keys" in output
    assert "row L4:" not in output


@pytest.fixture
def stub(recipe):
    """A recipe whose run.sh and Python do nothing; gives what run.sh is called with."""
    folder = recipe.dir / "rows"
    folder.mkdir()
    for row, policy in (("row_a", "fixed"), ("row_bad", "fixed"), ("row_s", "schedule")):
        (folder / f"{row}.yaml").write_text(
            f"encoder: latent_recursive_transformer\nencoder_conf:\n    loop_policy: {policy}\n"
        )
    (recipe.dir / "train.yaml").write_text("seed: 1  # and nothing else\n")
    (recipe.dir / "run.sh").write_text(STUB)
    common = ["--rows_dir", "rows", "--asr_config", "train.yaml", "--python", "true"]

    def calls(*options):
        status, output = run_paper(recipe, *common, *options)
        written = recipe.dir / "calls"
        lines = written.read_text().splitlines() if written.exists() else []
        written.unlink(missing_ok=True)
        return status, output, [_own_options(line.split("|")[:-1]) for line in lines]

    return calls


def _own_options(words):
    """Those that differ between the calls: the last value of each option holds."""
    options = dict(zip(words[::2], words[1::2], strict=True))
    names = ("asr_tag", "asr_args", "num_loops", "stage", "stop_stage")
    return {name: options[f"--{name}"] for name in names if f"--{name}" in options}


def test_models_of_several_seeds(stub):
    """What they share is made once, without arguments of a seed; the YAML's own needs none."""
    status, _, calls = stub("--rows", "row_a", "--seeds", "0 1", "--asr_args", "--max_epoch 2")
    assert status == 0
    args = {"asr_args": "--max_epoch 2"}
    last = {"stage": "11", "stop_stage": "10000"}
    assert calls == [
        {"asr_tag": "row_a_seed0", "stage": "1", "stop_stage": "10"} | args,
        {"asr_tag": "row_a_seed0", "asr_args": "--max_epoch 2 --seed 0"} | last,
        {"asr_tag": "row_a_seed1"} | args | last,
    ]


def test_a_schedule_is_decoded_at_two_depths(stub):
    _, _, calls = stub("--rows", "row_s row_a", "--stop_stage", "13")
    at_both = [{"stage": "1", "stop_stage": "13"}, {"stage": "12", "stop_stage": "13"}]
    assert calls == [at_both[0], at_both[1] | {"num_loops": "5"}, at_both[0]]
    _, _, calls = stub("--rows", "row_s", "--stop_stage", "13", "--schedule_loops", "")
    assert calls == at_both[:1]
    _, _, calls = stub("--rows", "row_s", "--num_loops", "3", "--stage", "12")
    assert calls == [{"stage": "12", "stop_stage": "10000", "num_loops": "3"}]


def test_a_pack_has_both_decodings_of_a_schedule(stub):
    _, _, calls = stub("--rows", "row_s", "--stage", "11")
    assert [(call["stage"], call.get("num_loops")) for call in calls] == [
        ("11", None),
        ("12", "5"),
        ("11", None),
    ]


def test_only_stages_that_are_asked_for(stub):
    _, _, calls = stub("--rows", "row_a", "--seeds", "0", "--stage", "12", "--stop_stage", "13")
    assert [(call["stage"], call["stop_stage"]) for call in calls] == [("12", "13")]
    _, _, calls = stub("--rows", "row_a", "--seeds", "0 1", "--stop_stage", "5")
    assert [(call["stage"], call["stop_stage"]) for call in calls] == [("1", "5")]


def test_a_seed_that_fails_stops_no_other_where_asked_for(stub):
    options = ("--rows", "row_bad row_a", "--seeds", "0 1", "--stage", "11")
    status, output, calls = stub(*options, "--keep_going", "true")
    assert status == 1
    assert "rows that failed: row_bad_seed0 row_bad_seed1. Start again" in output
    assert [call["asr_tag"] for call in calls] == [
        "row_bad_seed0",
        "row_a_seed0",
        "row_bad_seed1",
        "row_a_seed1",
    ]
    status, output, calls = stub(*options)
    assert [call["asr_tag"] for call in calls] == ["row_bad_seed0"]


def test_nothing_is_trained_if_what_is_shared_fails(stub):
    status, output, calls = stub("--rows", "row_bad row_a", "--seeds", "0")
    assert status == 1
    assert "Error: what the rows share could not be made." in output
    assert len(calls) == 1
