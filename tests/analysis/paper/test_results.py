"""Which models are rows of the paper, and the tables of what they recognised."""

from pathlib import Path

import pytest
import torch
import yaml
from espnet2.utils.get_default_kwargs import get_default_kwargs

from espnet_recursive.analysis.paper.results import read_rows
from espnet_recursive.analysis.paper.rows import PAPER_ROWS
from espnet_recursive.errors import UserError
from espnet_recursive.files.checkpoint_file import add_note
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.files.shared_files import paper_rows_dir
from espnet_recursive.recipe.data_dir import write_table
from espnet_recursive.recipe.decoding_facts import write_decoding_facts
from espnet_recursive.recipe.fingerprint import fingerprint_of
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


def add_experiment(exp, name, conf, decodings=(), encoder=NAME, **config):
    """A directory as ESPnet leaves it: the defaults stand beside the options given."""
    path = exp / name
    path.mkdir(parents=True)
    conf = get_default_kwargs(encoder_class(encoder)) | conf
    config |= {"encoder": encoder, "encoder_conf": conf, "output_dir": str(path)}
    (path / "config.yaml").write_text(yaml.safe_dump(config))
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
    assert [[model.path.name for model in row.models] for row in rows] == [
        ["asr_first"],
        ["asr_second"],
        [],
    ]
    assert rows[1].paper == PAPER_ROWS["L1"]
    assert (str(rows[1].size.shape), rows[1].size.unique_blocks) == ("{1, 4, 1, 1}", 3)


def test_an_option_that_the_file_does_not_name_makes_another_model(rows_dir, tmp_path):
    """ESPnet's configuration names all options: those at their defaults do not count."""
    add_experiment(tmp_path / "exp", "asr_dropout", SHAPES["L1"] | TINY | {"dropout_rate": 0.3})
    (row,) = read_rows(["L1"], rows_dir, [tmp_path / "exp"])
    assert row.models == []


def test_results(rows_dir, exp):
    _, row = read_rows(["B", "L1"], rows_dir, [exp])
    first, second = row.results
    assert (first.decoding, first.test_set, first.unit) == ("lm", "test_clean", "wer")
    assert first.score.error_rate == pytest.approx(10.0)
    assert (first.figures.get("rtf"), second.figures.get("rtf")) == (0.25, None)
    assert second.decoding == "no_lm"


def test_some_decodings_only(rows_dir, exp):
    (row,) = read_rows(["L1"], rows_dir, [exp], decoding="no_*")
    assert [result.decoding for result in row.results] == ["no_lm"]


def test_experiments_that_are_named(rows_dir, exp):
    rows = read_rows(["B", "L1"], rows_dir, [exp / "asr_second"])
    assert [len(row.models) for row in rows] == [0, 1]


def test_a_smaller_row_of_the_same_name_only_corresponds(rows_dir, exp):
    (small,) = read_rows(["L1"], rows_dir, [exp])
    assert small.paper == PAPER_ROWS["L1"] and not small.is_papers
    (own,) = read_rows(["L1"], paper_rows_dir(), [exp])
    assert own.is_papers


@pytest.mark.parametrize(("references", "unit"), [("今天天气", "cer"), ("A B", "wer")])
def test_unit_is_what_says_most(rows_dir, tmp_path, references, unit):
    path = add_experiment(tmp_path / "exp", "asr_a", SHAPES["B2"] | TINY)
    add_scores(path / "d" / "test", {"a": references, "b": references}, {"a": "A", "b": "A"})
    (row,) = read_rows(["B2"], rows_dir, [tmp_path / "exp"])
    assert [result.unit for result in row.results] == [unit]


def test_unit_of_the_papers_own_rows_is_that_of_the_paper(tmp_path):
    """However the text is written."""
    conf = yaml.safe_load((paper_rows_dir() / "B2.yaml").read_text())["encoder_conf"]
    add_experiment(tmp_path / "exp", "asr_a", conf, [("d", "test", GOOD)])
    (row,) = read_rows(["B2"], paper_rows_dir(), [tmp_path / "exp"])
    assert [result.unit for result in row.results] == ["cer"]


def test_seed_and_settings(rows_dir, tmp_path):
    """What does not change a model is no setting of its training."""
    for name, config in {
        "asr_a": {"seed": 0, "max_epoch": 30, "ngpu": 1, "dist_rank": None},
        "asr_b": {"seed": 1, "max_epoch": 30, "ngpu": 4, "dist_rank": 0, "log_level": "INFO"},
        "asr_c": {"max_epoch": 40, "input_size": 13},
    }.items():
        add_experiment(tmp_path / "exp", name, SHAPES["B"] | TINY, **config)
    (row,) = read_rows(["B"], rows_dir, [tmp_path / "exp"])
    first, second, third = row.models
    assert [model.seed for model in row.models] == [0, 1, 0]
    assert first.settings == second.settings == '{"max_epoch": 30}'
    assert third.settings != first.settings
    assert (first.input_size, third.input_size) == (80, 13)


