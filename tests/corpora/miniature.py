"""Corpora of a few seconds in the exact layout of the real archives, with real speech.

The speech is that of AN4; names, folders and forms of lines are those of LibriSpeech, AISHELL-1,
speechocean762 and AN4 itself.
"""

import gzip
import io
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import scipy.fft
import soundfile

from espnet_recursive.corpora.mini_an4 import prepare_mini_an4
from espnet_recursive.recipe.data_dir import read_table

#: Part of LibriSpeech -> chapter -> which of the AN4 utterances it holds
LIBRISPEECH = {
    "12/train-clean-100": {"103-1240": (0, 4), "1034-121119": (5, 1)},
    "12/train-clean-360": {"100-121669": (2, 6), "1001-134707": (4,)},
    "12/train-other-500": {"1006-135212": (5,), "102-129232": (3, 0)},
    "12/dev-clean": {"1272-128104": (2,), "1462-170138": (6,)},
    "12/dev-other": {"116-288045": (0,), "1255-90407": (5,)},
    "12/test-clean": {"1089-134686": (6,), "121-121726": (4,)},
    "12/test-other": {"1688-142285": (2,), "1998-15444": (5,)},
    "31/train-clean-5": {"1088-134315": (0, 2), "1737-142396": (4, 6)},
    "31/dev-clean-2": {"1272-135031": (5,), "2412-153948": (6,)},
}

#: Set of AISHELL-1 -> speaker -> which of the AN4 utterances it holds
AISHELL = {
    "train": {"S0002": (0, 2, 4, 1), "S0003": (5, 3, 6), "S0004": (2, 4, 0)},
    "dev": {"S0724": (5, 6)},
    "test": {"S0764": (2, 4)},
}
#: The real corpus, too, has recordings that its transcript file does not list.
WITHOUT_TRANSCRIPT = "BAC009S0002W0125"

#: Part of speechocean762 -> speaker -> which of the AN4 utterances it holds
SPEECHOCEAN762 = {
    "train": {"0001": (0, 2), "0005": (4, 6), "1027": (5, 3), "9600": (1,)},
    "test": {"0003": (2, 5), "1030": (6,)},
}
#: The real corpus, too, has recordings that neither part lists.
UNLISTED = "096000023"

CHINESE = {
    "YES": "是 的",
    "GO": "走",
    "START": "开始",
    "MARCH THIRD NINETEEN TWENTY EIGHT": "三月 三日 一九 二八",
    "ELEVEN SEVENTEEN FIFTY ONE": "十一 十七 五十一",
    "ELEVEN TWENTY SEVEN FIFTY SEVEN": "十一 二十七 五十七",
    "OCTOBER TWENTY FOUR NINETEEN SEVENTY": "十月 二十四 一九 七零",
}

LM_LINES = [
    f"{month} {day} {year}"
    for month in ("MARCH", "MAY", "OCTOBER", "NOVEMBER")
    for day in ("FIRST", "THIRD", "ELEVENTH", "TWENTY FOUR")
    for year in ("NINETEEN TWENTY EIGHT", "NINETEEN SEVENTY", "EIGHTEEN FIFTY ONE")
]

Utterance = tuple[bytes, str]


def build_librispeech(root: Path) -> Path:
    """Write 12/, 31/ and 11/ of a mirror of openslr.org/resources; return its folder."""
    speech = _speech("FLAC")
    documents = {
        f"LibriSpeech/{name}.TXT": f"; {name} of a miniature of LibriSpeech\n".encode()
        for name in ("README", "LICENSE", "CHAPTERS", "BOOKS")
    }
    rows = [
        f"{chapter.split('-')[0]:<5}| F | {Path(place).name:<16} | 25.03 | A Name\n"
        for place, chapters in LIBRISPEECH.items()
        for chapter in chapters
    ]
    speakers = ";ID  |SEX| SUBSET           |MINUTES| NAME\n" + "".join(rows)
    documents["LibriSpeech/SPEAKERS.TXT"] = speakers.encode()
    for place, chapters in LIBRISPEECH.items():
        files = dict(documents)
        for chapter, utterances in chapters.items():
            folder = f"LibriSpeech/{Path(place).name}/{chapter.replace('-', '/')}"
            lines = []
            for number, which in enumerate(utterances):
                audio, words = speech[which]
                files[f"{folder}/{chapter}-{number:04d}.flac"] = audio
                lines.append(f"{chapter}-{number:04d} {words}\n")
            files[f"{folder}/{chapter}.trans.txt"] = "".join(lines).encode()
        _write(root / f"{place}.tar.gz", tar_gz(files))
    text = "".join(f"{line}\n" for line in LM_LINES).encode()
    _write(root / "11" / "librispeech-lm-norm.txt.gz", gzip.compress(text, mtime=0))
    return root


