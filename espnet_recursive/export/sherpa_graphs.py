"""Recognisers in the forms that two loaders of sherpa-onnx take, which read raw samples.

Neither passes lengths or a number of loops, and both recognise one utterance at a time.
"""

from collections.abc import Iterable

import onnx
from onnx import helper, parser

from espnet_recursive.export.graphs import OPSET, checked

#: Seconds of a frame of the output, which the loader of omnilingual models takes for granted.
FRAME_SECONDS = 0.02
#: The loader of moonshine models begins with token 1 and ends at token 2. Ours begin there, with
#: the blank, which is never said.
END = FIRST_TOKEN = 2

_REPEATED = """
<ir_version: 8, opset_import: ["": {opset}]>
repeated (float[1, t, v] ctc_log_probs) => (float[1, s, v] logits)
{{
    place = Constant <value = int64[1] {{2}}> ()
    copies = Constant <value = int64[4] {{1, 1, {times}, 1}}> ()
    shape = Constant <value = int64[3] {{1, -1, {tokens}}}> ()
    one = Unsqueeze (ctc_log_probs, place)
    all = Tile (one, copies)
    logits = Reshape (all, shape)
}}
"""

# The label of each frame, but for blanks and repetitions, and the end many times behind them: the
# client asks for a number of tokens that grows with the length of this, and would cut the text.
_LABELS = """
<ir_version: 8, opset_import: ["": {opset}]>
labels (float[1, t, v] ctc_log_probs) => (float[1, s, 1] encoder_hidden)
{{
    zero = Constant <value = int64[1] {{0}}> ()
    first = Constant <value = int64[1] {{{first}}}> ()
    last = Constant <value = int64[1] {{-1}}> ()
    times = Constant <value = int64[1] {{8}}> ()
    more = Constant <value = int64[1] {{64}}> ()
    column = Constant <value = int64[3] {{1, -1, 1}}> ()
    rows = ArgMax <axis = 2, keepdims = 0> (ctc_log_probs)
    best = Squeeze (rows, zero)
    but_last = Slice (best, zero, last, zero)
    before = Concat <axis = 0> (zero, but_last)
    repeated = Equal (best, before)
    blank = Equal (best, zero)
    dropped = Or (repeated, blank)
    kept = Not (dropped)
    labels = Compress <axis = 0> (best, kept)
    tokens = Add (labels, first)
    frames = Shape (best)
    many = Mul (frames, times)
    number = Add (many, more)
    ends = ConstantOfShape <value = int64[1] {{2}}> (number)
    sequence = Concat <axis = 0> (tokens, ends)
    numbers = Cast <to = 1> (sequence)
    encoder_hidden = Reshape (numbers, column)
}}
"""

# Step t of the client's decoding has t entries in its cache of keys, and is given token t.
_DECODER = """
<ir_version: 8, opset_import: ["": {opset}]>
ctc_as_decoder (
    int64[1, 1] input_ids, float[1, s, 1] encoder_hidden_states,
    float[1, 1, p0, 1] past_key_values_0_decoder_key,
    float[1, 1, p1, 1] past_key_values_0_decoder_value,
    float[1, 1, p2, 1] past_key_values_0_encoder_key,
    float[1, 1, p3, 1] past_key_values_0_encoder_value,
    bool[1] use_cache_branch
) => (
    float[1, 1, {tokens}] logits,
    float[1, 1, q0, 1] present_0_decoder_key, float[1, 1, q1, 1] present_0_decoder_value,
    float[1, 1, q2, 1] present_0_encoder_key, float[1, 1, q3, 1] present_0_encoder_value
)
{{
    one = Constant <value = int64[1] {{1}}> ()
    depth = Constant <value = int64[1] {{{tokens}}}> ()
    values = Constant <value = float[2] {{0, 1}}> ()
    shape = Constant <value = int64[3] {{1, 1, {tokens}}}> ()
    entry_shape = Constant <value = int64[4] {{1, 1, 1, 1}}> ()
    entry = ConstantOfShape (entry_shape)
    seen_shape = Constant <value = int64[4] {{1, 1, 2, 1}}> ()
    step = Shape <start = 2, end = 3> (past_key_values_0_decoder_key)
    number = Gather <axis = 1> (encoder_hidden_states, step)
    numbers = Reshape (number, one)
    token = Cast <to = 7> (numbers)
    chosen = OneHot <axis = -1> (token, depth, values)
    logits = Reshape (chosen, shape)
    present_0_decoder_key = Concat <axis = 2> (past_key_values_0_decoder_key, entry)
    present_0_decoder_value = Concat <axis = 2> (past_key_values_0_decoder_value, entry)
    present_0_encoder_key = ConstantOfShape (seen_shape)
    present_0_encoder_value = ConstantOfShape (seen_shape)
}}
"""


def omnilingual(recogniser: onnx.ModelProto, times: int) -> onnx.ModelProto:
    """(1, N) samples to logits (1, times T', V).

    Args:
        recogniser: Whose loops are no input; it is not changed.
        times: How often each frame stands there, so that one is FRAME_SECONDS.
    """
    return _followed(recogniser, _REPEATED, times=times, tokens=_vocabulary(recogniser))


def moonshine_encoder(recogniser: onnx.ModelProto) -> onnx.ModelProto:
    """(1, N) samples to (1, S, 1): the tokens that CTC decoded as numbers, and the end after them.

    Args:
        recogniser: Whose loops are no input; it is not changed.
    """
    return _followed(recogniser, _LABELS, first=FIRST_TOKEN)


def moonshine_decoder(recogniser: onnx.ModelProto) -> onnx.ModelProto:
    """What says one of these tokens after the other, in the form of a decoder with a cache."""
    tokens = _vocabulary(recogniser) + FIRST_TOKEN
    model = parser.parse_model(_DECODER.format(opset=OPSET, tokens=tokens))
    return checked(model)


def _vocabulary(recogniser: onnx.ModelProto) -> int:
    (log_probs, _) = recogniser.graph.output
    return log_probs.type.tensor_type.shape.dim[2].dim_value


def _followed(recogniser: onnx.ModelProto, text: str, **values: int) -> onnx.ModelProto:
    """A recogniser of one utterance, of all its samples, and a graph behind it."""
    model = onnx.ModelProto()
    model.CopyFrom(recogniser)
    graph = model.graph
    behind = parser.parse_model(text.format(opset=OPSET, **values)).graph
    length = helper.make_node("Shape", ["waveform"], ["lengths"], "lengths", start=1, end=2)
    nodes = [length, *graph.node, *_prefixed(behind)]
    for old, new in ((graph.node, nodes), (graph.input, [graph.input[0]])):
        kept = list(new)
        del old[:]
        old.extend(kept)
    graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    del graph.output[:], graph.value_info[:]
    graph.output.extend(behind.output)
    return checked(model)


def _prefixed(graph: onnx.GraphProto) -> Iterable[onnx.NodeProto]:
    """The nodes of a graph whose values have names of their own, but for its inputs and outputs."""
    ports = {value.name for value in (*graph.input, *graph.output)}
    for node in graph.node:
        for ends in (node.input, node.output):
            ends[:] = [name if name in ports else f"behind/{name}" for name in ends]
        yield node
