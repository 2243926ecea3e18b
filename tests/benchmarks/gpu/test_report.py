"""The tables of a session."""

from benchmarks.gpu.report import report

MEMORY = {"system": "ours", "row": "L1", "setting": "autocast", "precision": "bfloat16"}
RACE = {
    "race": "bf16 training step",
    "work": "training, 48 x 12 s",
    "competitors": [
        {"system": "ESPnet", "row": "B", "setting": "defaults", "precision": "float32",
         "seconds": [8.0, 8.0, 8.0]},
        {"system": "ESPnet", "row": "B", "setting": "autocast, defaults", "precision": "bfloat16",
         "seconds": [4.0, 4.0, 8.0]},
        {"system": "ESPnet", "row": "B", "setting": "autocast", "precision": "bfloat16",
         "seconds": [3.0, 3.0, 3.0]},
        MEMORY | {"seconds": [2.0, 2.0, 4.0]},
    ],
    "left_out": [MEMORY | {"setting": "flash attention", "why": "flash-attn is not installed"}],
}  # fmt: skip


def rows(text):
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_speed_is_to_espnet_eager_and_to_its_best_in_the_same_precision():
    memories = [MEMORY | {"work": "training, 48 x 12 s", "megabytes": 1234.4, "left_out": ""}]
    text = report({}, [], {}, {"step": {"times": [RACE], "memories": memories}}, {})
    assert ["ours L1", "autocast", "bfloat16", "2000.00", "2.000", "1.500"] in rows(text)
    assert ["ours L1", "autocast", "bfloat16", "1234"] in rows(text)
    assert "Eager: autocast, defaults, bfloat16; 3 repeats." in text
    assert "* left out: ours L1, flash attention: flash-attn is not installed." in text


def test_what_is_missing_is_left_out():
    steps = [{"step": "check", "status": "failed", "why": "two\nlines", "limit": 1, "seconds": 2}]
    text = report({"gpu": "G", "torch": "2"}, steps, {}, {}, {})
    assert text.startswith("# G, torch 2\n") and "two lines" in text
    trained = {"num_loops": 5, "executed_blocks": 12, "seconds": 60.5,
               "epochs": [{"epoch": 1, "train_loss": 75.942}]}  # fmt: skip
    text = report({}, [], {}, {}, {"AN4, L1": trained})
    assert "## AN4, L1: 5 loops, 12 layers executed, 60.5 s in all" in text and "75.942" in text
