"""Seven utterances of CMU AN4 that the ESPnet wheel carries: real speech without a download.

Five utterances are for training; of the two others, by two other speakers, one is for development
and one for test.
"""

import tarfile
from importlib.resources import as_file, files
from pathlib import Path, PurePosixPath

from espnet_recursive.corpora.members import MemberCheck
from espnet_recursive.corpora.sphinx import read_file_ids, read_transcription
from espnet_recursive.errors import UserError
from espnet_recursive.files.whole_files import whole_dir
from espnet_recursive.recipe.data_dir import write_data_dir

#: Data set -> (list of AN4, positions in that list)
SPLITS = {"train": ("an4_train", slice(None)), "dev": ("an4_test", slice(0, 1)),
          "test": ("an4_test", slice(1, None))}  # fmt: skip


def prepare_mini_an4(output_dir: Path | str, download_dir: Path | str = "downloads") -> list[Path]:
    """Unpack the speech that comes with ESPnet and write its data directories.

    Args:
        output_dir: Where the directories train, dev and test go.
        download_dir: Where the archive is unpacked, once.

    Returns:
        The data directories.

    Raises:
        UserError: If this ESPnet does not carry the archive, or its lists do not fit each other.
    """
    corpus = _unpack(Path(download_dir))
    written = []
    for name, (an4_list, positions) in SPLITS.items():
        file_ids = read_file_ids(corpus / "etc" / f"{an4_list}.fileids")
        transcripts = read_transcription(corpus / "etc" / f"{an4_list}.transcription")
        wav_scp, text, utt2spk = {}, {}, {}
        for file_id in file_ids[positions]:
            _, speaker, recording = file_id.split("/")
            if recording not in transcripts:
                raise UserError(f"{corpus}/etc/{an4_list}.transcription: nothing for {recording}")
            utterance = f"{speaker}-{recording}"
            wav_scp[utterance] = (corpus / "wav" / f"{file_id}.sph").resolve()
            text[utterance] = transcripts[recording]
            utt2spk[utterance] = speaker
        write_data_dir(Path(output_dir) / name, wav_scp, text, utt2spk)
        written.append(Path(output_dir) / name)
    return written


def _unpack(download_dir: Path) -> Path:
    corpus = download_dir / "an4"
    if not corpus.is_dir():
        try:
            archive = files("egs3.mini_an4.esp2_asr") / "downloads.tar.gz"
        except ModuleNotFoundError as error:
            raise UserError(
                "This ESPnet has no egs3/mini_an4/esp2_asr/downloads.tar.gz. "
                "Install version 202609 or later: pip install -U espnet"
            ) from error
        with as_file(archive) as path, tarfile.open(path) as tar, whole_dir(corpus) as part:
            check = MemberCheck(path)
            members = [m for m in tar.getmembers() if check(m).is_relative_to("downloads/an4")]
            for member in members:
                member.name = str(PurePosixPath(member.name).relative_to("downloads/an4"))
            tar.extractall(part, members=members, filter="data")
    return corpus
