"""What Sphinx's tools write: lists, transcripts, feature files and audio without headers."""

import numpy as np
import pytest

from espnet_recursive.corpora.sphinx import (
    read_cepstra,
    read_file_ids,
    read_raw,
    read_transcription,
    subtract_means,
    with_deltas,
)
from espnet_recursive.errors import UserError
from tests.corpora.miniature import mfc

FRAMES = np.random.default_rng(0).normal(size=(7, 13)).astype(np.float32)


def test_both_forms_of_a_transcript(tmp_path):
    path = tmp_path / "list"
    path.write_text("<s> A B </s> (one)\nC (two)\n")
    assert read_transcription(path) == {"one": "A B", "two": "C"}


@pytest.mark.parametrize("text, message", [
    ("C (two)\nA B\n", r"list, line 2: .*found 'A B'"),
    ("A (one)\nB (one)\n", r"list, line 2: one comes twice"),
])  # fmt: skip
def test_wrong_transcripts(tmp_path, text, message):
    (tmp_path / "list").write_text(text)
    with pytest.raises(UserError, match=message):
        read_transcription(tmp_path / "list")


@pytest.mark.parametrize("read", [read_transcription, read_file_ids])
def test_missing_lists(tmp_path, read):
    with pytest.raises(UserError, match=r"none does not exist\. .*--corpus_dir"):
        read(tmp_path / "none")


def test_list_of_nothing(tmp_path):
    (tmp_path / "list").write_text("\n")
    with pytest.raises(UserError, match="list lists no recording"):
        read_file_ids(tmp_path / "list")


@pytest.mark.parametrize("byte_order", [">", "<"])
def test_features_of_both_byte_orders(tmp_path, byte_order):
    (tmp_path / "a.mfc").write_bytes(mfc(FRAMES, byte_order))
    features = read_cepstra(tmp_path / "a.mfc")
    assert features.dtype == np.float32
    assert (features == FRAMES).all()


@pytest.mark.parametrize("content, message", [
    (mfc(FRAMES)[:-4], r"a\.mfc is cut off .* the count 91 and holds 90 values \(364 bytes\)"),
    (mfc(FRAMES)[:-1], r"cut off .* \(367 bytes\)"),
    (mfc(FRAMES) + b"1234", "the count 91 and holds 92 values"),
    (b"", "holds 0 values"),
    (b"\0\0", "holds 0 values"),
    (mfc(FRAMES[:0]), "0 values, which are not frames of 13"),
    (mfc(FRAMES[:, :12]), "84 values, which are not frames of 13"),
    (mfc(FRAMES * np.float32("nan")), "values that are no numbers"),
])  # fmt: skip
def test_damaged_features(tmp_path, content, message):
    (tmp_path / "a.mfc").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_cepstra(tmp_path / "a.mfc")


def test_the_mean_of_a_group_is_over_frames_and_not_over_utterances():
    cepstra = {"a-1": FRAMES[:1].copy(), "a-2": FRAMES[1:5].copy(), "b-1": FRAMES[5:].copy()}
    subtract_means(cepstra, {"a-1": "a", "a-2": "a", "b-1": "b"})
    of_a = np.vstack([cepstra["a-1"], cepstra["a-2"]])
    np.testing.assert_allclose(of_a, FRAMES[:5] - FRAMES[:5].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(cepstra["b-1"], FRAMES[5:] - FRAMES[5:].mean(axis=0), atol=1e-6)


def test_deltas_by_their_definition():
    features = with_deltas(FRAMES)
    assert features.shape == (7, 39) and features.dtype == np.float32

    def c(t):
        return FRAMES[min(max(t, 0), len(FRAMES) - 1)]

    for t in range(len(FRAMES)):
        first = c(t + 2) - c(t - 2)
        second = (c(t + 3) - c(t - 1)) - (c(t + 1) - c(t - 3))
        np.testing.assert_allclose(features[t], np.concatenate([c(t), first, second]), rtol=1e-6)


def test_deltas_of_one_frame_are_zero():
    features = with_deltas(FRAMES[:1])
    assert (features[0, :13] == FRAMES[0]).all() and not features[0, 13:].any()


@pytest.mark.parametrize("byte_order", [">", "<"])
@pytest.mark.parametrize("amplitude", [20, 3000, 32000])
def test_byte_order_of_audio_is_found(tmp_path, byte_order, amplitude):
    time = np.arange(8000) / 16000
    noise = np.random.default_rng(1).normal(size=8000) * 3
    samples = (amplitude * np.sin(2 * np.pi * 200 * time) + noise).clip(-32768, 32767)
    samples = samples.astype(np.int16)
    (tmp_path / "a.raw").write_bytes(samples.astype(f"{byte_order}i2").tobytes())
    assert (read_raw(tmp_path / "a.raw") == samples).all()


@pytest.mark.parametrize("content", [b"", b"123"])
def test_damaged_audio(tmp_path, content):
    (tmp_path / "a.raw").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.raw has \d bytes, which are not samples"):
        read_raw(tmp_path / "a.raw")
