"""The command that says who gains from depth: table, JSON and pictures."""

import json

import pytest
from matplotlib import pyplot
from matplotlib.image import imread

from espnet_recursive.bin.depth_gain import main
from tests.analysis.scored_decodings import FIRST, LENGTHS, SECOND, decode

TITLES = [
    "By the baseline's error rate (favours the other model)",
    "By the mean of both error rates (favours neither)",
    "By the other model's error rate (favours the baseline)",
    "By the error rate in a third decoding (favours neither)",
    "By length of the reference",
]


@pytest.fixture
def decodings(tmp_path):
    """Those of three models; each utterance comes three times."""
    errors = {"B": FIRST, "L1": SECOND, "B_seed1": [1, 0, 0, 7, 3, 0, 0]}
    return [
        str(decode(tmp_path / f"asr_{name}", 3 * LENGTHS, 3 * counts))
        for name, counts in errors.items()
    ]


def test_written(decodings, tmp_path, capsys):
    output = tmp_path / "new" / "gain"
    main([*decodings[:2], "--bin_by", decodings[2], "--output_dir", str(output)])
    assert {path.name for path in output.iterdir()} == {
        f"depth_gain.{suffix}" for suffix in ("json", "md", "png", "svg")
    }
    text = (output / "depth_gain.md").read_text()
    assert capsys.readouterr().out == text
    assert "# Who gains from depth: test, WER\n\n* baseline: `asr_B/decode`\n" in text
    assert "Mind the regression to the mean" in text
    lines = text.splitlines()
    assert [line[3:] for line in lines if line.startswith("## ")] == TITLES
    cells = [[c.strip() for c in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    assert ["all", "21", "147", "24.49", "12.24", "-12.24"] in [line[:6] for line in cells]
    values = json.loads((output / "depth_gain.json").read_text())
    assert (values["baseline"], values["third"]) == ("asr_B/decode", "asr_B_seed1/decode")
    assert values["all"]["difference"] == pytest.approx(-1800 / 147)
    assert sum(b["utterances"] for b in values["bins"]["length"]) == 21


def test_picture(decodings, tmp_path):
    main([*decodings[:2], "--output_dir", str(tmp_path)])
    picture = imread(tmp_path / "depth_gain.png")
    assert 0.7 < (picture[..., :3].min(axis=-1) > 0.99).mean() < 0.99
    text = (tmp_path / "depth_gain.svg").read_text()
    for said in (
        "change of the WER, points of percent",
        "by the mean of both (favours neither)",
        "words of the reference",
        "test: asr_L1<",
        "against the baseline, asr_",
    ):
        assert said in text, said
    assert "third" not in text
    assert not pyplot.get_fignums()


def test_the_same_picture_is_the_same_file(decodings, tmp_path):
    for folder in ("one", "other"):
        main([*decodings[:2], "--output_dir", str(tmp_path / folder)])
    one, other = (tmp_path / folder / "depth_gain.svg" for folder in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


def test_options(decodings, tmp_path):
    options = ["--error_edges", "5", "--length_edges", "3", "9", "--output_dir", str(tmp_path)]
    main([*decodings[:2], *options])
    bins = json.loads((tmp_path / "depth_gain.json").read_text())["bins"]
    assert [b["bin"] for b in bins["both"]] == ["≤ 5", "> 5"]
    assert [b["bin"] for b in bins["length"]] == ["≤ 3", "4–9", "> 9"]


def test_mistakes_have_a_message(decodings, tmp_path):
    with pytest.raises(SystemExit, match="Error: .*no does not exist: name the decoding"):
        main([decodings[0], str(tmp_path / "no"), "--output_dir", str(tmp_path / "new")])
    assert not (tmp_path / "new").exists()
