"""Stage 4: training and validation data without utterances that training cannot use."""

import logging
from pathlib import Path

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import check_same_keys, read_table, write_data_dir
from espnet_recursive.recipe.whole_files import whole_file


def filter_data_dir(
    source: Path | str, target: Path | str, min_seconds: float, max_seconds: float, fs: int
) -> dict[str, int]:
    """Write `target` with those utterances of `source` that are long and short enough, with text.

    Args:
        source: A data directory with utt2num_samples, as stage 3 writes it.
        target: The directory to write.
        min_seconds: Utterances must be longer.
        max_seconds: Utterances must be shorter.
        fs: Sampling rate in Hz.

    Returns:
        How many utterances were kept, and dropped for each reason.

    Raises:
        UserError: If nothing is left.
    """
    source, target = Path(source), Path(target)
    names = ("wav.scp", "utt2spk", "utt2num_samples")
    wav_scp, utt2spk, lengths = (read_table(source / name) for name in names)
    text = read_table(source / "text", empty_values=True)
    for name, table in (("utt2num_samples", lengths), ("utt2spk", utt2spk), ("text", text)):
        check_same_keys(source / "wav.scp", wav_scp, source / name, table)

    counts = {"kept": 0, "too short": 0, "too long": 0, "empty text": 0}
    kept = []
    for utterance in wav_scp:
        if not lengths[utterance].isdigit():
            raise UserError(
                f"{source}/utt2num_samples, {utterance}: {lengths[utterance]!r} is no number of "
                "samples. Run stage 3 again."
            )
        seconds = int(lengths[utterance]) / fs
        if seconds <= min_seconds:
            reason = "too short"
        elif seconds >= max_seconds:
            reason = "too long"
        elif not text[utterance]:
            reason = "empty text"
        else:
            reason = "kept"
            kept.append(utterance)
        counts[reason] += 1
    logging.info("%s: %s", target, ", ".join(f"{n} {reason}" for reason, n in counts.items()))
    if not kept:
        raise UserError(
            f"No utterance of {source} is between {min_seconds} s and {max_seconds} s long and has "
            f"a text ({counts}). Look at --min_wav_duration, --max_wav_duration and --fs."
        )
    for name in ("audio_format", "feats_type"):
        with whole_file(target / name) as file:
            file.write((source / name).read_text())
    tables = ({utt: table[utt] for utt in kept} for table in (wav_scp, text, utt2spk, lengths))
    wav_scp, text, utt2spk, lengths = tables
    write_data_dir(target, wav_scp, text, utt2spk, utt2num_samples=lengths)
    return counts
