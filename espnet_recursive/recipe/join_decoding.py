"""Stage 12: what the decoding jobs of one data set wrote, as one, and how fast they were."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import fmean

from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.recipe.data_dir import check_same_keys, read_table, write_table
from espnet_recursive.recipe.decoding_facts import join_decoding_facts

#: What our asr_inference says of the encoder and ESPnet's does not; of those that were long enough
#: to be encoded.
_OF_THE_ENCODER = ("encoder_seconds", "loops", "executed_layers")
#: Utterances that could not be decoded, each with the reason.
UNDECODED = "undecoded"
_SPEECH_LENGTH = re.compile(r"speech length: (\d+)")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3})")


def join_decoding(job_dirs: Sequence[Path | str], output_dir: Path | str, keys: Path) -> None:
    """Join the best hypotheses of the jobs into text, token, token_int and score.

    What the jobs say of the encoder is joined into encoder_seconds, loops and executed_layers, and
    what they could not decode, with an empty hypothesis, into undecoded. The options with which
    they decoded are in decoding.json.

    Args:
        job_dirs: The output directories of the jobs, each with 1best_recog.
        output_dir: Where the joined files go.
        keys: A table of the utterances that there must be.

    Raises:
        UserError: If an utterance is missing, or the jobs decoded with different options.
    """
    output_dir = Path(output_dir)
    for name in ("token", "token_int", "score", "text"):
        joined: dict[str, str] = {}
        for job_dir in job_dirs:
            part = Path(job_dir) / "1best_recog" / name
            joined |= read_table(part, empty_values=True)
        if name == "text":
            check_same_keys(keys, read_table(keys), output_dir / name, joined)
        write_table(output_dir / name, joined)
    for name in (*_OF_THE_ENCODER, UNDECODED):
        parts = [Path(job_dir) / "1best_recog" / name for job_dir in job_dirs]
        joined = {k: v for part in parts if part.exists() for k, v in read_table(part).items()}
        if joined:
            write_table(output_dir / name, joined)
        else:  # of an earlier decoding
            (output_dir / name).unlink(missing_ok=True)
    join_decoding_facts(job_dirs, output_dir)


def _undecoded(decode_dir: Path) -> dict[str, str]:
    path = decode_dir / UNDECODED
    return read_table(path) if path.exists() else {}


def real_time_factor(logs: Sequence[Path | str], samples_per_second: int) -> dict[str, float]:
    """Compute the real time factor of decoding from the times in ESPnet's logs.

    The time of an utterance is that between the log's line on its length and the last line before
    the next one's, so starting Python and loading the model do not count.

    Args:
        logs: Logs of ``asr_inference``.
        samples_per_second: Sampling rate in Hz, or frames a second for features.

    Returns:
        seconds of audio, seconds of decoding, their ratio "rtf", and the number of utterances.
    """
    audio, decoding, utterances = 0.0, 0.0, 0
    for log in logs:
        start = last = None
        with Path(log).open(encoding="utf-8", errors="replace") as file:
            for line in file:
                stamp = _STAMP.search(line)
                if stamp is None:
                    continue
                now = datetime.fromisoformat(f"{stamp[1]}.{stamp[2]}")
                if match := _SPEECH_LENGTH.search(line):
                    decoding += _seconds(start, last)
                    start = now
                    audio += int(match[1]) / samples_per_second
                    utterances += 1
                last = now
        decoding += _seconds(start, last)
    rtf = decoding / audio if audio else float("nan")
    return {"audio_s": audio, "decoding_s": decoding, "rtf": rtf, "utterances": utterances}


def encoder_figures(decode_dir: Path | str, rtf: Mapping[str, float]) -> dict[str, float]:
    """Divide a decoding's time into encoder and search, and say how deep the encoder went.

    Args:
        decode_dir: Directory of the joined files.
        rtf: What :func:`real_time_factor` says of the decoding.

    Returns:
        The real time factors "rtf_encoder" and "rtf_search", the sum of which is "rtf", and with a
        recursive encoder "mean_loops" and "mean_executed_layers" of the utterances; nothing where
        the decoding does not say.
    """
    values = {
        name: list(map(float, read_table(path).values()))
        for name in _OF_THE_ENCODER
        if (path := Path(decode_dir) / name).exists()
    }
    figures = {}
    if (seconds := values.pop("encoder_seconds", None)) and rtf["audio_s"]:
        figures["rtf_encoder"] = sum(seconds) / rtf["audio_s"]
        figures["rtf_search"] = rtf["rtf"] - figures["rtf_encoder"]
    return figures | {f"mean_{name}": fmean(numbers) for name, numbers in values.items()}


def write_real_time_factor(
    logs: Sequence[Path | str], samples_per_second: int, output: Path | str
) -> dict[str, float]:
    """Write how fast a decoding was as one line to read, and beside it as JSON.

    Args:
        logs: Logs of ``asr_inference``.
        samples_per_second: Sampling rate in Hz, or frames a second for features.
        output: The file of the line, rtf.txt, in the directory of the joined files; the JSON is
            rtf.json.

    Returns:
        :func:`real_time_factor` and :func:`encoder_figures`.
    """
    result = real_time_factor(logs, samples_per_second)
    result |= encoder_figures(Path(output).parent, result)
    with whole_file(Path(output).with_suffix(".json")) as file:
        # JSON has no NaN, which is the ratio where nothing was decoded.
        values = {key: None if math.isnan(value) else value for key, value in result.items()}
        json.dump(values, file, indent=2)
    undecoded = _undecoded(Path(output).parent)
    with whole_file(output) as file:
        file.write(
            f"RTF {result['rtf']:.3f}: {result['decoding_s']:.1f} s of decoding for "
            f"{result['audio_s']:.1f} s of speech in {result['utterances']:.0f} utterances\n"
        )
        if "rtf_encoder" in result:
            file.write(
                f"RTF of the encoder {result['rtf_encoder']:.4f}, "
                f"of the search {result['rtf_search']:.4f}\n"
            )
        if undecoded:
            some = ", ".join(f"{key} ({why})" for key, why in list(undecoded.items())[:3])
            file.write(
                f"{len(undecoded)} utterances could not be decoded and count as empty: {some}"
                f"{', ...' if len(undecoded) > 3 else ''}; all are in {UNDECODED}\n"
            )
        if "mean_loops" in result:
            file.write(
                f"{result['mean_loops']:.2f} loops on average, "
                f"{result['mean_executed_layers']:.2f} layers executed\n"
            )
    return result


def _seconds(start: datetime | None, end: datetime | None) -> float:
    """Between two times; none before the first utterance."""
    return (end - start).total_seconds() if start and end else 0.0
