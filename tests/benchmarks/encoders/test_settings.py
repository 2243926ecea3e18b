"""Settings change what they say and little else."""

import pytest
import torch

from benchmarks.encoders import settings
from benchmarks.encoders.competitors import ESPNET, RECURSIVE, competitors
from benchmarks.encoders.rows import Unavailable, stock
from benchmarks.encoders.settings import Setting, check_available
from benchmarks.encoders.work import Work

BATCH = Work("inference", 1, 60).batch(0, "cpu")


def output(competitor, rows):
    with torch.no_grad():
        return competitor.build(rows, "cpu", "inference")(BATCH)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("system, row", [(ESPNET, "B"), (RECURSIVE, "L1"), (RECURSIVE, "L5")])
@pytest.mark.parametrize("name", ["SDPA/float32", "dynamic int8", "prepared/float32"])
def test_close_to_the_plain_one(rows, system, row, name):
    plain, *_ = competitors(system, row, "inference")
    for other in competitors(system, row, "inference", [name]):
        near = 0.1 if other.setting.precision == "int8" else 1e-4
        assert (output(plain, rows) - output(other, rows)).square().mean().sqrt() < near


def test_weights_in_bfloat16_take_features_in_float32(rows):
    setting = Setting("", "bfloat16", finish=settings.whole_bfloat16)
    encoder = setting.apply(stock(rows, "B", {}), "inference")
    with torch.no_grad():
        assert encoder(BATCH).dtype is torch.bfloat16


@pytest.mark.parametrize(
    "setting, reason",
    [
        (Setting("", devices=("cuda",)), "not for cpu"),
        (Setting("", conf={"use_flash_attn": True}), "flash-attn is not installed"),
    ],
)
def test_unavailable(setting, reason, monkeypatch):
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=reason):
        check_available(setting, "cpu")
