"""The files of similarities, and what is printed."""

import csv
import json

import numpy as np
import pytest

from espnet_recursive.analysis.layer_similarity import LayerSimilarity
from espnet_recursive.analysis.layer_similarity_table import (
    SimilarityReport,
    similarity_text,
    write_similarity,
)
from espnet_recursive.recursion.shape import RecursionShape


def report(states, recursion=None, cka=None):
    places = np.arange(states)
    matrix = 0.9 ** abs(places[:, None] - places)
    similarity = LayerSimilarity(matrix, matrix / 2, matrix if cka is None else cka, 3, 700, 600)
    return SimilarityReport("exp/asr_B", "test", similarity, recursion)


def test_files(tmp_path):
    one = report(7)
    write_similarity(one, tmp_path / "new")
    arrays = np.load(tmp_path / "new" / "layer_similarity.npz")
    assert arrays["labels"].tolist() == ["in", "1", "2", "3", "4", "5", "6"]
    for measure in ("cosine", "cka"):
        assert np.array_equal(arrays[measure], one.matrix(measure))
        with (tmp_path / "new" / f"layer_similarity_{measure}.csv").open() as file:
            head, *rows = csv.reader(file)
        assert head == ["layer", *arrays["labels"]] and [row[0] for row in rows] == head[1:]
        table = np.array([row[1:] for row in rows], dtype=float)
        assert np.allclose(table, one.matrix(measure), atol=1e-6)
    content = json.loads((tmp_path / "new" / "layer_similarity.json").read_text())
    assert (content["layers"], content["utterances"], content["frames"]) == (6, 3, 700)
    assert content["recursion"] is None
    suggestion = content["suggestion"]["cosine"]
    assert RecursionShape(**suggestion["encoder_conf"]) == one.block("cosine").shape
    assert suggestion["reason"] == one.block("cosine").reason("cosine")


def test_printed():
    text = similarity_text(report(7))
    assert "6 executed layers, 3 utterances (test), 700 frames; CKA from 600 of them" in text
    assert "cosine of neighbours, from the input on: 0.900 0.900" in text
    assert "cosine of two frames at random, in each state: 0.500 0.500" in text
    assert text.endswith("Suggestion, {n_r, L, n_p, n_c}: {1, 4, 1, 1}")


def test_where_cka_says_something_else():
    cka = np.full((7, 7), 0.1)
    cka[4:6, 4:6] = 1
    text = similarity_text(report(7, cka=cka))
    assert text.splitlines()[-1].startswith("Layers 4 to 5 of 6 stand out: CKA 1.00")
    assert text.endswith("That would be {1, 2, 3, 1}.")


@pytest.mark.parametrize(
    "states, recursion, said",
    [
        (4, None, "Fewer than 4 layers have no middle that could loop."),
        (7, RecursionShape(2, 2, 1, 1), "The encoder recurs already, {2, 2, 1, 1}."),
    ],
)
def test_without_a_suggestion(states, recursion, said, tmp_path):
    one = report(states, recursion)
    assert similarity_text(one).endswith(said)
    write_similarity(one, tmp_path)
    content = json.loads((tmp_path / "layer_similarity.json").read_text())
    assert content["suggestion"] == {"cosine": None, "cka": None}
    if recursion:
        assert content["recursion"]["num_loops"] == 2
