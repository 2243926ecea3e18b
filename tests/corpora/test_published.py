"""The table of published archives, beside that of another library."""

import hashlib

import pytest
from torchaudio.datasets import librispeech as torchaudio_librispeech

from espnet_recursive.corpora import aishell, librispeech
from espnet_recursive.corpora.published import PUBLISHED, Published, check_checksum, check_size
from espnet_recursive.errors import UserError


def test_every_archive_that_is_downloaded_is_in_it():
    parts = {f"{part}.tar.gz" for parts in librispeech.SUBSETS.values() for part in parts}
    assert set(PUBLISHED) == parts | {librispeech.LM_TEXT, aishell.ARCHIVE}
    assert {len(published.checksum) for published in PUBLISHED.values()} == {32, 64}


def test_the_checksums_of_torchaudio():
    for url, checksum in torchaudio_librispeech._CHECKSUMS.items():
        assert PUBLISHED["/".join(url.split("/")[-2:])].checksum == checksum


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_checksums(algorithm, tmp_path):
    path = tmp_path / "a.tgz"
    path.write_bytes(bytes(3_000_000) + b"end")
    checksum = hashlib.new(algorithm, path.read_bytes()).hexdigest()
    check_checksum(Published(checksum), path, "http://mirror/a.tgz")
    path.write_bytes(bytes(3_000_000) + b"enD")
    with pytest.raises(UserError) as refused:
        check_checksum(Published(checksum), path, "http://mirror/a.tgz")
    other = hashlib.new(algorithm, path.read_bytes()).hexdigest()
    assert f"its {algorithm.upper()} is {other}, not {checksum}. Remove it" in str(refused.value)


def test_sizes():
    check_size(Published("0" * 32), 5, "http://mirror/a.tgz")
    check_size(Published("0" * 32, 5), 5, "http://mirror/a.tgz")
    with pytest.raises(UserError, match="http://mirror/a.tgz has 6 bytes, and was published with "):
        check_size(Published("0" * 32, 5), 6, "http://mirror/a.tgz")
