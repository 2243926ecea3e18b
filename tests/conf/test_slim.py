"""conf/encoder/slim: rows of the paper with cheaper input layers or loops, else unchanged."""

from pathlib import Path

import pytest
import yaml

from espnet_recursive.model.parameters import measure_config

ROWS = Path(__file__).resolve().parents[2] / "conf" / "encoder"
FILES = {path.stem: path for path in sorted((ROWS / "slim").glob("*.yaml"))}
STRIDES = [4, 4, 2, 2, 1]
#: Options that differ from the row's, parameters in all, and thousand million operations for 30 s.
EXPECTED = {
    "L1_slim": ({"input_channels": 128}, 26_614_656, 146.9),
    "L1_speechbrain": ({"input_layer": "conv2d_speechbrain"}, 25_994_496, 144.6),
    "L4_slim": ({"input_channels": 64}, 8_240_064, 32.0),
    "L5_slim": ({"input_channels": 128}, 35_449_728, 210.7),
    "L1_slim_strides": ({"input_channels": 128, "loop_strides": STRIDES}, 26_614_676, 84.3),
    "L5_slim_strides": ({"input_channels": 128, "loop_strides": STRIDES}, 35_449_748, 120.15),
    "L5_speechbrain": ({"input_layer": "conv2d_speechbrain"}, 34_829_568, 208.15),
}


def test_all_of_them():
    assert set(FILES) == set(EXPECTED)
    assert not set(FILES) & {path.stem for path in ROWS.glob("*.yaml")}, "names of experiments"


@pytest.mark.parametrize("name", EXPECTED)
def test_a_row(name):
    changed, parameters, operations = EXPECTED[name]
    row, own = (
        yaml.safe_load(path.read_text())
        for path in (ROWS / f"{name.partition('_')[0]}.yaml", FILES[name])
    )
    assert own == row | {"encoder_conf": row["encoder_conf"] | changed}
    size = measure_config(FILES[name], operations=True)
    assert size.encoder == parameters
    assert size.flops * 30 / 1e9 == pytest.approx(operations, abs=0.1)
    first, *_ = FILES[name].read_text().splitlines()
    assert first.startswith(f"# Row {name.partition('_')[0]} with ")
    assert first.endswith(f": {{n_r, L, n_p, n_c}} = {size.shape}.")


def test_what_it_saves():
    files = (ROWS / "L1.yaml", FILES["L1_slim"])
    whole, slim = (measure_config(file, operations=True) for file in files)
    assert whole.flops * 30 / 1e9 == pytest.approx(215.8, abs=0.1)
    assert whole.flops / slim.flops == pytest.approx(1.47, abs=0.005)
    assert slim.layers == whole.layers
