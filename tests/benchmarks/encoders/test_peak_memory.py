"""Peak memory of a training step."""

import yaml

from benchmarks.encoders.competitors import ESPNET, RECURSIVE, Competitor, competitors
from benchmarks.encoders.peak_memory import peak_memory
from benchmarks.encoders.rows import stock
from benchmarks.encoders.settings import Setting
from benchmarks.encoders.work import Work


def test_wider_layers_take_weights_gradients_and_moments_more(rows, tmp_path):
    config = yaml.safe_load((rows / "B.yaml").read_text())
    config["encoder_conf"]["linear_units"] = 20000
    (tmp_path / "B.yaml").write_text(yaml.safe_dump(config))
    defaults, *_ = competitors(ESPNET, "B", "training", ["defaults"])
    sizes, peaks = [], []
    for folder in (rows, tmp_path):
        sizes.append(sum(p.numel() for p in stock(folder, "B", {}).parameters()))
        memory = peak_memory(defaults, Work("training", 1, 20), folder, "cpu", 1)
        assert not memory.left_out
        peaks.append(memory.megabytes)
    weights = 16 * (sizes[1] - sizes[0]) / 1e6
    assert weights < peaks[1] - peaks[0] < 1.4 * weights


def test_left_out(rows):
    missing = Competitor(RECURSIVE, "L1", Setting("missing", conf={"warp_drive": True}))
    memory = peak_memory(missing, Work("training", 1, 20), rows, "cpu", 1)
    assert memory.megabytes is None and memory.left_out.endswith("has no option warp_drive")
