"""From an experiment to a file that says what it is."""

import onnx
import pytest
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.export import export
from espnet_recursive.export.export import ExportOptions, export_model
from espnet_recursive.export.runtime import open_session
from tests.convert.conftest import recipe  # noqa: F401


def props(file) -> dict[str, str]:
    return {p.key: p.value for p in onnx.load(file).metadata_props}


def test_a_recursive_model(recipe, tmp_path):  # noqa: F811
    file = tmp_path / "new" / "encoder.onnx"
    report = export_model(recipe / "exp/recursive", file, ExportOptions(loops_as_input=True))
    assert report.num_bytes == file.stat().st_size and list(report.closeness) == ["float32"]
    assert report.closeness["float32"].largest_relative_difference < 1e-4
    assert report.closeness["float32"].label_agreement == 1
    assert [name for name, _, _ in report.ports] == (
        "features lengths num_loops encoder_out encoder_out_lens ctc_log_probs".split()
    )
    assert props(file)["encoder"] == "latent_recursive_transformer"
    assert [path.name for path in file.parent.iterdir()] == ["encoder.onnx"]


def test_a_stock_model_in_int8_on_audio(recipe, tmp_path):  # noqa: F811
    file = tmp_path / "encoder.onnx"
    audio = recipe / "speech.wav"
    options = ExportOptions(precision="int8", ctc=False)
    report = export_model(recipe / "exp/transformer", file, options, "3epoch.pth", [audio])
    assert list(report.closeness) == ["float32", "int8"]
    assert 1e-4 < report.closeness["int8"].relative_difference < 0.1
    assert f"on {audio}" in str(report)
    said = props(file)
    assert said["quantisation"] == "int8, dynamic" and "recursion" not in said
    outputs = [value.name for value in open_session(str(file)).get_outputs()]
    assert outputs == ["encoder_out", "encoder_out_lens"]


def test_a_file_that_differs_is_not_written(recipe, tmp_path, monkeypatch):  # noqa: F811
    graph = export._graph

    def wrong(loaded, options):
        model = graph(loaded, options)
        with torch.no_grad():
            loaded.model.encoder.after_norm.weight.mul_(1.01)
        return model

    monkeypatch.setattr(export, "_graph", wrong)
    with pytest.raises(UserError, match="differs from PyTorch's by .*, so nothing was written"):
        export_model(recipe / "exp/recursive", tmp_path / "encoder.onnx", ExportOptions())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file(recipe, tmp_path):  # noqa: F811
    with pytest.raises(UserError, match=f"--onnx {tmp_path} is a folder: name the file to write"):
        export_model(recipe / "exp/recursive", tmp_path, ExportOptions())
