"""The command that converts."""

import json

import pytest

from espnet_recursive.bin.convert import main
from tests.convert.conftest import recipe  # noqa: F401


def run(recipe, tmp_path, direction, model, *options):  # noqa: F811
    files = ["--model", str(recipe / "exp" / model), "--output", str(tmp_path / "out")]
    main([direction, *files, *options])
    return json.loads((tmp_path / "out" / "conversion.json").read_text())


RECURSION = "--recurrent_blocks 2 --num_loops 3 --prelude_blocks 1 --coda_blocks 1".split()


def test_every_option_of_making_recursive(recipe, tmp_path, capsys):  # noqa: F811
    options = "--model_file 3epoch.pth --method pick --pick_loop 2 --loop_norms --rank 2".split()
    audio = ["--audio", str(recipe / "speech.wav")]
    targets = ["--target_modules", "linear_q", "w_1"]
    report = run(
        recipe, tmp_path, "recursive", "transformer", *RECURSION, *options, *audio, *targets
    )
    assert report["how"] == (
        "transformer of 8 layers to latent_recursive_transformer {2, 3, 1, 1}: "
        "pick (loop 2), loop_norms, rank 2"
    )
    out = capsys.readouterr().out
    assert out.startswith((tmp_path / "out" / "conversion.md").read_text())
    assert out.endswith(f"{tmp_path}/out\n")
    encoder = (tmp_path / "out" / "encoder.yaml").read_text()
    assert "- linear_q\n    - w_1\n" in encoder and "loop_norms: true" in encoder


def test_unrolling(recipe, tmp_path):  # noqa: F811
    report = run(recipe, tmp_path, "stock", "recursive", "--num_loops", "2")
    assert report["how"].endswith("to transformer of 6 layers: unrolled")


def test_errors_are_messages(recipe, tmp_path):  # noqa: F811
    with pytest.raises(SystemExit, match=r"Error: .*has 8 encoder layers, but .* Possible tuples"):
        run(recipe, tmp_path, "recursive", "transformer")
    with pytest.raises(SystemExit, match="Error: .*nothing to unroll"):
        run(recipe, tmp_path, "stock", "transformer")


@pytest.mark.parametrize(
    ("direction", "option"),
    [([], "DIRECTION"), (["recursive"], "--recurrent_blocks"), (["stock"], "--num_loops")],
)
def test_help(direction, option, capsys):
    with pytest.raises(SystemExit) as error:
        main([*direction, "--help"])
    assert error.value.code == 0
    assert option in capsys.readouterr().out
