"""The two conversions as a whole: load, convert, compare, write."""

from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.convert.converted_model import ConvertedModel
from espnet_recursive.convert.differences import differences
from espnet_recursive.convert.experiment import check_new, write_experiment
from espnet_recursive.convert.report import ConversionReport, sizes
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


def _compare(before: LoadedModel, after: ConvertedModel, audio: Sequence[Path]) -> Closeness:
    if audio:
        encodings = audio_encodings(audio, before.config)
        inputs = ", ".join(map(str, audio)) if len(audio) < 4 else f"{len(audio)} files of audio"
        return measure_closeness(before.model, after.model, encodings, inputs)
    random, inputs = random_encodings(before.model, before.config)
    return measure_closeness(before.model, after.model, random, inputs)
