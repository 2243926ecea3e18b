"""Miniature corpora."""

import hashlib
import shutil
from pathlib import Path

import pytest

from espnet_recursive.corpora import archive as archives
from espnet_recursive.corpora import librispeech, speechocean762
from espnet_recursive.corpora.archive import find_archive
from espnet_recursive.corpora.published import Published
from espnet_recursive.corpora.unpack import unpack_corpus
from tests.corpora.miniature import (
    LIBRISPEECH,
    SPEECHOCEAN762,
    build_aishell,
    build_librispeech,
    build_speechocean762,
)

#: Those of the corpus itself.
PUBLISHED = dict(librispeech.UTTERANCES)
PUBLISHED_OCEAN = dict(speechocean762.PUBLISHED_PARTS)


@pytest.fixture(scope="session", autouse=True)
def published_numbers():
    """The miniature is what was published, so that its own numbers are compared with."""
    numbers = {
        Path(place).name: sum(map(len, chapters.values()))
        for place, chapters in LIBRISPEECH.items()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(librispeech, "UTTERANCES", numbers)
        parts = {
            part: (sum(map(len, speakers.values())), len(speakers))
            for part, speakers in SPEECHOCEAN762.items()
        }
        patch.setattr(speechocean762, "PUBLISHED_PARTS", parts)
        yield


@pytest.fixture(scope="session")
def mirror(tmp_path_factory) -> Path:
    """The archives of all corpora, below the folders of openslr.org/resources."""
    root = tmp_path_factory.mktemp("mirror")
    for build in (build_librispeech, build_aishell, build_speechocean762):
        build(root)
    return root


@pytest.fixture
def own_mirror(mirror, tmp_path) -> Path:
    """A copy of the mirror, whose archives a test may damage."""
    return shutil.copytree(mirror, tmp_path / "own_mirror")


@pytest.fixture
def mini(mirror, tmp_path) -> Path:
    """Mini LibriSpeech, unpacked, which a test may change."""
    for name in ("train-clean-5", "dev-clean-2"):
        archive = find_archive(f"31/{name}.tar.gz", str(mirror), tmp_path)
        unpack_corpus(archive, f"LibriSpeech/{name}", tmp_path / "LibriSpeech" / name)
    return tmp_path / "LibriSpeech"


@pytest.fixture
def aishell(mirror, tmp_path) -> Path:
    """AISHELL-1, unpacked, which a test may change."""
    archive = find_archive("33/data_aishell.tgz", str(mirror), tmp_path)
    unpack_corpus(archive, "data_aishell", tmp_path / "data_aishell")
    return tmp_path / "data_aishell"


@pytest.fixture
def ocean(mirror, tmp_path) -> Path:
    """speechocean762, unpacked, which a test may change."""
    archive = find_archive("101/speechocean762.tar.gz", str(mirror), tmp_path)
    unpack_corpus(archive, "speechocean762", tmp_path / "speechocean762")
    return tmp_path / "speechocean762"


@pytest.fixture(scope="module", autouse=True)
def published_archives(mirror):
    """The miniatures are what was published: every download is compared with them."""
    published = {}
    for path in mirror.rglob("*.*z"):
        content = path.read_bytes()
        checksum = hashlib.sha256(content).hexdigest()
        published[str(path.relative_to(mirror))] = Published(checksum, len(content))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archives, "PUBLISHED", published)
        yield published
