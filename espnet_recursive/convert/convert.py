"""The conversions as a whole: load, convert, compare, write."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet_recursive.convert.converted_model import ConvertedModel
from espnet_recursive.convert.differences import differences
from espnet_recursive.convert.experiment import check_new, write_experiment
from espnet_recursive.convert.report import ConversionReport, sizes
from espnet_recursive.convert.stored_features import check_features, read_stored
from espnet_recursive.convert.to_frontend import to_frontend
from espnet_recursive.convert.to_recursive import Start, to_recursive
from espnet_recursive.convert.to_stock import to_stock
from espnet_recursive.errors import UserError
from espnet_recursive.model.closeness import (
    Closeness,
    audio_encodings,
    measure_closeness,
    random_encodings,
)
from espnet_recursive.model.loaded_model import LoadedModel, load_asr_model
from espnet_recursive.recursion.shape import RecursionShape


def convert_to_recursive(
    model: Path | str,
    output: Path,
    shape: dict[str, int],
    start: Start,
    model_file: str | None = None,
    audio: Sequence[Path] = (),
    any_size: bool = False,
) -> ConversionReport:
    """Write a stock model as a recursive one.

    Args:
        model: The model, by any of the names that ``find_model`` takes.
        output: The new experiment's folder.
        shape: The fields of a RecursionShape.
        start: How the recurrent block starts.
        model_file: The checkpoint of an experiment, valid.acc.ave.pth by default.
        audio: Files to compare the two models on; random input where there are none.
        any_size: Whether a published model may be deeper and larger than models are.

    Raises:
        UserError: If the model, the tuple or a file cannot be used; nothing is written then.
    """
    check_new(output)
    try:
        recursion = RecursionShape(**shape)
    except ValueError as error:
        raise UserError(f"--{error}") from error
    deep = load_asr_model(model, model_file, any_size)
    converted = to_recursive(deep, recursion, start)
    layers = list(deep.model.encoder.encoders.children())
    weights = differences(converted.model.encoder.encoders, layers)
    close = _compare(deep, converted, audio)
    report = ConversionReport(
        deep.name,
        converted.how,
        *sizes(deep.model, converted.model),
        closeness=close,
        differences=weights,
        notes=converted.notes,
    )
    write_experiment(output, deep, converted, report)
    return report


def convert_to_stock(
    model: Path | str,
    output: Path,
    num_loops: int | None = None,
    model_file: str | None = None,
    audio: Sequence[Path] = (),
    any_size: bool = False,
) -> ConversionReport:
    """Write a recursive model as a stock one.

    Args:
        model: The model, by any of the names that ``find_model`` takes.
        output: The new experiment's folder.
        num_loops: The depth; that of inference by default.
        model_file: The checkpoint of an experiment, valid.acc.ave.pth by default.
        audio: Files to compare the two models on; random input where there are none.
        any_size: Whether a published model may be deeper and larger than models are.

    Raises:
        UserError: If the model or a file cannot be used, or the model has parts that no stock
            encoder can express; nothing is written then.
    """
    check_new(output)
    recursive = load_asr_model(model, model_file, any_size)
    converted = to_stock(recursive, num_loops)
    recursive.model.encoder.set_depth(num_loops)
    close = _compare(recursive, converted, audio)
    report = ConversionReport(
        recursive.name,
        converted.how,
        *sizes(recursive.model, converted.model),
        closeness=close,
        notes=converted.notes,
    )
    write_experiment(output, recursive, converted, report)
    return report


def convert_to_audio(
    model: Path | str,
    output: Path,
    frontend: str,
    frontend_conf: Mapping[str, Any],
    model_file: str | None = None,
    audio: Path | None = None,
    feats: Path | None = None,
    any_size: bool = False,
) -> ConversionReport:
    """Write a model of features as one of audio.

    Args:
        model: The model, by any of the names that ``find_model`` takes.
        output: The new experiment's folder.
        frontend: The name of a frontend of this package.
        frontend_conf: Its options.
        model_file: The checkpoint of an experiment, valid.acc.ave.pth by default.
        audio: A wav.scp, to compare its audio with its features; both or none.
        feats: The feats.scp of the same utterances.
        any_size: Whether a published model may be deeper and larger than models are.

    Raises:
        UserError: If the model or a file cannot be used, or the frontend computes other features;
            nothing is written then.
    """
    check_new(output)
    if (audio is None) != (feats is None):
        raise UserError("--audio and --feats: name both tables of the same utterances, or neither")
    before = load_asr_model(model, model_file, any_size)
    after = to_frontend(before, frontend, frontend_conf)
    if audio is None or feats is None:
        close = _compare(before, after, ())
        said = "Not compared with stored features: name some with --audio and --feats."
    else:
        utterances = list(read_stored(audio, feats, after.config))
        said = check_features(after.model.frontend, utterances, str(feats))
        inputs = f"{len(utterances)} utterances of {feats} and {audio}"
        close = measure_closeness(before.model, after.model, utterances, inputs)
    report = ConversionReport(
        before.name, after.how, *sizes(before.model, after.model), closeness=close, notes=(said,)
    )
    write_experiment(output, before, after, report)
    return report


def _compare(before: LoadedModel, after: ConvertedModel, audio: Sequence[Path]) -> Closeness:
    if audio:
        encodings = audio_encodings(audio, before.config)
        inputs = ", ".join(map(str, audio)) if len(audio) < 4 else f"{len(audio)} files of audio"
        return measure_closeness(before.model, after.model, encodings, inputs)
    random, inputs = random_encodings(before.model, before.config)
    return measure_closeness(before.model, after.model, random, inputs)