def build_aishell(root: Path) -> Path:
    """Write 33/ of a mirror of openslr.org/resources; return the mirror's folder."""
    speech = _speech("WAV")
    lines, corpus = [], {}
    for part, speakers in AISHELL.items():
        for speaker, utterances in speakers.items():
            files = {}
            for number, which in enumerate(utterances, 122):
                audio, words = speech[which]
                utterance = f"BAC009{speaker}W{number:04d}"
                files[f"{part}/{speaker}/{utterance}.wav"] = audio
                if utterance != WITHOUT_TRANSCRIPT:
                    lines.append(f"{utterance} {CHINESE[words]}\n")
            corpus[f"data_aishell/wav/{speaker}.tar.gz"] = tar_gz(files)
    corpus["data_aishell/transcript/aishell_transcript_v0.8.txt"] = "".join(lines).encode()
    _write(root / "33" / "data_aishell.tgz", tar_gz(corpus))
    speakers = [speaker for part in AISHELL.values() for speaker in part]
    resource = {
        "resource_aishell/lexicon.txt": "SIL sil\n是 sh ix4\n走 z ou3\n".encode(),
        "resource_aishell/speaker.info": "".join(f"{s[1:]}\tF\n" for s in speakers).encode(),
    }
    _write(root / "33" / "resource_aishell.tgz", tar_gz(resource))
    return root


def build_speechocean762(root: Path) -> Path:
    """Write 101/ of a mirror of openslr.org/resources; return the mirror's folder."""
    speech = _speech("WAV")
    files = {"speechocean762/README.md": b"# speechocean762: a miniature\n"}
    for part, speakers in SPEECHOCEAN762.items():
        tables: dict[str, list[str]] = {"wav.scp": [], "text": [], "utt2spk": [], "spk2utt": []}
        for speaker, utterances in speakers.items():
            keys = []
            for number, which in enumerate(utterances, 11):
                audio, words = speech[which]
                key = f"0{speaker}{number:04d}"
                place = f"WAVE/SPEAKER{speaker}/{key}.WAV"
                files[f"speechocean762/{place}"] = audio
                keys.append(key)
                tables["wav.scp"].append(f"{key}\t{place}")
                tables["text"].append(f"{key}\t{words}")
                tables["utt2spk"].append(f"{key}\t{speaker}")
            tables["spk2utt"].append(f"{speaker} {' '.join(keys)}")
        for name, lines in tables.items():
            files[f"speechocean762/{part}/{name}"] = "\n".join([*lines, ""]).encode()
    files[f"speechocean762/WAVE/SPEAKER9600/{UNLISTED}.WAV"] = speech[0][0]
    _write(root / "101" / "speechocean762.tar.gz", tar_gz(files))
    return root


def build_an4(corpus: Path, *suffixes: str, byte_order: str = ">") -> Path:
    """Write etc/ and wav/ or feat/ of AN4 with the wheel's utterances; return the folder.

    Args:
        corpus: The folder to write.
        suffixes: Kinds of files: .sph or .wav, .raw without header, .mfc.
        byte_order: That of .raw and .mfc, ">" or "<".
    """
    with tempfile.TemporaryDirectory() as folder:
        prepare_mini_an4(Path(folder) / "data", folder)
        shutil.copytree(Path(folder) / "an4", corpus)
    # Beside the lists for training and testing, the real corpus has others, which are not read.
    for sphere in sorted(corpus.glob("wav/*/*/*.sph")):
        samples, rate = soundfile.read(sphere, dtype="int16")
        feat = (corpus / "feat" / sphere.relative_to(corpus / "wav")).with_suffix(".mfc")
        if ".wav" in suffixes:
            soundfile.write(sphere.with_suffix(".wav"), samples, rate)
        if ".raw" in suffixes:
            sphere.with_suffix(".raw").write_bytes(samples.astype(f"{byte_order}i2").tobytes())
        if ".mfc" in suffixes:
            _write(feat, mfc(cepstra(samples), byte_order))
        if ".sph" not in suffixes:
            sphere.unlink()
    if not {".sph", ".wav", ".raw"} & set(suffixes):
        shutil.rmtree(corpus / "wav")
    return corpus


def cepstra(samples: np.ndarray) -> np.ndarray:
    """13 cepstra of log spectra in 100 frames a second of int16 samples at 16 kHz."""
    windows = np.lib.stride_tricks.sliding_window_view(samples / 32768.0, 400)[::160]
    power = np.abs(np.fft.rfft(windows * np.hanning(400), 512)) ** 2
    return scipy.fft.dct(np.log(power + 1e-8), norm="ortho")[:, :13].astype(np.float32)


def mfc(features: np.ndarray, byte_order: str = ">") -> bytes:
    """A feature file of Sphinx: the number of values, then the values."""
    count = np.array(features.size, f"{byte_order}i4").tobytes()
    return count + features.astype(f"{byte_order}f4").tobytes()


def tar_gz(files: Mapping[str, bytes]) -> bytes:
    """A .tar.gz with these files and their folders, the same bytes at any time."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|") as tar,
    ):
        folders = set()
        for name, content in files.items():
            for parent in list(Path(name).parents)[-2::-1]:
                if parent not in folders:
                    folders.add(parent)
                    folder = tarfile.TarInfo(str(parent))
                    folder.type, folder.mode = tarfile.DIRTYPE, 0o755
                    tar.addfile(folder)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _speech(audio_format: str) -> list[Utterance]:
    """The AN4 utterances as files of a format, 16 kHz and 16 bits, with their words."""
    speech = []
    with tempfile.TemporaryDirectory() as folder:
        for directory in prepare_mini_an4(Path(folder) / "data", Path(folder) / "downloads"):
            text = read_table(directory / "text")
            for utterance, path in read_table(directory / "wav.scp").items():
                samples, rate = soundfile.read(path, dtype="int16")
                buffer = io.BytesIO()
                soundfile.write(buffer, samples, rate, format=audio_format, subtype="PCM_16")
                speech.append((buffer.getvalue(), text[utterance]))
    return speech


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
