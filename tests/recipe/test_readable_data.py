"""Damaged speech and statistics, as ESPnet reads them."""

import numpy as np
import pytest
import soundfile
from espnet2.fileio import read_text
from espnet2.layers.global_mvn import GlobalMVN
from espnet2.train.dataset import ESPnetDataset
from espnet2.train.iterable_dataset import IterableESPnetDataset
from torch.utils.data import DataLoader

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.feats import write_ark
from espnet_recursive.recipe.readable_data import check_arrays, name_unreadable_data


@pytest.fixture(autouse=True)
def named():
    name_unreadable_data()


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def read(tmp_path, place, kind="sound", num_workers=0):
    (tmp_path / "scp").write_text(f"a-1 {place}\n")
    dataset = ESPnetDataset([(str(tmp_path / "scp"), "speech", kind)])
    loader = DataLoader(dataset, sampler=["a-1"], batch_size=None, num_workers=num_workers)
    ((key, data),) = loader
    assert key == "a-1"
    return data["speech"]


@pytest.fixture
def speech(tmp_path):
    """A FLAC file of noise."""
    path = tmp_path / "a-1.flac"
    noise = np.random.default_rng(0).integers(-9000, 9000, 16000).astype(np.int16)
    soundfile.write(path, noise, 16000)
    return path


def test_speech_that_is_whole(speech, tmp_path):
    samples, _ = soundfile.read(speech, dtype="float32")
    assert np.array_equal(read(tmp_path, speech), samples)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_flipped_bit_of_flac(speech, tmp_path, num_workers):
    flip(speech, speech.stat().st_size // 2)
    with pytest.raises(UserError) as refused:
        read(tmp_path, speech, num_workers=num_workers)
    assert str(refused.value).startswith(f"{speech} (utterance a-1) cannot be read: ")
    assert ".. " not in str(refused.value)
    assert str(refused.value).count("\n") == 0 and "stage 3" in str(refused.value)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_flipped_bit_of_flac_in_decoding(speech, tmp_path, num_workers):
    (tmp_path / "scp").write_text(f"a-1 {speech}\n")
    samples, _ = soundfile.read(speech)
    data = IterableESPnetDataset([(str(tmp_path / "scp"), "speech", "sound")])
    ((key, whole),) = data
    assert key == "a-1" and np.allclose(whole["speech"], samples)
    flip(speech, speech.stat().st_size // 2)
    with pytest.raises(UserError) as refused:
        list(DataLoader(data, batch_size=None, num_workers=num_workers))
    assert str(refused.value).startswith(f"{speech} cannot be read: ")
    assert str(refused.value).count("\n") == 0


def test_speech_that_is_not_there(speech, tmp_path):
    speech.unlink()
    with pytest.raises(UserError, match=f"{speech} .utterance a-1. cannot be read: .*stage 3"):
        read(tmp_path, speech)


def test_features_that_were_cut_off(tmp_path):
    ark = tmp_path / "feats.ark"
    places, _ = write_ark(ark, [("a-1", np.ones((50, 13), np.float32))])
    assert read(tmp_path, places["a-1"], "kaldi_ark").shape == (50, 13)
    ark.write_bytes(ark.read_bytes()[:-8])
    with pytest.raises(UserError, match=r"feats.ark.* \(utterance a-1\) cannot be read"):
        read(tmp_path, places["a-1"], "kaldi_ark")


@pytest.mark.parametrize("line", [b"a-1 1600\x10", b"a-1 16\xff00", b"a-1 ", b"a-0 1600"])
def test_lengths(tmp_path, line):
    table = tmp_path / "speech_shape"
    table.write_bytes(b"a-0 1600,80\na-1 800,80\n")
    assert read_text.load_num_sequence_text(str(table)) == {"a-0": [1600, 80], "a-1": [800, 80]}
    table.write_bytes(b"a-0 1600,80\n" + line + b"\n")
    with pytest.raises(UserError, match="speech_shape is no table of lengths: .*10 for a recog"):
        read_text.load_num_sequence_text(str(table), loader_type="csv_int")


@pytest.fixture
def stats(tmp_path):
    path = tmp_path / "feats_stats.npz"
    values = np.arange(1.0, 81.0)
    np.savez(path, count=np.array(9), sum=values, sum_square=values**2)
    return path


def test_flipped_bits_of_the_statistics(stats):
    """Refused, or without effect: not every byte of a zip file counts."""
    whole = stats.read_bytes()
    mean = GlobalMVN(stats).mean
    refused = 0
    for position in range(0, len(whole), 7):
        flip(stats, position)
        try:
            same = np.array_equal(GlobalMVN(stats).mean, mean)
        except UserError as error:
            assert str(stats) in str(error) and "(10 for statistics)" in str(error)
            refused += 1
        else:
            assert same
        stats.write_bytes(whole)
    assert refused > len(whole) / 7 / 2


def test_arrays_that_were_cut_off(stats):
    check_arrays(stats)
    stats.write_bytes(stats.read_bytes()[:-30])
    with pytest.raises(UserError, match="feats_stats.npz is damaged"):
        check_arrays(stats)
    stats.write_bytes(b"")
    with pytest.raises(UserError, match="feats_stats.npz holds no NumPy arrays"):
        check_arrays(stats)
