"""The heat maps."""

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.image import imread

from espnet_recursive.analysis.layer_similarity import LayerSimilarity
from espnet_recursive.analysis.layer_similarity_picture import plot_similarity
from espnet_recursive.analysis.layer_similarity_table import SimilarityReport
from espnet_recursive.recursion.shape import RecursionShape


def draw(tmp_path, states, recursion=None, decay=0.9):
    places = np.arange(states)
    matrix = decay ** abs(places[:, None] - places)
    similarity = LayerSimilarity(matrix, matrix, 2 * matrix - 1, 3, 700, 600)
    paths = [tmp_path / "a.png", tmp_path / "a.svg"]
    plot_similarity(SimilarityReport("exp/asr_B", "test", similarity, recursion), paths)
    return imread(paths[0]), paths[1].read_text()


@pytest.mark.parametrize("states, recursion", [(2, None), (7, None), (105, (20, 5, 2, 2))])
def test_picture(states, recursion, tmp_path):
    image, _ = draw(tmp_path, states, recursion and RecursionShape(*recursion))
    height, width = image.shape[:2]
    assert 1200 < width < 1700 and 600 < height < 900
    assert not pyplot.get_fignums()


def test_in_words(tmp_path):
    """Numbers where they fit, of as many digits as tell them apart; below 0 too."""
    _, text = draw(tmp_path, 4)
    for said in (">.90<", ">.81<", ">.62<", ">1<", "cosine", "linear CKA", ">in<", ">3<",
                 "asr_B: likeness of layers, 3 utterances, 700 frames"):  # fmt: skip
        assert said in text, said
    _, text = draw(tmp_path, 3, decay=0.999)
    assert ">.999<" in text and ">.998<" in text
    _, text = draw(tmp_path, 14)
    assert ">.90<" not in text
    _, text = draw(tmp_path, 3, decay=0.3)
    assert ">-.40<" in text


def test_a_recursion_has_its_labels(tmp_path):
    _, text = draw(tmp_path, 7, RecursionShape(2, 2, 1, 1))
    for label in ("P1", "1.1", "1.2", "2.1", "2.2", "C1"):
        assert f">{label}<" in text
