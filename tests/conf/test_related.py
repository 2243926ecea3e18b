"""conf/related: related systems, as far as a recursion can be them."""

import copy
from pathlib import Path

import pytest
import torch
import yaml

from espnet_recursive.model.parameters import measure_config
from espnet_recursive.registry import encoder_class

DIRECTORY = Path(__file__).resolve().parents[2] / "conf" / "related"
FILES = sorted(path.stem for path in DIRECTORY.glob("*.yaml"))
#: One Transformer layer of 512 and 2048.
LAYER = 3_152_384
#: Numbers in the low-rank matrices of a layer, for each rank: four of 512 x 512, two of 512 x 2048.
LOW_RANK = 4 * (512 + 512) + 2 * (512 + 2048)
#: Shape, executed layers, parameters in layers, and how many of them are private.
SIZES = {
    "universal_transformer": ("{1, 24, 0, 0}", 24, LAYER + 1, 1),
    "shared_transformer": ("{1, 24, 0, 0}", 24, LAYER, 0),
    "huginn": ("{4, 5, 2, 2}", 24, 8 * LAYER + 524_800, 524_800),
    "relaxed_recursive_transformer": (
        "{12, 2, 0, 0}",
        24,
        12 * LAYER + 24 * 32 * LOW_RANK,
        24 * 32 * LOW_RANK,
    ),
    "residual_transformer": (
        "{1, 24, 0, 0}",
        24,
        LAYER + 24 * (16 * LOW_RANK + 6 * 512),
        24 * (16 * LOW_RANK + 6 * 512),
    ),
}
LENGTHS = [60, 41, 26]
every_file = pytest.mark.parametrize("name", FILES)


def load(name):
    return yaml.safe_load((DIRECTORY / f"{name}.yaml").read_text())


def build(name):
    """Its encoder, narrower, without dropout, and with private parts away from their start."""
    config = load(name)
    small = {"output_size": 32, "linear_units": 48}
    rates = {key: 0.0 for key in config["encoder_conf"] if key.endswith("_rate")}
    torch.manual_seed(0)
    cls = encoder_class(config["encoder"])
    encoder = cls(20, **{**config["encoder_conf"], **small, **rates}).double()
    for parameter_name, parameter in encoder.encoders.named_parameters():
        if not parameter_name[0].isdigit():
            torch.nn.init.normal_(parameter, std=0.05)
    return encoder


def features():
    torch.manual_seed(1)
    return torch.randn(3, 60, 20, dtype=torch.float64), torch.tensor(LENGTHS)


def test_every_file_is_described():
    assert set(FILES) == set(SIZES)
    readme = (DIRECTORY / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in FILES)
    assert {path.name for path in DIRECTORY.iterdir()} == {
        "README.md",
        *(f"{name}.yaml" for name in FILES),
    }


@every_file
def test_a_file_has_its_source_and_what_differs(name):
    lines = (DIRECTORY / f"{name}.yaml").read_text().splitlines()
    comment = "\n".join(line for line in lines if line.startswith("#"))
    shape, *_ = SIZES[name]
    assert lines[0].endswith(f": {{n_r, L, n_p, n_c}} = {shape}.")
    assert all(word in comment for word in ("20", "Same: ", "Differs: "))


@every_file
def test_an_encoder_and_nothing_else_of_the_sizes_of_the_paper(name):
    config = load(name)
    assert list(config) == ["encoder", "encoder_conf"]
    baseline = yaml.safe_load((DIRECTORY.parent / "encoder/R4.yaml").read_text())
    assert config["encoder"] == baseline["encoder"]
    shape = {"prelude_blocks", "recurrent_blocks", "coda_blocks", "num_loops"}
    for key in baseline["encoder_conf"].keys() - shape:
        assert config["encoder_conf"][key] == baseline["encoder_conf"][key], key


@every_file
def test_parameters(name):
    with torch.device("meta"):  # counted, not filled with numbers
        size = measure_config(DIRECTORY / f"{name}.yaml")
    assert (str(size.shape), size.executed_blocks, size.layers, size.private) == SIZES[name]
    readme = (DIRECTORY / "README.md").read_text()
    (row,) = [line for line in readme.splitlines() if line.startswith(f"| `{name}`")]
    assert f"{size.layers:,}" in row and f"{size.private:,}" in row and str(size.shape) in row


@every_file
@pytest.mark.parametrize("training", [True, False])
def test_an_utterance_alone_is_that_in_a_batch(name, training):
    """Forward and backward: output, loops and gradients."""
    x, lengths = features()
    together = build(name)
    alone = copy.deepcopy(together)
    out, olens, _ = together.train(training)(x, lengths)
    sum(row[:length].square().sum() for row, length in zip(out, olens, strict=True)).backward()
    for row, length in enumerate(LENGTHS):
        if alone.progress is not None:  # each of them is in the same training pass
            alone.progress.set_extra_state(torch.zeros(3, dtype=torch.int64))
        own, _, _ = alone.train(training)(x[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(own[0], out[row, : olens[row]], rtol=1e-5, atol=1e-5)
        own.square().sum().backward()
    for (key, ours), (_, theirs) in zip(
        alone.named_parameters(), together.named_parameters(), strict=True
    ):
        assert ours.grad is not None, key
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-5)


def test_the_universal_transformer_starts_as_the_shared_one():
    """Its only other parameter is the gain of the step's sinusoid, 0 at the start."""
    encoders = [build(name) for name in ("universal_transformer", "shared_transformer")]
    torch.nn.init.zeros_(encoders[0].encoders.loop_signals[0].gain)
    encoders[1].load_state_dict(encoders[0].state_dict(), strict=False)
    x, lengths = features()
    outs = [encoder.eval()(x, lengths)[0] for encoder in encoders]
    assert torch.equal(*outs)


def test_huginn_draws_its_loops():
    encoder = build("huginn").train()
    x, lengths = features()
    drawn = []
    for _ in range(6):
        encoder(x, lengths)
        drawn.append(int(encoder.loops_run[0]))
    assert len(set(drawn)) > 1
    encoder.eval()(x, lengths)
    assert encoder.loops_run.tolist() == [5] * 3
