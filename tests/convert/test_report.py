"""What is said of a conversion."""

import json

from espnet_recursive.convert.differences import Difference
from espnet_recursive.convert.report import ConversionReport, sizes
from espnet_recursive.convert.to_recursive import Start, to_recursive
from espnet_recursive.model.closeness import Closeness
from espnet_recursive.recursion.shape import RecursionShape
from tests.convert.models import RECURSION, load


def test_markdown_and_json():
    deep = load("transformer", num_blocks=8)
    converted = to_recursive(deep, RecursionShape(**RECURSION), Start())
    models = deep.model, converted.model
    encoder, parameters = sizes(*models)
    closeness = Closeness("one.wav", 1234, 0.25, 1.5, 0.96875, 0.875)
    difference = Difference("projections", 0.75, 0.5)
    report = ConversionReport(
        "exp/asr", "what was done", encoder, parameters, closeness, [difference], ["Mind this."]
    )
    text = report.as_markdown()
    layers = [sum(p.numel() for p in m.encoder.encoders.parameters()) for m in models]
    whole = [sum(p.numel() for p in m.parameters()) for m in models]
    assert layers[0] == 2 * layers[1]
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "# exp/asr, converted",
        "what was done.",
        "| {n_r, L, n_p, n_c} | {8, 1, 0, 0} | {2, 3, 1, 1} |",
        "| layers executed | 8 | 8 |",
        f"| parameters: layers | {layers[0]:,} | {layers[1]:,} |",
        f"| parameters: model | {whole[0]:,} | {whole[1]:,} |",
        "| encoder outputs on one.wav | |",
        "| output frames compared | 1,234 |",
        "| relative difference, mean | 0.25 |",
        "| relative difference, largest | 1.5 |",
        "| cosine, mean | 0.968750 |",
        "| same greedy CTC label | 87.50% |",
        "| projections | 0.75 | 0.5 |",
        "* Mind this.",
    ):
        assert line in lines
    content = json.loads(json.dumps(report.as_dict()))
    assert content["closeness"]["cosine"] == 0.96875
    assert content["encoder"][1]["shape"] == "{2, 3, 1, 1}"
    assert list(content["encoder"][1]["recursion"].values()) == [2, 3, 1, 1]
    assert content["parameters"] == whole


def test_without_ctc_and_without_differences():
    closeness = Closeness("one.wav", 1, 0.0, 0.0, 1.0, None)
    deep = load("transformer", num_blocks=8)
    text = ConversionReport(
        "exp/asr", "how", *sizes(deep.model, deep.model), closeness
    ).as_markdown()
    assert "no CTC" in text and "private" not in text
