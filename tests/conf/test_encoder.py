"""conf/encoder: one file a row of the paper's tables, with the sizes that the paper prints."""

from pathlib import Path

import pytest
import yaml

from espnet_recursive.analysis.paper.rows import PAPER_ROWS
from espnet_recursive.model.parameters import measure_config

DIRECTORY = Path(__file__).resolve().parents[2] / "conf" / "encoder"
FILES = sorted(DIRECTORY.glob("*.yaml"))
#: Parameters in the layers, counted by hand from the sizes of the matrices (see below).
LAYERS = {
    "B": 75_657_216,
    "R1": 37_828_608,
    "R2": 18_914_304,
    "R3": 12_609_536,
    "R4": 3_152_384,
    "L1": 25_219_072,
    "L2": 15_761_920,
    "L3": 75_657_216,
    "loops_1": 25_219_072,
    "loops_2": 25_219_072,
    "loops_10": 25_219_072,
    "loops_20": 25_219_072,
    "loops_length": 25_219_072,
    "loops_schedule": 25_219_072,
    "B2": 15_780_864,
    "L4": 7_890_432,
    "B3": 102_162_432,
    "L5": 34_054_144,
}
#: Layers that a forward pass executes, where it is not the 24 of LibriSpeech's baseline.
EXECUTED = {"B2": 12, "L4": 12, "L3": 104} | {
    f"loops_{loops}": 4 + 4 * loops for loops in (1, 2, 10, 20)
}
EXECUTED |= {"loops_length": 84, "loops_schedule": 84}
#: Keys of the tuple {n_r, L, n_p, n_c}.
TUPLE = {"prelude_blocks", "recurrent_blocks", "coda_blocks", "num_loops"}
#: Keys of loops that change.
POLICY = {"loop_policy", "loop_policy_conf"}
#: The tuples of the paper's Tables 1 to 3, in its order; that of L4 is not printed.
PRINTED_TUPLES = {
    "B": (24, 1, 0, 0),
    "R1": (12, 2, 0, 0),
    "R2": (6, 4, 0, 0),
    "R3": (4, 6, 0, 0),
    "R4": (1, 24, 0, 0),
    "L1": (4, 5, 2, 2),
    "L2": (1, 20, 2, 2),
    "L3": (20, 5, 2, 2),
}
#: Files of one architecture and one size.
FAMILIES = [
    ["B", "R1", "R2", "R3", "R4", "L1", "L2", "L3", "loops_1", "loops_2", "loops_10", "loops_20"]
    + ["loops_length", "loops_schedule"],
    ["B2", "L4"],
    ["B3", "L5"],
]


def load(name):
    return yaml.safe_load((DIRECTORY / f"{name}.yaml").read_text())


@pytest.fixture(scope="module")
def sizes():
    """The size of every file's encoder, as ESPnet would build it."""
    return {path.stem: measure_config(path) for path in FILES}


def test_one_file_a_row():
    assert {path.stem for path in FILES} == set(PAPER_ROWS) == set(LAYERS)
    assert sorted(name for family in FAMILIES for name in family) == sorted(PAPER_ROWS)
    others = {path.name for path in DIRECTORY.iterdir()} - {path.name for path in FILES}
    assert others == {"README.md", "slim"}


@pytest.mark.parametrize("name", sorted(PAPER_ROWS))
def test_encoder_and_nothing_else(name):
    config = load(name)
    assert list(config) == ["encoder", "encoder_conf"]
    assert config["encoder"].startswith("latent_recursive_")
    assert set(config["encoder_conf"]) >= TUPLE - {"num_loops"}
    assert "num_loops" in config["encoder_conf"] or name == "loops_length"
    assert config["encoder_conf"]["use_sdpa"] is True


@pytest.mark.parametrize("name", sorted(PAPER_ROWS))
def test_parameters_in_the_layers(sizes, name):
    assert sizes[name].layers == LAYERS[name]


def transformer_layer(d, units):
    attention = 4 * (d * d + d)
    feed_forward = d * units + units + units * d + d
    return attention + feed_forward + 2 * 2 * d  # two norms


@pytest.mark.parametrize("name", FAMILIES[0] + FAMILIES[1])
def test_parameters_by_hand(name):
    conf = load(name)["encoder_conf"]
    unique = conf["prelude_blocks"] + conf["recurrent_blocks"] + conf["coda_blocks"]
    assert LAYERS[name] == unique * transformer_layer(conf["output_size"], conf["linear_units"])


@pytest.mark.parametrize("name", sorted(set(PAPER_ROWS) - {"B3", "L5"}))
def test_printed_size_is_truncated_to_a_tenth_of_a_million(name):
    assert LAYERS[name] // 100_000 / 10 == PAPER_ROWS[name].size


@pytest.mark.parametrize("name", ["B3", "L5"])
def test_branchformer_is_a_little_larger_than_printed(name):
    """No public Branchformer layer has the printed size: ESPnet's has 0.5 to 1.5 % more."""
    assert 1.004 < LAYERS[name] / (PAPER_ROWS[name].size * 1e6) < 1.015


@pytest.mark.parametrize("name", sorted(PAPER_ROWS))
def test_executed_layers(sizes, name):
    assert sizes[name].executed_blocks == EXECUTED.get(name, 24)


@pytest.mark.parametrize("name", sorted(PAPER_ROWS))
def test_tuple_stands_in_the_comment(sizes, name):
    first, *_ = (DIRECTORY / f"{name}.yaml").read_text().splitlines()
    assert first.startswith(f"# Table {PAPER_ROWS[name].table},")
    assert first.endswith(f"{{n_r, L, n_p, n_c}} = {sizes[name].shape}.")


@pytest.mark.parametrize("name", PRINTED_TUPLES)
def test_printed_tuple(sizes, name):
    assert str(sizes[name].shape) == "{" + ", ".join(map(str, PRINTED_TUPLES[name])) + "}"


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family[0])
def test_a_family_differs_in_its_tuples_only(family):
    configs = [load(name) for name in family]
    for config in configs:
        config["encoder_conf"] = {
            key: value for key, value in config["encoder_conf"].items() if key not in TUPLE | POLICY
        }
    assert all(config == configs[0] for config in configs)


def test_tuples_differ():
    """Two rows of one size are two experiments."""
    for family in FAMILIES:
        tuples = [
            str([load(name)["encoder_conf"].get(key) for key in sorted(TUPLE | POLICY)])
            for name in family
        ]
        assert len(set(tuples)) == len(tuples)


def test_loops_that_change_are_equations_4_and_5():
    length, schedule = (load(f"loops_{name}")["encoder_conf"] for name in ("length", "schedule"))
    assert length["loop_policy"] == "length" and schedule["loop_policy"] == "schedule"
    assert [length["loop_policy_conf"][key] for key in ("min_loops", "max_loops")] == [1, 20]
    conf = {"start": 1, "end": 20, "total": 60, "unit": "epoch"}
    assert schedule["loop_policy_conf"] == conf and schedule["num_loops"] == 20
