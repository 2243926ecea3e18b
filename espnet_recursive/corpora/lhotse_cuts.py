"""Utterances of lhotse's manifests: cuts, or recordings with their supervisions."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from espnet_recursive.corpora.imported import Imported, plain_id
from espnet_recursive.errors import UserError
from espnet_recursive.files.file_names import file_name
from espnet_recursive.recipe.write_audio import write_audio

#: As lhotse names manifests: <corpus>_<kind>_<set>.jsonl.gz
_MANIFEST = re.compile(
    r"(?:.*_)?(cuts|supervisions|recordings)(?:[_-](.+?))?(\.jsonl|\.json)(\.gz)?"
)
#: Seconds by which a cut may miss the ends of its recording and still be all of it.
_TOLERANCE = 1e-3


def find_manifests(source: Path) -> dict[str, Path]:
    """The manifests that stand for data sets, by the sets' names.

    Of a folder they are its cuts; where there are none, its supervisions.

    Args:
        source: A manifest, or a folder of them.
    """
    if source.is_file():
        match = _MANIFEST.fullmatch(source.name)
        return {(match and match[2]) or source.name.split(".")[0]: source} if match else {}
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(source.iterdir()):
        if match := _MANIFEST.fullmatch(path.name):
            found.setdefault(match[1], {})[match[2] or "all"] = path
    return found.get("cuts") or found.get("supervisions") or {}


def read_manifest(path: Path, audio_dir: Path) -> Iterator[Imported]:
    """The utterances of a manifest: one for each supervision.

    A cut that is a whole file of one channel keeps its file. All others, such as segments, channels
    and cuts that lhotse perturbs or mixes, are computed by lhotse and written as FLAC of 16 bits.

    Args:
        path: A manifest of cuts; or of supervisions or recordings, with the other one beside it.
        audio_dir: Where such audio goes.

    Raises:
        UserError: If lhotse cannot read the manifest or audio, or an utterance has several
            channels.
    """
    without = 0
    for cut in _cuts(path):
        if not cut.supervisions:
            without += 1
            continue
        for own in cut.trim_to_supervisions(keep_overlapping=False):
            (supervision,) = own.supervisions
            key = supervision.id
            audio = _whole_file(own) or _written(path, own, key, audio_dir)
            yield Imported(key, audio, supervision.text or "", supervision.speaker or "")
    if without:
        logging.warning("%s: %d cuts have no supervision and are left out", path, without)


def _cuts(path: Path) -> Any:
    from lhotse import CutSet, RecordingSet, SupervisionSet, load_manifest

    try:
        manifest = load_manifest(path)
        if isinstance(manifest, CutSet):
            return manifest
        if isinstance(manifest, (RecordingSet, SupervisionSet)):
            here, there = "recordings", "supervisions"
            if isinstance(manifest, SupervisionSet):
                here, there = there, here
            other = path.with_name(path.name.replace(here, there))
            if other == path or not other.is_file():
                raise UserError(f"{path} holds {here}; {other.name} with the {there} is not there.")
            parts = {here: manifest, there: load_manifest(other)}
            return CutSet.from_manifests(**parts)
    except UserError:
        raise
    except Exception as error:  # lhotse raises what the part raises that reads
        raise UserError(f"{path}: lhotse cannot read it ({error}). Write it again.") from error
    raise UserError(f"{path} holds neither cuts nor recordings with supervisions: give those.")


def _whole_file(cut: Any) -> Path | None:
    """The file whose whole content the cut is, if there is one."""
    recording = getattr(cut, "recording", None)
    if recording is None or recording.transforms or recording.num_channels != 1:
        return None
    if cut.start > _TOLERANCE or abs(cut.duration - recording.duration) > _TOLERANCE:
        return None
    (source,) = recording.sources
    return Path(source.source).absolute() if source.type == "file" else None


def _written(manifest: Path, cut: Any, key: str, audio_dir: Path) -> Path:
    try:
        samples = cut.load_audio()
    except Exception as error:
        raise UserError(f"{manifest}, {key}: lhotse cannot read its audio ({error}).") from error
    if samples is None or len(samples) != 1:
        raise UserError(
            f"{manifest}, {key}: one channel is needed, and it has "
            f"{0 if samples is None else len(samples)}. Choose or mix the channels with lhotse."
        )
    path = audio_dir.absolute() / f"{file_name(plain_id(key))}.flac"
    write_audio(path, samples[0], cut.sampling_rate, "flac")
    return path
