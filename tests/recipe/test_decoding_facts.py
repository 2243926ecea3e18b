"""decoding.json: how a data set was decoded, from the jobs that decoded it."""

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.decoding_facts import (
    join_decoding_facts,
    read_decoding_facts,
    write_decoding_facts,
)

OPTIONS = {
    "output_dir": "output.1",
    "key_file": None,
    "num_loops": 3,
    "loop_exit": "latent",
    "loop_exit_threshold": 0.05,
    "lm_file": "exp/lm/valid.loss.ave.pth",
    "batch_size": 8,
}
RECURSION = {"recurrent_blocks": 4, "num_loops": 5, "prelude_blocks": 2, "coda_blocks": 2}


@pytest.fixture
def jobs(tmp_path):
    """The directories of two jobs of one decoding."""
    paths = [tmp_path / "logdir" / f"output.{n}" for n in (1, 2)]
    for path in paths:
        write_decoding_facts(path, OPTIONS | {"output_dir": str(path)}, RECURSION)
    return paths


def test_read_as_written(jobs):
    """Without what concerns one job."""
    facts = read_decoding_facts(jobs[0])
    kept = {key: value for key, value in OPTIONS.items() if key not in ("output_dir", "key_file")}
    assert facts == kept | {"recursion": RECURSION}


def test_jobs_of_one_decoding(jobs, tmp_path):
    join_decoding_facts(jobs, tmp_path / "joined")
    assert read_decoding_facts(tmp_path / "joined") == read_decoding_facts(jobs[0])


def test_decodings_that_do_not_say(jobs, tmp_path):
    assert read_decoding_facts(tmp_path) is None
    join_decoding_facts(jobs, tmp_path)
    # One of ESPnet's own command takes the place of one that said it.
    (jobs[1] / "decoding.json").unlink()
    join_decoding_facts(jobs, tmp_path)
    assert read_decoding_facts(tmp_path) is None
    join_decoding_facts([], tmp_path)
    assert read_decoding_facts(tmp_path) is None


def test_jobs_that_decoded_differently(jobs, tmp_path):
    write_decoding_facts(jobs[1], OPTIONS | {"num_loops": 5}, RECURSION)
    with pytest.raises(UserError, match="output.2 were decoded with .*: num_loops is 3 and 5"):
        join_decoding_facts(jobs, tmp_path)


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_damaged_file(tmp_path, text):
    (tmp_path / "decoding.json").write_text(text)
    with pytest.raises(UserError, match=r"decoding.json is no JSON.* Remove it, or decode again"):
        read_decoding_facts(tmp_path)
