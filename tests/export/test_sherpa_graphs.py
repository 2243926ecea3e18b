"""What stands behind a recogniser for sherpa-onnx, on one whose labels are in its samples."""

import numpy as np
import onnx
import pytest
import sherpa_onnx
from onnx import parser

from espnet_recursive.export.runtime import open_session
from espnet_recursive.export.sherpa_files import moonshine_tokens
from espnet_recursive.export.sherpa_graphs import (
    END,
    FIRST_TOKEN,
    moonshine_decoder,
    moonshine_encoder,
    omnilingual,
)

#: A frame has 640 samples, the highest of which is a tenth of its label.
SPEAKING = """
<ir_version: 8, opset_import: ["": 17]>
speaking (float[b, n] waveform, int64[b] lengths) => (float[b, t, 6] ctc_log_probs, int64[b] frames)
{
    size = Constant <value = int64[1] {640}> ()
    shape = Constant <value = int64[3] {1, -1, 640}> ()
    ten = Constant <value = float[1] {10}> ()
    six = Constant <value = int64[1] {6}> ()
    values = Constant <value = float[2] {-9, 0}> ()
    rows = Reshape (waveform, shape)
    peaks = ReduceMax <axes = [2], keepdims = 0> (rows)
    scaled = Mul (peaks, ten)
    rounded = Round (scaled)
    numbers = Cast <to = 7> (rounded)
    ctc_log_probs = OneHot <axis = -1> (numbers, six, values)
    frames = Div (lengths, size)
}
"""
TOKENS = ["<blank>", *"abcd", "<space>"]


def speaking():
    return parser.parse_model(SPEAKING)


def samples_of(*labels):
    return np.repeat(np.array(labels, np.float32) / 10, 640)


def test_frames_of_omnilingual_are_repeated():
    (logits,) = open_session(omnilingual(speaking(), 2), 1).run(
        None, {"waveform": samples_of(1, 0, 3)[None]}
    )
    assert logits.shape == (1, 6, 6)
    assert logits[0].argmax(-1).tolist() == [1, 1, 0, 0, 3, 3]


@pytest.mark.parametrize(
    ("frames", "labels"),
    [((1, 1, 0, 1, 2, 2, 0), [1, 1, 2]), ((0, 0), []), ((3,), [3]), ((4, 4, 4), [4])],
)
def test_labels_and_the_end_behind_them(frames, labels):
    session = open_session(moonshine_encoder(speaking()), 1)
    (hidden,) = session.run(None, {"waveform": samples_of(*frames)[None]})
    tokens = hidden[0, :, 0].tolist()
    assert tokens[: len(labels)] == [label + FIRST_TOKEN for label in labels]
    assert set(tokens[len(labels) :]) == {END}


def test_the_client_says_them_all(tmp_path):
    """Also where each frame has a label of its own, for a minute."""
    onnx.save(moonshine_encoder(speaking()), tmp_path / "encoder.onnx")
    onnx.save(moonshine_decoder(speaking()), tmp_path / "decoder.onnx")
    (tmp_path / "tokens.txt").write_text(moonshine_tokens(TOKENS, FIRST_TOKEN), "utf-8")
    names = {"encoder": "encoder.onnx", "decoder": "decoder.onnx", "tokens": "tokens.txt"}
    files = {name: str(tmp_path / file) for name, file in names.items()}
    recognizer = sherpa_onnx.OfflineRecognizer.from_moonshine_v2(**files)
    for labels, text in (((1, 0, 2, 5, 3, 3), "ab c"), (750 * (1, 2), 750 * "ab")):
        stream = recognizer.create_stream()
        stream.accept_waveform(16000, samples_of(*labels))
        recognizer.decode_stream(stream)
        assert stream.result.text == text


def test_the_recogniser_is_not_changed():
    model = speaking()
    before = model.SerializeToString(deterministic=True)
    omnilingual(model, 2), moonshine_encoder(model), moonshine_decoder(model)
    assert model.SerializeToString(deterministic=True) == before
