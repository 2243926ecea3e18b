"""Which models are rows of the paper, and the tables of what they recognised."""

import pytest
import yaml
from espnet2.utils.get_default_kwargs import get_default_kwargs

from espnet_recursive.analysis.paper import PAPER_ROWS
from espnet_recursive.analysis.paper_results import compare_results, read_rows
from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import write_table
from espnet_recursive.recipe.scoring import score
from espnet_recursive.registry import encoder_class

TINY = {"output_size": 16, "attention_heads": 2, "linear_units": 32}
SHAPES = {
    "B": {"recurrent_blocks": 6, "num_loops": 1, "prelude_blocks": 0, "coda_blocks": 0},
    "L1": {"recurrent_blocks": 1, "num_loops": 4, "prelude_blocks": 1, "coda_blocks": 1},
    "B2": {"recurrent_blocks": 3, "num_loops": 1, "prelude_blocks": 0, "coda_blocks": 0},
    "mine": {"recurrent_blocks": 2, "num_loops": 2, "prelude_blocks": 1, "coda_blocks": 1},
}
NAME = "latent_recursive_transformer"
REFERENCES = {f"s-{n:02d}": "A B C D" for n in range(20)}
#: One and three of ten words wrong.
GOOD = {key: "A B C D" if n % 5 else "X Y C D" for n, key in enumerate(REFERENCES)}
BAD = {key: "X B C D" if n % 5 else "X Y Z D" for n, key in enumerate(REFERENCES)}


def add_experiment(exp, name, conf, decodings=(), encoder=NAME):
    """A directory as ESPnet leaves it: the defaults stand beside the options given."""
    path = exp / name
    path.mkdir(parents=True)
    conf = get_default_kwargs(encoder_class(encoder)) | conf
    (path / "config.yaml").write_text(yaml.safe_dump({"encoder": encoder, "encoder_conf": conf}))
    for decoding, test_set, hypotheses in decodings:
        add_scores(path / decoding / test_set, REFERENCES, hypotheses)
    return path


def add_scores(directory, references, hypotheses):
    write_table(directory / "text", hypotheses)
    write_table(directory / "ref", references)
    write_table(directory / "utt2spk", dict.fromkeys(references, "s"))
    for unit in ("wer", "cer"):
        files = (directory / name for name in ("ref", "text", "utt2spk"))
        score(*files, directory / f"score_{unit}", unit)


@pytest.fixture
def rows_dir(tmp_path):
    """Encoder files of three of the paper's names and of one other."""
    path = tmp_path / "rows"
    path.mkdir()
    for name, shape in SHAPES.items():
        config = {"encoder": NAME, "encoder_conf": shape | TINY}
        (path / f"{name}.yaml").write_text(yaml.safe_dump(config))
    return path


@pytest.fixture
def exp(tmp_path):
    """The baseline with one decoding, L1 with two, and what is no model of a row."""
    path = tmp_path / "exp"
    add_experiment(path, "asr_first", SHAPES["B"] | TINY, [("lm", "test_clean", BAD)])
    decodings = [("lm", "test_clean", GOOD), ("no_lm", "test_clean", BAD)]
    one = add_experiment(path, "asr_second", SHAPES["L1"] | TINY, decodings)
    (one / "lm" / "test_clean" / "rtf.json").write_text('{"rtf": 0.25}')
    add_experiment(path, "asr_wider", SHAPES["L1"] | TINY | {"output_size": 32})
    add_experiment(path, "asr_other", SHAPES["L1"] | TINY, encoder="latent_recursive_conformer")
    (path / "lm_train").mkdir()
    (path / "lm_train" / "config.yaml").write_text("lm: transformer\n")
    (path / "asr_stats").mkdir()
    return path


def test_rows_are_found_by_their_encoder(rows_dir, exp):
    rows = read_rows(["B", "L1", "B2"], rows_dir, [exp])
    assert [row.name for row in rows] == ["B", "L1", "B2"]
    assert [[path.name for path in row.experiments] for row in rows] == [
        ["asr_first"],
        ["asr_second"],
        [],
    ]
    assert rows[1].paper == PAPER_ROWS["L1"]
    assert (rows[1].size.shape, rows[1].size.unique_blocks) == ("{1, 4, 1, 1}", 3)


