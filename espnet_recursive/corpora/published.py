"""Sizes and checksums of archives as their publishers give them: a mirror may hold something else.

The sizes are those in the recipes of Kaldi and ESPnet. The checksums are those of openslr.org
(md5sum.txt beside the archives) and, for LibriSpeech, the longer ones of torchaudio.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from tqdm import tqdm

from espnet_recursive.errors import UserError


@dataclass(frozen=True)
class Published:
    """An archive as it was published.

    Attributes:
        checksum: In hexadecimal digits; 64 are of SHA-256, 32 of MD5.
        size: In bytes, where it is known.
    """

    checksum: str
    size: int | None = None

    @property
    def algorithm(self) -> str:
        """The name that hashlib has for the checksum."""
        return "sha256" if len(self.checksum) == 64 else "md5"


#: Place below openslr.org/resources -> what is there.
PUBLISHED = {
    "11/librispeech-lm-norm.txt.gz": Published("c83c64c726a1aedfe65f80aa311de402"),
    "12/dev-clean.tar.gz": Published(
        "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3", 337926286
    ),
    "12/dev-other.tar.gz": Published(
        "12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365", 314305928
    ),
    "12/test-clean.tar.gz": Published(
        "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23", 346663984
    ),
    "12/test-other.tar.gz": Published(
        "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29", 328757843
    ),
    "12/train-clean-100.tar.gz": Published(
        "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2", 6387309499
    ),
    "12/train-clean-360.tar.gz": Published(
        "146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf", 23049477885
    ),
    "12/train-other-500.tar.gz": Published(
        "ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2", 30593501606
    ),
    "31/dev-clean-2.tar.gz": Published("6d7ab67ac6a1d2c993d050e16d61080d", 126046265),
    "31/train-clean-5.tar.gz": Published("5df7d4e78065366204ca6845bb08f490", 332954390),
    "33/data_aishell.tgz": Published("2f494334227864a8a8fec932999db9d8", 15582913665),
}

#: How to take another archive all the same.
ANYWAY = (
    "If you know this other archive and want it, say --checksums false "
    '(./run.sh --local_data_opts "--checksums false").'
)


def check_size(published: Published, size: int, source: str) -> None:
    """Refuse an archive of another size than it was published with, before it is downloaded.

    Args:
        published: What was published.
        size: Its size in bytes at the mirror.
        source: Its address, for the message.

    Raises:
        UserError: With both sizes.
    """
    if published.size not in (None, size):
        raise UserError(
            f"{source} has {size} bytes, and was published with {published.size}: it is not that "
            f"archive. Give another mirror with --base_url. {ANYWAY}"
        )


def check_checksum(published: Published, path: Path, source: str) -> None:
    """Refuse an archive that is not, bit for bit, the published one.

    Args:
        published: What was published.
        path: The archive, whole.
        source: Where it is from, for the message.

    Raises:
        UserError: With both checksums.
    """
    # Whoever changes an archive cannot give it the MD5 of one that is there already; and where MD5
    # is forbidden, it is so for signatures.
    digest = hashlib.new(published.algorithm, usedforsecurity=False)
    with (
        path.open("rb") as raw,
        tqdm.wrapattr(raw, "read", path.stat().st_size, desc=f"check {path.name}") as counted,
    ):
        while block := cast(IO[bytes], counted).read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != published.checksum:
        raise UserError(
            f"{path} from {source} is not the archive that was published: its "
            f"{published.algorithm.upper()} is {digest.hexdigest()}, not {published.checksum}. "
            f"Remove it, and run again or with another mirror (--base_url). {ANYWAY}"
        )
