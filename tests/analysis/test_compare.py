"""Trained models side by side."""

import shutil

import pytest
from matplotlib import pyplot
from matplotlib.image import imread

from espnet_recursive.analysis.compare import (
    comparison_table,
    plot_learning_curves,
    transcripts,
)
from espnet_recursive.analysis.experiment import read_experiment
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import read_table, write_table
from espnet_recursive.recipe.scoring import score

NAMES = ("asr_recursive", "asr_stock")
#: What each model is made to have recognised of the data set train.
RECOGNISED = {"asr_recursive": "GO", "asr_stock": ""}


@pytest.fixture(scope="module")
def experiments(trained, tmp_path_factory):
    """Both models, each with a decoding of train that was made up."""
    root = tmp_path_factory.mktemp("exp")
    data = trained.data / "train"
    for name in NAMES:
        shutil.copytree(trained.exp / name, root / name)
        decoding = root / name / "decode" / "train"
        write_table(decoding / "text", dict.fromkeys(read_table(data / "text"), RECOGNISED[name]))
        for unit in ("wer", "cer"):
            directory = decoding / f"score_{unit}"
            score(data / "text", decoding / "text", data / "utt2spk", directory, unit)
    return [read_experiment(root / name) for name in NAMES]


def test_table(experiments):
    first, second = comparison_table(experiments, ["wer"])
    assert (first["model"], second["model"]) == NAMES
    assert first["of the first"] == "100%"
    sizes = [experiment.size.layers for experiment in experiments]
    assert second["of the first"] == f"{round(100 * sizes[1] / sizes[0])}%"
    assert first["parameters in layers"] == f"{sizes[0]:,}"
    assert first["{n_r, L, n_p, n_c}"] == "{2, 3, 1, 1}"
    # Twelve words: GO is one of them; the other ten sentences and words are wrong.
    assert first["train WER"] == "91.7 %"
    assert second["train WER"] == "100.0 %"
    assert "train CER" not in first


def test_losses_are_those_of_the_last_epoch(experiments):
    for experiment, row in zip(experiments, comparison_table(experiments, []), strict=True):
        assert row["train loss"] == f"{experiment.curves['train']['loss'][2]:.2f}"
        assert row["valid loss"] == f"{experiment.curves['valid']['loss'][2]:.2f}"


def test_transcripts(trained, experiments):
    lines = transcripts(experiments, [trained.data / "train"], number=2)
    assert lines == [
        "train:",
        "  fash-an251-fash-b",
        "    spoken         YES",
        "    asr_recursive  GO",
        "    asr_stock      ",
        "  fash-an253-fash-b",
        "    spoken         GO",
        "    asr_recursive  GO",
        "    asr_stock      ",
    ]


def test_all_utterances_where_fewer_than_asked_for(trained, experiments):
    lines = transcripts(experiments, [trained.data / "train"], number=100)
    assert sum(line.startswith("    spoken") for line in lines) == 5


def test_data_set_that_was_not_decoded(trained, experiments):
    with pytest.raises(UserError, match="asr_recursive has no decoding of test"):
        transcripts(experiments, [trained.data / "test"])


def test_picture(experiments, tmp_path):
    before = dict(pyplot.rcParams)
    path = plot_learning_curves(experiments, tmp_path / "new" / "curves.png")
    assert path == tmp_path / "new" / "curves.png"
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    picture = imread(path)
    height, width = picture.shape[:2]
    assert 1000 < width < 3000 and 500 < height < 1500
    # Something is drawn, on white paper.
    assert 0.7 < (picture[..., :3].min(axis=-1) > 0.99).mean() < 0.995
    # No figure stays open and no setting of the caller's is changed.
    assert not pyplot.get_fignums()
    assert dict(pyplot.rcParams) == before


def test_picture_in_words(experiments, tmp_path):
    """In an SVG, text stays text: both models with their sizes, in both phases."""
    text = plot_learning_curves(experiments, tmp_path / "curves.svg").read_text()
    assert "<svg" in text
    for experiment in experiments:
        for phase in ("train", "valid"):
            label = f"{experiment.name} {experiment.size.shape}, {experiment.size.layers:,}"
            assert f"{label} in layers: {phase}" in text


def test_more_models_than_colours(experiments, tmp_path):
    path = plot_learning_curves(experiments * 4, tmp_path / "curves.svg")
    assert path.read_text().count("in layers: train") == 8
