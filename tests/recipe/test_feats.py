"""Archives of features: what ESPnet reads of them is what was written."""

import numpy as np
import pytest
from espnet2.train.dataset import kaldi_loader

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import write_table
from espnet_recursive.recipe.feats import read_features, write_ark

FEATURES = {
    f"spk-utt{n}é": np.random.default_rng(n).normal(size=(n + 1, 13)).astype(np.float32)
    for n in range(4)
}


def test_espnet_reads_what_was_written(tmp_path):
    places, frames = write_ark(tmp_path / "feats.ark", FEATURES.items())
    assert frames == {key: len(matrix) for key, matrix in FEATURES.items()}
    write_table(tmp_path / "feats.scp", places)
    loader = kaldi_loader(str(tmp_path / "feats.scp"))
    for key, matrix in FEATURES.items():
        assert (loader[key] == matrix).all()
        assert (read_features(places[key], key) == matrix).all()


def test_places_hold_in_other_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places, _ = write_ark("feats.ark", FEATURES.items())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for key, matrix in FEATURES.items():
        assert (read_features(places[key], key) == matrix).all()


def test_an_archive_appears_whole(tmp_path):
    def features():
        yield "a", FEATURES["spk-utt0é"]
        raise UserError("damaged")

    with pytest.raises(UserError, match="damaged"):
        write_ark(tmp_path / "feats.ark", features())
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_read(tmp_path):
    places, _ = write_ark(tmp_path / "feats.ark", FEATURES.items())
    last = list(places)[-1]
    (tmp_path / "feats.ark").write_bytes((tmp_path / "feats.ark").read_bytes()[:-10])
    for place in (places[last], f"{tmp_path}/none.ark:3", f"{tmp_path}/feats.ark:5"):
        with pytest.raises(UserError, match=rf"feats\.scp, {last}: {place} cannot be read"):
            read_features(place, last)


@pytest.mark.parametrize("matrix, reason", [
    (np.zeros((0, 13)), "no matrix of features"),
    (np.zeros(13), "no matrix of features"),
    (np.full((2, 13), np.inf), "values that are no numbers"),
])  # fmt: skip
def test_what_are_no_features(tmp_path, matrix, reason):
    places, _ = write_ark(tmp_path / "feats.ark", [("utt", matrix)])
    with pytest.raises(UserError, match=rf"feats\.scp, utt: .*feats\.ark:4 .*{reason}"):
        read_features(places["utt"], "utt")
