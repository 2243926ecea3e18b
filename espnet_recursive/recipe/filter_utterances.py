"""Stage 4: training and validation data without utterances that training cannot use."""

import logging
from pathlib import Path

from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_file
from espnet_recursive.recipe.data_dir import (
    LENGTHS,
    check_other_dir,
    check_same_keys,
    read_source,
    read_table,
    write_data_dir,
)


def filter_data_dir(
    source: Path | str, target: Path | str, min_seconds: float, max_seconds: float, fs: int
) -> dict[str, int]:
    """Write `target` with those utterances of `source` that are long and short enough, with text.

    Args:
        source: A data directory with wav.scp and utt2num_samples, or feats.scp and utt2num_frames,
            as stage 3 writes it.
        target: The directory to write.
        min_seconds: Utterances must be longer.
        max_seconds: Utterances must be shorter.
        fs: Sampling rate in Hz, or frames a second.

    Returns:
        How many utterances were kept, and dropped for each reason.

    Raises:
        UserError: If nothing is left.
    """
    source, target = Path(source), Path(target)
    check_other_dir(source, target)
    scp = "feats.scp" if (source / "feats.scp").exists() else "wav.scp"
    speech, text, utt2spk = read_source(source, scp)
    lengths = read_table(source / LENGTHS[scp])
    check_same_keys(source / scp, speech, source / LENGTHS[scp], lengths)

    counts = {"kept": 0, "too short": 0, "too long": 0, "empty text": 0}
    kept = []
    for utterance in speech:
        if not lengths[utterance].isdigit():
            unit = LENGTHS[scp].removeprefix("utt2num_")
            raise UserError(
                f"{source / LENGTHS[scp]}, {utterance}: {lengths[utterance]!r} is no number of "
                f"{unit}. Run stage 3 again."
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
    for name in ("audio_format", "feats_type", "feats_dim"):
        if (source / name).exists():
            with whole_file(target / name) as file:
                file.write((source / name).read_text())
    speech, text, utt2spk, lengths = (
        {utterance: table[utterance] for utterance in kept}
        for table in (speech, text, utt2spk, lengths)
    )
    write_data_dir(target, speech, text, utt2spk, scp=scp, **{LENGTHS[scp]: lengths})
    return counts
