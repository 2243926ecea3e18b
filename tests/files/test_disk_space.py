"""Messages about disks that are too small or full."""

import errno
import shutil

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.files.disk_space import check_room, naming_full_disk


def test_enough_room(tmp_path):
    check_room(tmp_path / "not" / "there", 1000, "A small file")
    assert not (tmp_path / "not").exists()


def test_too_little_room(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(UserError, match=f"^All of it takes .*{tmp_path}/corpus. Free .* TB, or"):
        check_room(tmp_path / "corpus", free + 2 * 10**12, "All of it")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_named(number, tmp_path):
    with pytest.raises(UserError, match=f"disk of {tmp_path}. Free some and run again"):
        with naming_full_disk(tmp_path):
            raise OSError(number, "as the system says it")


def test_other_errors_stay(tmp_path):
    with pytest.raises(FileNotFoundError):
        with naming_full_disk(tmp_path):
            (tmp_path / "nothing").read_text()


def test_a_real_full_device():
    with pytest.raises(UserError, match="no space left on the disk of /dev/full"):
        with naming_full_disk("/dev/full"), open("/dev/full", "w") as file:
            file.write("x")
            file.flush()
