"""ESPnet's decoding of data sets with our recogniser, at any depth, and what its encoder did."""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from types import FunctionType, SimpleNamespace
from typing import Any

from espnet2.bin import asr_inference

from espnet_recursive.asr.depth import DEPTH_OPTIONS, given_depth
from espnet_recursive.espnet_versions import (
    Writing,
    decodes_batches,
    inference_options,
    writing_more,
)
from espnet_recursive.model.model_input import check_data_rate
from espnet_recursive.publish.encoded import NBest
from espnet_recursive.publish.speech2text import Speech2Text
from espnet_recursive.recipe.decoding_facts import write_decoding_facts
from espnet_recursive.recipe.readable_data import name_unreadable_data


def inference(options: Mapping[str, Any]) -> None:
    """Run ESPnet's ``inference`` with our ``Speech2Text``.

    Beside its files, 1best_recog has encoder_seconds; with a recursive encoder also loops and
    executed_layers. Utterances that cannot be encoded, because they are too short or hold no
    numbers, are not in these three; they get an empty hypothesis, and undecoded has the reason.
    The options and the model's recursion are in decoding.json.

    Args:
        options: The options of ESPnet's ``asr_inference``, and those of
            :class:`espnet_recursive.asr.depth.Depth`, ``encoder_precision`` and ``any_size``.

    Raises:
        UserError: If the model cannot be loaded, or cannot run at that depth, or speech cannot be
            read, or has another sampling rate than the model takes.
    """
    name_unreadable_data()
    ours = given_depth(options)
    if options.get("encoder_precision") is not None:
        ours["encoder_precision"] = options["encoder_precision"]
    names = (*DEPTH_OPTIONS, "encoder_precision", "any_size")
    espnet_options = inference_options({k: v for k, v in options.items() if k not in names})

    def load(model_tag: str | None, **arguments: Any) -> Speech2Text:
        if model_tag is None:
            return Speech2Text(**arguments, **ours)
        # What the command does not name is the model's own.
        given = {key: value for key, value in arguments.items() if value is not None}
        any_size = bool(options.get("any_size"))
        return Speech2Text.from_pretrained(model_tag, any_size=any_size, **given, **ours)

    def from_pretrained(model_tag: str | None, **arguments: Any) -> Speech2Text:
        model = load(model_tag, **arguments)
        for path, _, kind in options["data_path_and_name_and_type"]:
            if kind == "sound":
                check_data_rate(vars(model.asr_train_args), path)
        shape = getattr(model.asr_model.encoder, "shape", None)
        write_decoding_facts(options["output_dir"], options, asdict(shape) if shape else None)
        return model

    # ESPnet has no place for another class or for more results, so these names are ours.
    undecoded: dict[str, str] = {}
    decoding: list[str] = []
    write = partial(_write_more, undecoded)
    with _naming_utterances(decoding) as task:
        if decodes_batches():
            recogniser = from_pretrained
            names_there = {
                "_write_results": _writing(asr_inference._write_results, write),
                "_too_short_result": _explained(asr_inference._too_short_result),
            }
        else:
            wrap, names_there = writing_more(write, decoding)

            def recogniser(model_tag: str | None, **arguments: Any) -> Any:
                return wrap(from_pretrained(model_tag, **arguments))

        names_there |= {
            "Speech2Text": SimpleNamespace(from_pretrained=recogniser),
            "ASRTask": task,
        }
        _with_names(asr_inference.inference, **names_there)(**espnet_options)
    if undecoded:
        logging.warning(
            "%d utterances could not be decoded and have an empty hypothesis: %s",
            *(len(undecoded), ", ".join(undecoded)),
        )


def _with_names(function: Any, **names: Any) -> FunctionType:
    """The function with other objects behind names of its module, which itself keeps its own."""
    copy = FunctionType(
        *(function.__code__, function.__globals__ | names, function.__name__),
        *(function.__defaults__, function.__closure__),
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


class _Undecoded(list):
    """The empty hypotheses of an utterance, and why they are."""

    def __init__(self, hypotheses: list[Any], why: str) -> None:
        super().__init__(hypotheses)
        self.why = why


def _explained(too_short_result: Any) -> Any:
    """ESPnet's function that makes empty hypotheses, called while it handles the exception."""

    def explain(*arguments: Any) -> _Undecoded:
        return _Undecoded(too_short_result(*arguments), str(sys.exception()))

    return explain


@contextmanager
def _naming_utterances(decoding: list[str]) -> Iterator[Any]:
    """Give ESPnet's task; an exception is logged with the utterances that were decoded then.

    Args:
        decoding: Holds the utterances that are being decoded.
    """

    class Task(asr_inference.ASRTask):
        """ESPnet's, which notes what is decoded."""

        @classmethod
        def build_streaming_iterator(cls, *arguments: Any, **options: Any) -> Any:
            for keys, batch in super().build_streaming_iterator(*arguments, **options):
                decoding[:] = keys
                yield keys, batch
                decoding.clear()

    try:
        yield Task
    except Exception:
        if decoding:
            logging.error("decoding stopped at %s", ", ".join(decoding))
        raise


def _writing(write_results: Any, write_more: Writing) -> Any:
    """ESPnet's function that writes the results of an utterance, and what ours writes more."""

    def write(writer: Any, key: str, results: Any, **options: Any) -> None:
        write_results(writer=writer, key=key, results=results, **options)
        write_more(writer, key, results)

    return write


def _write_more(undecoded: dict[str, str], writer: Any, key: str, results: Any) -> None:
    """Write what the encoder did with an utterance, or why it is not decoded, and note the latter.

    Args:
        undecoded: Utterances that are not decoded, and why.
        writer: ESPnet's.
        key: The utterance.
        results: Its hypotheses, or why there are none.
    """
    best = writer["1best_recog"]
    if isinstance(results, (_Undecoded, Exception)):
        why = results.why if isinstance(results, _Undecoded) else str(results)
        undecoded[key] = best["undecoded"][key] = why
    # With intermediate CTC, its results come beside the list.
    nbest = results[0] if isinstance(results, tuple) else results
    if isinstance(nbest, NBest) and (encoded := nbest.encoded):
        best["encoder_seconds"][key] = f"{encoded.seconds:.6f}"
        if encoded.loops is not None:
            best["loops"][key] = str(encoded.loops)
            best["executed_layers"][key] = str(encoded.layers)
