"""What is printed of an export."""

import onnx

from espnet_recursive.export.encoder_graph import encoder_graph
from espnet_recursive.export.report import ExportReport, ports_of
from espnet_recursive.model.closeness import Closeness
from espnet_recursive.model.parameters import measure
from tests.export.conftest import build


def test_everything_is_said():
    encoder = build("transformer")
    model = encoder_graph(encoder, 20, loops_as_input=True)
    onnx.helper.set_model_props(model, {"num_loops": "3"})
    ports = ports_of(model)
    assert ports == [
        ("features", "float32 (batch, frames, 20)", "normalised features, 0 in the padding"),
        ("lengths", "int64 (batch)", "frames of each utterance, or samples of a waveform"),
        ("num_loops", "int64 ()", "loops of all utterances, 1 or more; 3 as configured"),
        ("encoder_out", "float32 (batch, encoder_frames, 16)", "output of the encoder"),
        ("encoder_out_lens", "int64 (batch)", "its frames that are no padding"),
    ]
    close = {
        "float32": Closeness("noise", 9, 1.23e-7, 4.56e-7, 1.0, None),
        "int8": Closeness("noise", 9, 0.0123, 0.0456, 0.99, 0.9876),
    }
    text = str(ExportReport("exp/asr", measure("encoder", encoder), 1_260_000, ports, close))
    size = sum(p.numel() for p in encoder.parameters())
    assert text.startswith(f"exp/asr: {{2, 3, 1, 1}}, {size:,} parameters in the encoder, ")
    assert "The file: 1.3 MB" in text and text.endswith("on noise")
    assert all(name in text for name, _, _ in ports)
    lines = [line.split() for line in text.splitlines()]
    assert ["float32", "1.2e-07", "4.6e-07", "no", "CTC"] in lines
    assert ["int8", "0.012", "0.046", "98.76%"] in lines
