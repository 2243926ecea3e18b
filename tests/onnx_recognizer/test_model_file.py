"""Files that are no recogniser, or not a whole one, are told apart."""

import onnx
import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.onnx_recognizer.model_file import open_model


@pytest.fixture
def copy(exported, tmp_path):
    """Writes model.onnx after a change."""

    def write(change):
        model = onnx.load(exported[0] / "model.onnx")
        change(model)
        onnx.save(model, tmp_path / "model.onnx")
        return tmp_path

    return write


def test_what_it_says_of_itself(exported):
    for path in (exported[0], exported[0] / "model.onnx", str(exported[0])):
        session, about = open_model(path, threads=1)
        assert (about.rate, about.shortest, about.num_loops) == (16000, 960, 3)
        assert (about.frame_seconds, about.token_type) == (0.04, "char")
        assert about.tokens[0] == "<blank>"
        assert [port.name for port in session.get_inputs()] == ["waveform", "lengths", "num_loops"]


def test_missing(tmp_path):
    with pytest.raises(UserError, match="model.onnx is not there: name the folder that export"):
        open_model(tmp_path)


@pytest.mark.parametrize("part", [0.0, 0.5, 0.999])
def test_cut(exported, tmp_path, part):
    whole = (exported[0] / "model.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(UserError, match="model.onnx .*(is cut or no ONNX file|no recogniser)"):
        open_model(tmp_path)


def test_made_for_a_newer_onnxruntime(copy):
    def newer(model):
        model.ir_version = 999

    with pytest.raises(UserError, match="needs a newer onnxruntime than [0-9.]+: pip install"):
        open_model(copy(newer))

    def newest(model):
        model.opset_import[0].version = 999

    with pytest.raises(UserError, match="needs a newer onnxruntime"):
        open_model(copy(newest))


def test_another_model(copy):
    def nameless(model):
        del model.metadata_props[:]

    with pytest.raises(UserError, match="has no sampling_rate, so it is no recogniser of audio"):
        open_model(copy(nameless))
