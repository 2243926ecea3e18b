"""The command that compares depths."""

import json

import pytest

from espnet_recursive.bin.sweep_loops import main
from tests.publish.conftest import packed, private_home, recipe  # noqa: F401
from tests.publish.experiments import FAST


@pytest.fixture
def sweep(recipe, tmp_path, capsys):  # noqa: F811
    """Run the command on the training set; return what it printed."""
    config = tmp_path / "decode.yaml"
    config.write_text(json.dumps(FAST))

    def run(*options, model=recipe.asr, config=config):
        cmd = [model, recipe.data["train"], "--output_dir", tmp_path / "out", "--config", config]
        main([*map(str, cmd), *map(str, options)])
        return capsys.readouterr().out

    return run


def depths(output):
    return [line.split("|")[1].strip() for line in output.splitlines() if line.startswith("|")][2:]


def test_table_and_picture(sweep, tmp_path):
    exits = ("--loop_exit", "latent", "labels", "--loop_exit_threshold", 0.05, 0.3)
    output = sweep("--num_loops", 1, 2, *exits)
    expected = ["1 loop", "2 loops", "3 loops", "labels < 0.05", "labels < 0.3"]
    assert depths(output) == [*expected, "latent < 0.05", "latent < 0.3"]
    assert output == (tmp_path / "out" / "loop_sweep.md").read_text()
    for name in ("loop_sweep.json", "loop_sweep.png", "loop_sweep.svg"):
        assert (tmp_path / "out" / name).stat().st_size > 1000
    assert "Cheapest with at most 1 % more errors" in output


def test_more_depths_are_added(sweep, tmp_path):
    sweep("--loops", 1)
    before = (tmp_path / "out" / "loops_1" / "utterances.jsonl").read_text()
    output = sweep("--criterion", "kl", "--thresholds", 0.01, "--min_loops", 2, "--max_loss", "5%")
    assert depths(output) == ["1 loop", "3 loops", "kl < 0.01, 2 or more"]
    assert (tmp_path / "out" / "loops_1" / "utterances.jsonl").read_text() == before
    assert "at most 5 % more errors" in output


def test_a_published_model(sweep, packed):  # noqa: F811
    assert depths(sweep("--loops", 2, model=packed)) == ["2 loops", "3 loops"]


@pytest.mark.parametrize(
    "options, message",
    [
        ([], "name depths to try, with --num_loops or with --loop_exit and"),
        (["--criterion", "kl"], "--loop_exit and --loop_exit_threshold go together"),
        (
            ["--thresholds", "0.1", "--loops", "1"],
            "--loop_exit and --loop_exit_threshold go together",
        ),
        (["--loops", "0"], "num_loops must be an integer of 1 or more, not 0"),
        (["--criterion", "cosine", "--thresholds", "0.1"], "'cosine' is none of latent, kl"),
        (["--criterion", "kl", "--thresholds", "-1"], "threshold must be a number of 0 or more"),
        (["--loops", "1", "--min_loops", "2"], "--loop_exit_min is for --loop_exit"),
    ],
)
def test_what_cannot_be_is_said_before_a_model_is_loaded(tmp_path, options, message):
    with pytest.raises(SystemExit, match=message):
        main(["no_model.zip", str(tmp_path), "--output_dir", str(tmp_path / "out"), *options])


def test_another_decoding_in_the_same_folder(sweep, tmp_path):
    sweep("--loops", 1)
    other = tmp_path / "other.yaml"
    other.write_text(json.dumps(FAST | {"beam_size": 3}))
    with pytest.raises(SystemExit, match="out holds decodings of another decoding, which sweep"):
        sweep("--loops", 1, config=other)


def test_no_data(recipe, tmp_path):  # noqa: F811
    options = ["--output_dir", str(tmp_path / "out"), "--loops", "1"]
    with pytest.raises(SystemExit, match="Error: .*none/wav.scp does not exist"):
        main([str(recipe.asr), str(tmp_path / "none"), *options])
