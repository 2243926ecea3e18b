"""Names of files for ids of any kind: one folder, one name each."""

from pathlib import Path

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.files.file_names import check_ids, file_name

HOSTILE = [
    *("..", ".", "../up", "/etc/passwd", "a/../../b", "a/b", "-rf", ".hidden", "~/x", "a\\b"),
    *(
        "%2E",
        "%252E",
        "\0",
        "a\x1bb",
        "\u2028",
        "x" * 300,
        "x" * 299 + "y",
        "\u97f3" * 100,
        "%",
        "%%",
    ),
]


@pytest.mark.parametrize(
    "key", ["103-1240-0000", "sp0.9-BAC009S0002W0122", "\u97f3-\u00e4_1", "a..b"]
)
def test_ordinary_ids_are_their_own_names(key):
    assert file_name(key) == key


def test_every_name_is_one_file_in_the_folder_and_of_one_id(tmp_path):
    for key in HOSTILE:
        path = tmp_path / "data" / f".{file_name(key)}.flac.part"
        path.parent.mkdir(exist_ok=True)
        path.write_text(key)
        assert path.resolve().parent == tmp_path / "data"
    assert len(list((tmp_path / "data").iterdir())) == len(HOSTILE)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert all(not file_name(key).startswith((".", "-")) for key in HOSTILE)


@pytest.mark.parametrize("key", ["/a/b.wav", "..", "../b", "a/../b", "a/.."])
def test_ids_that_lead_elsewhere(key):
    with pytest.raises(
        UserError, match=f"wav.scp, {key}: an id that is a.* Name the utterance anew"
    ):
        check_ids(Path("wav.scp"), ["good", key])


def test_ids_that_stay():
    check_ids(Path("wav.scp"), ["id10001/J9lHsKG98U8/00001", "a..b", "..a", "a.b"])
