"""Speech, lengths and statistics that cannot be read are named, as ESPnet trains and decodes."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import wrapt

from espnet_recursive.errors import UserError, reason
from espnet_recursive.files.checkpoint_file import check_checksums, is_zip

_AGAIN = (
    "run the stage that writes it again (10 for statistics), without its stamp, or copy it again"
)

#: ESPnet's types of data that are files.
_FILES = ("sound", "multi_columns_sound", "variable_columns_sound", "kaldi_ark", "npy")


class UnreadableData(UserError):
    """Data that cannot be read.

    Args:
        message: The sentence. From a process that loads data, torch hands on the traceback of the
            error there, which ends with the sentence.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message.rpartition(f"{type(self).__name__}: ")[2].rstrip())


@cache
def name_unreadable_data() -> None:
    """Have ESPnet, in this process and its children, name files that it cannot read.

    Of speech, the utterance is named, too. NumPy's files of several arrays are refused where their
    checksums do not hold.
    """
    wrapt.register_post_import_hook(_wrap_dataset, "espnet2.train.dataset")
    wrapt.register_post_import_hook(_wrap_iterable_dataset, "espnet2.train.iterable_dataset")
    wrapt.register_post_import_hook(_wrap_texts, "espnet2.fileio.read_text")
    wrapt.register_post_import_hook(_wrap_numpy, "numpy")


def check_arrays(path: Path | str) -> None:
    """Refuse a file of arrays (.npz) that is damaged.

    Raises:
        UserError: If it is missing or damaged.
    """
    if not is_zip(path):
        raise UserError(f"{path} holds no NumPy arrays, or was cut off or damaged: {_AGAIN}.")
    check_checksums(path, _AGAIN)


def _wrap_numpy(module: ModuleType) -> None:
    wrapt.wrap_function_wrapper(module, "load", _load_arrays)


def _load_arrays(load: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
    file = kwargs["file"] if "file" in kwargs else args[0]
    if isinstance(file, (str, Path)) and Path(file).suffix == ".npz":
        check_arrays(file)
    return load(*args, **kwargs)


def _wrap_dataset(module: ModuleType) -> None:
    wrapt.wrap_function_wrapper(module, "AdapterForSoundScpReader.__getitem__", _read_speech)


def _read_speech(read: Callable[..., Any], reader: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
    try:
        return read(*args, **kwargs)
    except Exception as error:  # of many kinds, for audio and archives of many kinds
        (utterance,) = args
        # ESPnet's readers of audio and of archives have their tables under these names.
        tables = (getattr(reader.loader, name, None) for name in ("data", "_dict"))
        place = next((table.get(utterance) for table in tables if table), None)
        raise _unreadable(f"{place or 'the speech'} (utterance {utterance})", error) from error


def _wrap_iterable_dataset(module: ModuleType) -> None:
    # In decoding, one function for each type reads a file, and does not know of which utterance.
    for kind, read in module.DATA_TYPES.items():
        if kind in _FILES:
            module.DATA_TYPES[kind] = partial(_read_file, read)


def _read_file(read: Callable[[Any], Any], place: Any) -> Any:
    try:
        return read(place)
    except Exception as error:
        raise _unreadable(str(place), error) from error


def _wrap_texts(module: ModuleType) -> None:
    # The samplers take the function by its name from here, which is imported before them.
    wrapt.wrap_function_wrapper(module, "load_num_sequence_text", _read_lengths)


def _read_lengths(read: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: Any) -> Any:
    path = kwargs["path"] if "path" in kwargs else args[0]
    try:
        return read(*args, **kwargs)
    except (ValueError, TypeError, RuntimeError) as error:  # no numbers, no UTF-8, an id twice
        raise UserError(
            f"{path} is no table of lengths: {reason(error).rstrip('.')}. Run the stage that "
            "writes it again (6 for a language model, 10 for a recogniser), without its stamps."
        ) from error


def _unreadable(what: str, error: Exception) -> UnreadableData:
    why = reason(error).rstrip(".")  # of libsndfile, a sentence
    return UnreadableData(
        f"{what} cannot be read: {why}. Write it again (stage 3), or leave the utterance out of "
        "the data."
    )
