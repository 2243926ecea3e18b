"""The tuple {n_r, L, n_p, n_c}: what it counts, how it is read and what it refuses."""

import dataclasses

import pytest

from espnet_recursive.recursion.shape import RecursionShape

KEYS = ("recurrent_blocks", "num_loops", "prelude_blocks", "coda_blocks")

# Row of the paper: {n_r, L, n_p, n_c}, unique layers, executed layers.
ROWS = {
    "B": ((24, 1, 0, 0), 24, 24),
    "R1": ((12, 2, 0, 0), 12, 24),
    "R2": ((6, 4, 0, 0), 6, 24),
    "R3": ((4, 6, 0, 0), 4, 24),
    "R4": ((1, 24, 0, 0), 1, 24),
    "L1": ((4, 5, 2, 2), 8, 24),
    "L2": ((1, 20, 2, 2), 5, 24),
    "L3": ((20, 5, 2, 2), 24, 104),
    "loops_1": ((4, 1, 2, 2), 8, 8),
    "loops_2": ((4, 2, 2, 2), 8, 12),
    "loops_10": ((4, 10, 2, 2), 8, 44),
    "loops_20": ((4, 20, 2, 2), 8, 84),
    "B2": ((12, 1, 0, 0), 12, 12),
    "L4": ((2, 4, 2, 2), 6, 12),
}


@pytest.mark.parametrize(("values", "unique", "executed"), ROWS.values(), ids=ROWS)
def test_rows_of_the_paper(values, unique, executed):
    shape = RecursionShape(*values)
    assert (shape.unique_blocks, shape.executed_blocks) == (unique, executed)
    assert str(shape) == f"{{{', '.join(map(str, values))}}}"


def test_fields_stand_in_the_order_of_the_paper_and_default_to_l1():
    assert tuple(field.name for field in dataclasses.fields(RecursionShape)) == KEYS
    assert dataclasses.astuple(RecursionShape()) == (4, 5, 2, 2)


def test_is_a_value():
    shape = RecursionShape(4, 5, 2, 2)
    assert shape == RecursionShape()
    assert hash(shape) == hash(RecursionShape())
    with pytest.raises(dataclasses.FrozenInstanceError):
        shape.num_loops = 6


@pytest.mark.parametrize("value", [2.0, "2", True, None, [2]], ids=repr)
@pytest.mark.parametrize("key", KEYS)
def test_refuses_what_is_no_integer(key, value):
    with pytest.raises(TypeError, match=rf"^{key} must be an integer of [01] or more, not "):
        RecursionShape(**{key: value})


@pytest.mark.parametrize(
    ("key", "value", "minimum"),
    [
        ("recurrent_blocks", 0, 1),
        ("recurrent_blocks", -1, 1),
        ("num_loops", 0, 1),
        ("num_loops", -5, 1),
        ("prelude_blocks", -1, 0),
        ("coda_blocks", -2, 0),
    ],
)
def test_refuses_what_is_too_small(key, value, minimum):
    with pytest.raises(ValueError, match=f"^{key} must be {minimum} or more, not {value}$"):
        RecursionShape(**{key: value})


@pytest.mark.parametrize("key", ("prelude_blocks", "coda_blocks"))
def test_takes_no_prelude_and_no_coda(key):
    assert getattr(RecursionShape(**{key: 0}), key) == 0


# A configuration in ESPnet's words, ours or both, and the tuple it means.
CONFS = [
    ({}, (4, 5, 2, 2)),
    ({"num_loops": 20}, (4, 20, 2, 2)),
    ({"recurrent_blocks": 1, "prelude_blocks": 0}, (1, 5, 0, 2)),
    ({"num_blocks": None, "num_loops": 2}, (4, 2, 2, 2)),
    ({"num_blocks": 12}, (12, 1, 0, 0)),
    ({"num_blocks": 1}, (1, 1, 0, 0)),
    ({"num_blocks": 6, "num_loops": 4}, (6, 4, 0, 0)),
    ({"num_blocks": 8, "prelude_blocks": 2, "coda_blocks": 2, "num_loops": 5}, (4, 5, 2, 2)),
    ({"num_blocks": 8, "recurrent_blocks": 8}, (8, 1, 0, 0)),
    ({"num_blocks": 3, "prelude_blocks": 1, "recurrent_blocks": 1, "coda_blocks": 1}, (1, 1, 1, 1)),
    ({"num_blocks": 5, "output_size": 512, "input_layer": "conv2d"}, (5, 1, 0, 0)),
]


@pytest.mark.parametrize(("conf", "values"), CONFS)
def test_reads_an_encoder_conf(conf, values):
    assert RecursionShape.from_conf(conf) == RecursionShape(*values)


@pytest.mark.parametrize(
    "conf",
    [
        {"num_blocks": 4, "prelude_blocks": 2, "coda_blocks": 2},  # nothing is left to recur
        {"num_blocks": 3, "prelude_blocks": 2, "coda_blocks": 2},
        {"num_blocks": 8, "recurrent_blocks": 4},  # sum is 4
        {"num_blocks": 8, "recurrent_blocks": 4, "prelude_blocks": 2, "coda_blocks": 1},
        {"num_blocks": 24, "recurrent_blocks": 4, "prelude_blocks": 2, "coda_blocks": 2},
    ],
)
def test_refuses_a_num_blocks_that_is_not_the_sum(conf):
    with pytest.raises(ValueError, match=f"^num_blocks={conf['num_blocks']} does not fit"):
        RecursionShape.from_conf(conf)


@pytest.mark.parametrize("num_blocks", [0, -1, 2.0, "2", True, [2]], ids=repr)
def test_refuses_a_num_blocks_that_counts_nothing(num_blocks):
    with pytest.raises(ValueError, match="^num_blocks must be an integer of 1 or more, not "):
        RecursionShape.from_conf({"num_blocks": num_blocks})


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [-1, True, 1.0, "1"], ids=repr)
@pytest.mark.parametrize("num_blocks", [None, 4])
def test_an_encoder_conf_is_checked_too(key, value, num_blocks):
    with pytest.raises((TypeError, ValueError), match=f"^{key} must be "):
        RecursionShape.from_conf({"num_blocks": num_blocks, key: value})
