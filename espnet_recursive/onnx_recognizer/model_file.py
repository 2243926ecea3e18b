"""Opening an exported recogniser, and its description of itself."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet_recursive.errors import UserError

#: The name of a recogniser in the folder that the export writes.
MODEL = "model.onnx"


@dataclass(frozen=True)
class About:
    """The metadata of a recogniser.

    Attributes:
        rate: Sampling rate in Hz.
        shortest: The fewest samples that hold a frame of the output.
        frame_seconds: Seconds from one output frame to the next.
        tokens: The token list.
        token_type: ESPnet's kind of token.
        num_loops: The default where the file takes a number of loops; None where it takes none.
    """

    rate: int
    shortest: int
    frame_seconds: float
    tokens: list[str]
    token_type: str | None
    num_loops: int | None


def open_model(path: Path | str, threads: int | None = None) -> tuple[Any, About]:
    """Open a recogniser.

    Args:
        path: The folder that the export wrote, or model.onnx in it.
        threads: Threads of a matrix product; as many as there are cores by default.

    Returns:
        A session of onnxruntime, and what the file says of itself.

    Raises:
        UserError: If it is missing, cut, made for a newer onnxruntime, or no such recogniser.
    """
    file = Path(path)
    file = file / MODEL if file.is_dir() else file
    if not file.is_file():
        raise UserError(f"{file} is not there: name the folder that export --to onnxruntime wrote")
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError("onnxruntime is not installed: pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    providers = ["CPUExecutionProvider"]
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=providers)
    except Exception as error:  # onnxruntime's errors have no base class of their own
        raise UserError(_said(file, str(error), onnxruntime.__version__)) from error
    return session, _about(file, session)


def _said(file: Path, error: str, version: str) -> str:
    # Which of them it is cannot be told from a class: onnxruntime's wheels differ in these.
    if "ir version" in error.lower() or "opset" in error.lower():
        return f"{file} needs a newer onnxruntime than {version}: pip install --upgrade onnxruntime"
    return f"{file} cannot be opened: it is cut or no ONNX file. Copy or export it again ({error})"


def _about(file: Path, session: Any) -> About:
    said = session.get_modelmeta().custom_metadata_map
    inputs = {port.name for port in session.get_inputs()}
    try:
        if not {"waveform", "lengths"} <= inputs:
            raise KeyError("waveform")
        return About(
            rate=int(said["sampling_rate"]),
            shortest=int(said["shortest_samples"]),
            frame_seconds=float(said["frame_seconds"]),
            tokens=json.loads(said["tokens"]),
            token_type=said["token_type"],
            num_loops=int(said["num_loops"]) if "num_loops" in inputs else None,
        )
    except KeyError as error:
        raise UserError(
            f"{file} has no {error.args[0]}, so it is no recogniser of audio: make one with "
            "espnet-recursive export --to onnxruntime"
        ) from error
