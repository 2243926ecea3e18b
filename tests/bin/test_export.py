"""The command that exports."""

import pytest

from espnet_recursive.bin.export import main
from espnet_recursive.export.runtime import open_session
from tests.convert.conftest import recipe  # noqa: F401
from tests.export.browser import write_package
from tests.export.test_online_export import experiment


def test_every_option(recipe, tmp_path, capsys):  # noqa: F811
    file = tmp_path / "encoder.onnx"
    options = "--model_file 3epoch.pth --num_loops 2 --loops_as_input --int8 --no_ctc".split()
    audio = ["--audio", str(recipe / "speech.wav")]
    main(["--model", str(recipe / "exp/recursive"), "--onnx", str(file), *options, *audio])
    out = capsys.readouterr().out
    assert "loops of all utterances, 1 or more; 2 as configured" in out and "int8" in out
    assert out.endswith(f"\n{file}\n")
    session = open_session(str(file))
    assert [value.name for value in session.get_inputs()] == ["features", "lengths", "num_loops"]
    assert session.get_overridable_initializers() == []
    assert session.get_modelmeta().custom_metadata_map["num_loops"] == "2"


def test_a_recogniser(recipe, tmp_path, capsys):  # noqa: F811
    folder = tmp_path / "recogniser"
    model = ["--model", str(recipe / "exp/recursive"), "--to", "onnxruntime", str(folder)]
    options = ["--num_loops", "2", "--format", "int4"]
    main([*model, *options, "--audio", str(recipe / "speech.wav")])
    out = capsys.readouterr().out
    assert "1 or more; 2 as configured" in out and out.endswith(f"\n{folder}\n")
    rows = [line.split()[0] for line in out.splitlines() if " of 1 " in line]
    assert rows == ["float32", "int4"]
    assert open_session(str(folder / "model.onnx")).get_inputs()[2].name == "num_loops"


def test_for_sherpa(recipe, tmp_path, capsys):  # noqa: F811
    folder = tmp_path / "sherpa"
    model = ["--model", str(recipe / "exp/recursive"), "--to", "sherpa", str(folder)]
    main([*model, "--loops", "1", "2", "--route", "moonshine_v2"])
    out = capsys.readouterr().out
    assert "loader moonshine_v2" in out and out.endswith(f"\n{folder}\n")
    assert {"encoder.loops1.onnx", "encoder.loops2.onnx"} <= {p.name for p in folder.iterdir()}


def test_a_page(recipe, tmp_path, capsys):  # noqa: F811
    folder, package = tmp_path / "page", write_package(tmp_path / "package")
    model = ["--model", str(recipe / "exp/recursive"), "--to", "web", str(folder)]
    main([*model, "--onnxruntime_web", str(package), "--constant_loops"])
    assert f"{folder}: cd {folder} && python3 -m http.server" in capsys.readouterr().out
    assert (folder / "index.html").exists()
    inputs = [value.name for value in open_session(str(folder / "model.onnx")).get_inputs()]
    assert inputs == ["waveform", "lengths"]


def test_a_stream(tmp_path, capsys):
    exp = experiment(tmp_path / "e", "transformer")
    folder = tmp_path / "online"
    options = "--chunk_size 4 --num_left_chunks 2 --num_loops 2 --int8".split()
    main(["--model", str(exp), "--to", "sherpa_online", str(folder), *options])
    out = capsys.readouterr().out
    assert "chunks of 0.16 s; 6 executed layers" in out and out.endswith(f"\n{folder}\n")
    about = open_session(str(folder / "model.onnx")).get_modelmeta().custom_metadata_map
    assert (about["chunk_size"], about["num_left_chunks"], about["num_blocks"]) == ("4", "2", "6")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "--to encoder: name the file to write with --onnx"),
        (["--onnx", "x", "there"], "--to encoder does not take DIR .there.. Name the file with"),
        (["--onnx", "x", "--constant_loops"], "--to encoder does not take --constant_loops"),
        (
            ["--to", "onnxruntime"],
            "--to onnxruntime: name the folder to write, as --to onnxruntime",
        ),
        (["--to", "onnxruntime", "x", "--onnx", "y"], "--to onnxruntime does not take --onnx"),
        (["--to", "onnxruntime", "x", "--no_ctc"], "take --no_ctc. A recogniser decodes with CTC"),
        (["--to", "onnxruntime", "x", "--loops_as_input"], "take --loops_as_input. Leave it out"),
        (["--to", "onnxruntime", "x", "--loops", "1", "2"], "take --loops. Give --num_loops, one"),
        (["--to", "onnxruntime", "x", "--route", "omnilingual"], "It is for --to sherpa"),
        (["--to", "web", "x", "--route", "omnilingual"], "--to web does not take --route"),
        (["--to", "web", "x", "--onnx", "y"], "--to web does not take --onnx. Name the folder"),
        (["--to", "sherpa", "x", "--onnxruntime_web", "y"], "take --onnxruntime_web. It is for"),
        (["--to", "sherpa", "x", "--chunk_size", "0"], "It is for --to sherpa_online"),
        (["--to", "sherpa_online", "x", "--loops", "1", "2"], "take --loops. Give --num_loops"),
        (["--to", "sherpa", "x", "--constant_loops"], "--to sherpa does not take --constant_loops"),
        (["--to", "sherpa", "x", "--loops", "1", "--num_loops", "1"], "give one of them"),
    ],
)
def test_options_of_another_target(options, message):
    with pytest.raises(SystemExit, match=f"Error: .*{message}"):
        main(["--model", "exp/none", *options])


def test_errors_are_messages(recipe, tmp_path):  # noqa: F811
    model = ["--model", str(recipe / "exp/transformer"), "--onnx", str(tmp_path / "encoder.onnx")]
    with pytest.raises(SystemExit, match="Error: .*runs each layer once"):
        main([*model, "--num_loops", "2"])
    assert not any(tmp_path.iterdir())


def test_help(capsys):
    with pytest.raises(SystemExit) as error:
        main(["--help"])
    assert error.value.code == 0 and "--loops_as_input" in capsys.readouterr().out
