"""Stage 2 where features are cepstra: those of the same speech at other speeds.

At the speed ``s`` a waveform lasts ``1/s`` as long, and all of its frequencies are ``s`` times as
high. The first is done to cepstra by interpolation in time. The second is a warp of the frequency
axis, which for cepstra of a mel filterbank is a product with a matrix (M. Pitz, H. Ney: "Vocal
Tract Normalization Equals Linear Transformation in Cepstral Space", IEEE TSAP 13(5), 2005). So
corpora of which only cepstra are there can have the copies of T. Ko et al.: "Audio Augmentation for
Speech Recognition", Interspeech 2015.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.interpolate import make_interp_spline
from tqdm import tqdm

from espnet_recursive.errors import UserError
from espnet_recursive.recipe.data_dir import check_other_dir, read_source, write_data_dir
from espnet_recursive.recipe.feats import read_features, write_ark
from espnet_recursive.recipe.perturb_speed import id_prefixes, perturbed_tables


class Cepstra(NamedTuple):
    """The computation of cepstra: a DCT of type II of the logarithms of mel filters' outputs.

    Attributes:
        coefficients: Their number, that of order 0 included.
        filters: The number of filters, whose centres are evenly spaced in mel.
        lowest: Where the first filter begins, in Hz.
        highest: Where the last filter ends, in Hz.
    """

    coefficients: int
    filters: int
    lowest: float
    highest: float


def read_cepstra_kind(words: Sequence[str]) -> Cepstra:
    """Read "coefficients filters lowest highest", such as 13 40 130 6800.

    Raises:
        UserError: If they are not four numbers, or no filterbank has them.
    """
    try:
        coefficients, filters, lowest, highest = words
        kind = Cepstra(int(coefficients), int(filters), float(lowest), float(highest))
    except ValueError:
        kind = Cepstra(0, 0, 0, 0)
    if not (1 <= kind.coefficients <= kind.filters and 0 <= kind.lowest < kind.highest < np.inf):
        raise UserError(
            f"cepstra {' '.join(words)!r}: expected their number, that of the mel filters, and the "
            "lowest and the highest frequency in Hz, as in 13 40 130 6800"
        )
    return kind


def speed_matrix(speed: float, kind: Cepstra) -> np.ndarray:
    """The matrix that makes cepstra of speech those of the speech at another speed.

    Its spectrum at the centre f of a filter is that of the original at f / speed, which is read off
    the cosine series that the cepstra are. Beyond its ends the spectrum is held constant.

    Args:
        speed: The speed.
        kind: How the cepstra were computed.

    Returns:
        (coefficients, coefficients), to be multiplied by columns of cepstra. At speed 1 it is the
        identity.
    """
    ends = _mel(np.array([kind.lowest, kind.highest]))
    step = (ends[1] - ends[0]) / (kind.filters + 1)
    centres = np.arange(kind.filters)
    sources = (_mel(_hertz(ends[0] + step * (centres + 1)) / speed) - ends[0]) / step - 1
    analysis = _cosines(centres, kind) / kind.filters
    synthesis = _cosines(np.clip(sources, 0, kind.filters - 1), kind)
    synthesis[:, 1:] *= 2
    return analysis.T @ synthesis


def change_speed(cepstra: np.ndarray, speed: float, kind: Cepstra) -> np.ndarray:
    """Make cepstra of speech those of the speech at another speed.

    Args:
        cepstra: (frames, coefficients).
        speed: The speed; 1.1 is faster and higher.
        kind: How they were computed.

    Returns:
        float32 (frames / speed, rounded, coefficients).
    """
    frames = len(cepstra)
    times = np.linspace(0, frames - 1, max(1, round(frames / speed)))
    spline = make_interp_spline(np.arange(frames), cepstra, k=min(3, frames - 1))
    return (spline(times) @ speed_matrix(speed, kind).T).astype(np.float32)


def perturb_cepstra(
    source: Path | str, target: Path | str, factors: Sequence[str], kind: Cepstra
) -> None:
    """Write a data directory with cepstra at these speeds, with ids as those of perturbed audio.

    Args:
        source: A data directory with feats.scp, text and utt2spk.
        target: The directory to write; its cepstra are one archive, in data/.
        factors: Factors of the speed, as in `espnet_recursive.recipe.perturb_speed.id_prefixes`.
        kind: How the cepstra were computed.

    Raises:
        UserError: If cepstra are missing or not of that kind, a factor is none, or an id of
            `source` looks like that of a perturbed one.
    """
    check_other_dir(source, target)
    prefixes = id_prefixes(factors)
    feats_scp, text, utt2spk = read_source(source, "feats.scp")
    text, utt2spk = perturbed_tables(source, prefixes, text, utt2spk)

    def read() -> Iterator[tuple[str, np.ndarray]]:
        for utterance, place in tqdm(feats_scp.items(), desc="perturb speed", unit="utt"):
            cepstra = read_features(place, utterance)
            if cepstra.shape[1] != kind.coefficients:
                raise UserError(
                    f"{source}/feats.scp, {utterance}: {cepstra.shape[1]} features in a frame, "
                    f"which are not {kind.coefficients} cepstra. Prepare the cepstra alone, "
                    "without differences (--deltas) and other features."
                )
            for prefix, speed in prefixes.items():
                yield (
                    prefix + utterance,
                    cepstra if speed == 1 else change_speed(cepstra, speed, kind),
                )

    places, frames = write_ark(Path(target) / "data" / "feats.ark", read())
    write_data_dir(target, places, text, utt2spk, scp="feats.scp", utt2num_frames=frames)


def _cosines(places: np.ndarray, kind: Cepstra) -> np.ndarray:
    """The cosines of all orders, (places, coefficients), at places counted in filters."""
    orders = np.arange(kind.coefficients)
    return np.cos(np.pi / kind.filters * np.outer(places + 0.5, orders))


def _mel(hertz: np.ndarray) -> np.ndarray:
    return 2595 * np.log10(1 + hertz / 700)


def _hertz(mel: np.ndarray) -> np.ndarray:
    return 700 * (10 ** (mel / 2595) - 1)
