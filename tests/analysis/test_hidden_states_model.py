"""Models and speech by their names."""

import logging

import numpy as np
import pytest
import soundfile
import torch

from espnet_recursive.analysis.hidden_states_model import Speech, encode_all, load_states
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table, write_table
from espnet_recursive.recipe.feats import write_ark
from tests.publish.conftest import packed, private_home, recipe  # noqa: F401


@pytest.fixture(scope="module")
def states(recipe):  # noqa: F811
    return load_states(str(recipe.asr))


def test_a_data_directory_and_its_files_are_the_same(states, recipe):  # noqa: F811
    data = recipe.data["train"]
    files = read_table(data / "wav.scp")
    from_dir = list(encode_all(states, Speech(data_dir=data)))
    from_files = list(encode_all(states, Speech(audio=list(files.values()))))
    assert [name for name, _ in from_dir] == list(files)
    for (_, one), (_, other) in zip(from_dir, from_files, strict=True):
        assert torch.equal(one, other)


def test_a_pack_without_its_language_model(packed):  # noqa: F811
    assert str(load_states(str(packed)).recursion) == "{2, 3, 1, 1}"


def test_evenly_spread(states, recipe):  # noqa: F811
    data = recipe.data["train"]
    names = list(read_table(data / "wav.scp"))
    assert len(names) == 5
    some = [name for name, _ in encode_all(states, Speech(data_dir=data, max_utterances=2))]
    assert some == [names[0], names[2]]
    assert len(list(encode_all(states, Speech(data_dir=data, max_utterances=9)))) == 5


def test_short_ones_are_left_out(states, recipe, tmp_path, caplog):  # noqa: F811
    short = tmp_path / "short.wav"
    soundfile.write(short, np.zeros(500), 16000)
    speech = Speech(audio=[str(short), str(recipe.audio[0])])
    with caplog.at_level(logging.WARNING):
        assert [name for name, _ in encode_all(states, speech)] == [str(recipe.audio[0])]
    assert "short.wav is left out: too short for the encoder" in caplog.text
    with pytest.raises(UserError, match="1 file: no utterance is long enough"):
        list(encode_all(states, Speech(audio=[str(short)])))


def test_features(recipe, tmp_path):  # noqa: F811
    states = load_states(str(recipe.train_asr_of_features("asr_feats_states", 13)))
    random = np.random.default_rng(0)
    features = {name: random.normal(size=(90, 13)) for name in ("a", "b")}
    places, _ = write_ark(tmp_path / "feats.ark", features.items())
    write_table(tmp_path / "feats.scp", places)
    encoded = dict(encode_all(states, Speech(data_dir=tmp_path)))
    assert [state.shape[0] for state in encoded.values()] == [9, 9]
    with pytest.raises(UserError, match="--audio: the model takes features"):
        list(encode_all(states, Speech(audio=["a.wav"])))


def test_segments(states, tmp_path):
    (tmp_path / "segments").write_text("a b 0 1\n")
    with pytest.raises(UserError, match="segments: cut the recordings"):
        list(encode_all(states, Speech(data_dir=tmp_path)))


def test_no_model():
    with pytest.raises(UserError, match=r"./none.zip does not exist"):
        load_states("./none.zip")