def test_an_option_that_the_file_does_not_name_makes_another_model(rows_dir, tmp_path):
    """ESPnet's configuration names all options: those at their defaults do not count."""
    add_experiment(tmp_path / "exp", "asr_dropout", SHAPES["L1"] | TINY | {"dropout_rate": 0.3})
    (row,) = read_rows(["L1"], rows_dir, [tmp_path / "exp"])
    assert row.experiments == []


def test_results(rows_dir, exp):
    _, row = read_rows(["B", "L1"], rows_dir, [exp])
    first, second = row.results
    assert (first.decoding, first.test_set, first.unit) == ("lm", "test_clean", "wer")
    assert first.score.error_rate == pytest.approx(10.0)
    assert (first.rtf, second.rtf) == (0.25, None)
    assert second.decoding == "no_lm"


def test_some_decodings_only(rows_dir, exp):
    (row,) = read_rows(["L1"], rows_dir, [exp], decoding="no_*")
    assert [result.decoding for result in row.results] == ["no_lm"]


def test_experiments_that_are_named(rows_dir, exp):
    rows = read_rows(["B", "L1"], rows_dir, [exp / "asr_second"])
    assert [len(row.experiments) for row in rows] == [0, 1]


def test_unit_is_that_of_the_paper(rows_dir, tmp_path):
    add_experiment(tmp_path / "exp", "asr_a", SHAPES["B2"] | TINY, [("d", "test", GOOD)])
    (row,) = read_rows(["B2"], rows_dir, [tmp_path / "exp"])
    assert [result.unit for result in row.results] == ["cer"]


@pytest.mark.parametrize(("references", "unit"), [("今天天气", "cer"), ("A B", "wer")])
def test_unit_of_other_rows_is_what_says_most(rows_dir, tmp_path, references, unit):
    path = add_experiment(tmp_path / "exp", "asr_a", SHAPES["mine"] | TINY)
    add_scores(path / "d" / "test", {"a": references, "b": references}, {"a": "A", "b": "A"})
    (row,) = read_rows(["mine"], rows_dir, [tmp_path / "exp"])
    assert row.paper is None
    assert [result.unit for result in row.results] == [unit]


def test_comparison_of_two_results(rows_dir, exp):
    baseline, row = read_rows(["B", "L1"], rows_dir, [exp])
    compared = compare_results(baseline.results[0], row.results[0])
    assert compared.difference == pytest.approx(10.0 - 35.0)
    assert compared.interval.high < 0
    assert compared.probability == 1.0
    same = compare_results(baseline.results[0], row.results[1])
    assert (same.difference, same.probability) == (0.0, 0.0)


@pytest.mark.parametrize("other", [{"s-00": "A B C D"}, REFERENCES | {"s-00": "A B C"}])
def test_other_utterances_cannot_be_compared(rows_dir, exp, other):
    add_scores(exp / "asr_second" / "lm" / "test_clean", other, dict.fromkeys(other, "A"))
    baseline, row = read_rows(["B", "L1"], rows_dir, [exp])
    assert compare_results(baseline.results[0], row.results[0]) is None


def test_scores_without_utterances_cannot_be_compared(rows_dir, exp):
    baseline, row = read_rows(["B", "L1"], rows_dir, [exp])
    row.results[0].utterances.unlink()
    assert compare_results(baseline.results[0], row.results[0]) is None


def test_row_without_a_file(rows_dir, exp):
    with pytest.raises(UserError, match="there is no row L9. Rows: B, B2, L1, mine"):
        read_rows(["B", "L9"], rows_dir, [exp])


def test_folder_that_does_not_exist(rows_dir, tmp_path):
    with pytest.raises(UserError, match="no does not exist: name experiments"):
        read_rows(["B"], rows_dir, [tmp_path / "no"])
