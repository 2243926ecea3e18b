"""Stages 3 and 4 of features that were computed before."""

import numpy as np
import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table, write_data_dir
from espnet_recursive.recipe.feats import write_ark
from espnet_recursive.recipe.filter_utterances import filter_data_dir
from espnet_recursive.recipe.format_feats import format_feats

#: Frames of an utterance, and its transcript.
UTTERANCES = {
    "a-short": (10, "X"),
    "a-shortest-kept": (11, "X"),
    "b-empty": (50, ""),
    "b-longest-kept": (199, "Y Y"),
    "c-long": (200, "Z"),
}


@pytest.fixture
def source(tmp_path):
    """A data directory of features, in dimension 13."""
    write(tmp_path / "data")
    return tmp_path / "data"


def write(directory, **other_dimensions):
    """A data directory; utterances have 13 features in a frame unless told."""
    features = (
        (key, np.ones((frames, other_dimensions.get(key.replace("-", "_"), 13))))
        for key, (frames, _) in UTTERANCES.items()
    )
    places, _ = write_ark(directory / "feats.ark", features)
    text = {key: words for key, (_, words) in UTTERANCES.items()}
    write_data_dir(directory, places, text, {key: key[0] for key in places}, scp="feats.scp")


def test_sizes(source, tmp_path):
    format_feats(source, tmp_path / "org")
    for name in ("feats.scp", "text", "utt2spk", "spk2utt"):
        assert (tmp_path / "org" / name).read_text() == (source / name).read_text()
    assert (tmp_path / "org/feats_dim").read_text() == "13\n"
    assert (tmp_path / "org/feats_type").read_text() == "extracted\n"
    frames = {key: str(frames) for key, (frames, _) in UTTERANCES.items()}
    assert read_table(tmp_path / "org/utt2num_frames") == frames


def test_utterances_of_a_length(source, tmp_path):
    format_feats(source, tmp_path / "org")
    counts = filter_data_dir(tmp_path / "org", tmp_path / "out", 0.1, 2.0, fs=100)
    assert counts == {"kept": 2, "too short": 1, "too long": 1, "empty text": 1}
    for name in ("feats.scp", "text", "utt2spk", "utt2num_frames"):
        assert list(read_table(tmp_path / "out" / name)) == ["a-shortest-kept", "b-longest-kept"]
    for name in ("feats_dim", "feats_type"):
        assert (tmp_path / "out" / name).read_text() == (tmp_path / "org" / name).read_text()
    assert not (tmp_path / "out/wav.scp").exists()


def test_a_length_that_is_none(source, tmp_path):
    format_feats(source, tmp_path / "org")
    table = tmp_path / "org/utt2num_frames"
    table.write_text(table.read_text().replace("a-short 10", "a-short ten"))
    with pytest.raises(UserError, match="utt2num_frames, a-short: 'ten' is no number of frames"):
        filter_data_dir(tmp_path / "org", tmp_path / "out", 0.1, 2.0, fs=100)


def test_features_of_two_kinds(tmp_path):
    write(tmp_path / "data", b_empty=39)
    with pytest.raises(UserError, match="a-short has 13 features in a frame, b-empty has 39"):
        format_feats(tmp_path / "data", tmp_path / "org")
    assert not (tmp_path / "org").exists()


def test_features_cut_off(source, tmp_path):
    ark = source / "feats.ark"
    ark.write_bytes(ark.read_bytes()[:-4])
    with pytest.raises(UserError, match=r"feats\.scp, c-long: .* cannot be read"):
        format_feats(source, tmp_path / "org")


def test_no_features(source, tmp_path):
    (source / "feats.scp").unlink()
    with pytest.raises(UserError, match=r"data/feats\.scp does not exist"):
        format_feats(source, tmp_path / "org")
