"""The command that exports."""

import pytest

from espnet_recursive.bin.export import main
from espnet_recursive.export.runtime import open_session
from tests.convert.conftest import recipe  # noqa: F401


def test_every_option(recipe, tmp_path, capsys):  # noqa: F811
    file = tmp_path / "encoder.onnx"
    options = "--model_file 3epoch.pth --num_loops 2 --loops_as_input --int8 --no_ctc".split()
    audio = ["--audio", str(recipe / "speech.wav")]
    main(["--model", str(recipe / "exp/recursive"), "--onnx", str(file), *options, *audio])
    out = capsys.readouterr().out
    assert "loops of all utterances; 2 where it is not given" in out and "int8" in out
    assert out.endswith(f"\n{file}\n")
    session = open_session(str(file))
    assert [value.name for value in session.get_overridable_initializers()] == ["num_loops"]


def test_errors_are_messages(recipe, tmp_path):  # noqa: F811
    model = ["--model", str(recipe / "exp/transformer"), "--onnx", str(tmp_path / "encoder.onnx")]
    with pytest.raises(SystemExit, match="Error: .*runs each layer once"):
        main([*model, "--num_loops", "2"])
    assert not any(tmp_path.iterdir())


def test_help(capsys):
    with pytest.raises(SystemExit) as error:
        main(["--help"])
    assert error.value.code == 0 and "--loops_as_input" in capsys.readouterr().out
