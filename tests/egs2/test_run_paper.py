"""run_paper.sh: what it refuses, before anything runs; test_mini_an4.py runs it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from espnet_recursive.analysis.paper import PAPER_ROWS

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ("librispeech", "aishell")


def refused(corpus, *options):
    """Run a recipe's run_paper.sh where it is: what is refused leaves nothing behind."""
    return subprocess.run(
        ["./run_paper.sh", *options],
        cwd=ROOT / "egs2" / corpus / "asr1",
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )


def run_paper(recipe, *options):
    """Run the driver of the rows in the folder of a recipe: the status and what it printed."""
    result = subprocess.run(
        ["../../TEMPLATE/asr1/run_paper.sh", *options],
        cwd=recipe.dir,
        env=recipe.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    return result.returncode, result.stdout


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
