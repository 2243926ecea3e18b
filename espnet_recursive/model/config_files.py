"""Whether the files that a configuration names for decoding can be read: ESPnet asks late or never.

It reads the sentencepiece model with the first utterance, and says of statistics that are cut off
what numpy says.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece

from espnet_recursive.errors import UserError, reason

#: Bytes of statistics, unpacked: three arrays of one value a feature.
MAX_STATS_BYTES = 50_000_000


def check_config_files(config: Mapping[str, Any], source: Path | str) -> None:
    """Refuse a recogniser whose sentencepiece model or statistics are missing or damaged.

    Args:
        config: The content of its config.yaml.
        source: Where that is from, for messages.

    Raises:
        UserError: Naming the key and the file.
    """
    if config.get("token_type") == "bpe" and config.get("bpemodel") is not None:
        check_sentencepiece(config["bpemodel"], f"{source}: bpemodel")
    stats = (config.get("normalize_conf") or {}).get("stats_file")
    if config.get("normalize") == "global_mvn" and stats is not None:
        _check_stats(stats, f"{source}: normalize_conf.stats_file")


def check_sentencepiece(path: Path | str, key: str) -> None:
    """Refuse a sentencepiece model that is missing or damaged.

    Raises:
        UserError: Naming the key and the file.
    """
    _check_there(path, key)
    processor = sentencepiece.SentencePieceProcessor()
    try:
        # Read here: of a file that it cannot open, sentencepiece says that it is damaged.
        whole = processor.LoadFromSerializedProto(Path(path).read_bytes())
    except (OSError, RuntimeError) as error:
        raise UserError(f"{key} is {path}, which cannot be read: {_line(error)}") from error
    if not whole or not processor.GetPieceSize():
        raise UserError(f"{key} is {path}, which is no model of sentencepiece, or was cut off")


def _check_stats(path: Path | str, key: str) -> None:
    _check_there(path, key)
    try:
        size = Path(path).stat().st_size
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                size = sum(member.file_size for member in archive.infolist())
        if size > MAX_STATS_BYTES:
            raise ValueError(f"{size:,} bytes are too many")
        stats = np.load(path)  # without pickle, so nothing in it can run
        if not isinstance(stats, np.ndarray):
            with stats:
                for name in ("count", "sum", "sum_square"):
                    np.asarray(stats[name], dtype=np.float64)
    except Exception as error:  # of numpy, zipfile and zlib, for every byte that can be wrong
        raise UserError(
            f"{key} is {path}, which holds no sums of features, or was cut off: {_line(error)}"
        ) from error


def _check_there(path: Path | str, key: str) -> None:
    if not Path(path).is_file():
        raise UserError(
            f"{key} is {path}, which is not there. If the model was trained here, the folder was "
            "moved or this is another one than it was trained in: run where the training ran; a "
            "pack must be made again with that file."
        )


def _line(error: Exception) -> str:
    return " ".join(reason(error).split())
