"""ESPnet's decoding of data sets with our recogniser, at any depth, and what its encoder did."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from espnet2.bin import asr_inference

from espnet_recursive.asr.depth import DEPTH_OPTIONS, given_depth
from espnet_recursive.publish.encoded import NBest
from espnet_recursive.publish.speech2text import Speech2Text


def inference(options: Mapping[str, Any]) -> None:
    """Run ESPnet's ``inference`` with our ``Speech2Text``.

    Beside its files, 1best_recog has encoder_seconds; with a recursive encoder also loops and
    executed_layers. Utterances that are too short to be encoded are not in these three.

    Args:
        options: The options of ESPnet's ``asr_inference``, and those of
            :class:`espnet_recursive.asr.depth.Depth`, ``encoder_precision`` and ``any_size``.

    Raises:
        UserError: If the model cannot be loaded, or cannot run at that depth.
    """
    ours = given_depth(options)
    if options.get("encoder_precision") is not None:
        ours["encoder_precision"] = options["encoder_precision"]
    names = (*DEPTH_OPTIONS, "encoder_precision", "any_size")
    espnet_options = {key: value for key, value in options.items() if key not in names}

    def from_pretrained(model_tag: str | None, **arguments: Any) -> Speech2Text:
        if model_tag is None:
            return Speech2Text(**arguments, **ours)
        # What the command does not name is the model's own.
        given = {key: value for key, value in arguments.items() if value is not None}
        any_size = bool(options.get("any_size"))
        return Speech2Text.from_pretrained(model_tag, any_size=any_size, **given, **ours)

    # ESPnet has no place for another class or for more results, so these names are ours while it
    # runs.
    recogniser = SimpleNamespace(from_pretrained=from_pretrained)
    with patch.multiple(
        asr_inference, Speech2Text=recogniser, _write_results=_writing(asr_inference._write_results)
    ):
        asr_inference.inference(**espnet_options)


def _writing(write_results: Any) -> Any:
    """ESPnet's function that writes the results of an utterance, and what ours writes more."""

    def write(writer: Any, key: str, results: Any, **options: Any) -> None:
        write_results(writer=writer, key=key, results=results, **options)
        # With intermediate CTC, its results come beside the list.
        nbest = results[0] if isinstance(results, tuple) else results
        if isinstance(nbest, NBest) and (encoded := nbest.encoded):
            best = writer["1best_recog"]
            best["encoder_seconds"][key] = f"{encoded.seconds:.6f}"
            if encoded.loops is not None:
                best["loops"][key] = str(encoded.loops)
                best["executed_layers"][key] = str(encoded.layers)

    return write