def test_another_dumpdir_is_no_other_training(rows_dir, tmp_path):
    """It is the same row; another set is not."""
    for name, folder in (
        ("asr_a", "dump/raw/train"),
        ("asr_b", "/big/raw/train"),
        ("asr_c", "dump/raw/train_sp"),
    ):
        add_experiment(
            tmp_path / "exp",
            name,
            SHAPES["B"] | TINY,
            train_data_path_and_name_and_type=[[f"{folder}/wav.scp", "speech", "sound"]],
            train_shape_file=[f"exp/stats/{Path(folder).name}/speech_shape"],
        )
    (row,) = read_rows(["B"], rows_dir, [tmp_path / "exp"])
    first, second, third = (model.settings for model in row.models)
    assert first == second != third


def test_sizes_are_those_of_the_features(rows_dir, tmp_path):
    """Of a row without a model, too: the input layer depends on them."""
    add_experiment(tmp_path / "exp", "asr_a", SHAPES["B"] | TINY, input_size=13)
    narrow = read_rows(["B", "L1"], rows_dir, [tmp_path / "exp"])
    (tmp_path / "none").mkdir()
    wide = read_rows(["B", "L1"], rows_dir, [tmp_path / "none"])
    for one, other in zip(narrow, wide, strict=True):
        assert one.size.layers == other.size.layers
        assert one.size.encoder < other.size.encoder


def test_policy_and_depth_of_a_decoding(rows_dir, tmp_path):
    conf = {k: v for k, v in SHAPES["L1"].items() if k != "num_loops"} | TINY
    conf |= {"loop_policy": "schedule", "loop_policy_conf": {"start": 1, "end": 4, "total": 8}}
    config = {"encoder": NAME, "encoder_conf": conf}
    (rows_dir / "rising.yaml").write_text(yaml.safe_dump(config))
    decodings = [(f"decode{loops}_lm", "test", GOOD) for loops in ("", "_num_loops2")]
    add_experiment(tmp_path / "exp", "asr_a", conf, decodings)
    (row,) = read_rows(["rising"], rows_dir, [tmp_path / "exp"])
    assert row.policy == "schedule"
    assert [(r.own_decoding, r.decoded_at) for r in row.results] == [
        ("decode_lm", None),
        ("decode_lm", 2),
    ]


def test_the_depth_is_what_the_decoding_says(rows_dir, tmp_path):
    """decoding.json goes before the name, which a recipe or a user may have chosen."""
    names = ("fast", "decode_num_loops2_lm", "decode_num_loops12_lm", "decode_num_loops3")
    path = add_experiment(
        tmp_path / "exp", "asr_a", SHAPES["L1"] | TINY, [(name, "test", GOOD) for name in names]
    )
    for name, loops in zip(names, (3, 2, 1, None), strict=True):
        write_decoding_facts(path / name / "test", {"num_loops": loops}, SHAPES["L1"])
    (row,) = read_rows(["L1"], rows_dir, [tmp_path / "exp"])
    found = {r.decoding: (r.own_decoding, r.decoded_at) for r in row.results}
    assert found == {
        "fast": ("fast", 3),
        "decode_num_loops2_lm": ("decode_lm", 2),
        "decode_num_loops12_lm": ("decode_num_loops12_lm", 1),
        "decode_num_loops3": ("decode_num_loops3", None),
    }


def test_a_configuration_of_no_training_is_no_row(rows_dir, tmp_path):
    """Weights beside a configuration that was edited to be another row."""
    exp = tmp_path / "exp"
    path = add_experiment(exp, "asr_a", SHAPES["L1"] | TINY, [("decode", "test", GOOD)])
    torch.save({}, path / "1epoch.pth")
    add_note(path / "1epoch.pth", fingerprint_of(read_yaml(path / "config.yaml")).as_text())
    (row,) = read_rows(["L1"], rows_dir, [exp])
    assert len(row.results) == 1
    config = read_yaml(path / "config.yaml")
    config["encoder_conf"]["num_loops"] = 2
    (path / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(UserError, match="1epoch.pth was not trained with .*now 2"):
        read_rows(["L1"], rows_dir, [exp])


def test_row_without_a_file(rows_dir, exp):
    with pytest.raises(UserError, match="there is no row L9. Rows: B, B2, L1, mine"):
        read_rows(["B", "L9"], rows_dir, [exp])


def test_folder_that_does_not_exist(rows_dir, tmp_path):
    with pytest.raises(UserError, match="no does not exist: name experiments"):
        read_rows(["B"], rows_dir, [tmp_path / "no"])
