"""The command that uploads, as stage 15 calls it; tests/publish has what it does to a hub."""

import pytest

from espnet_recursive.bin.upload import main
from tests.publish.conftest import hub, packed, private_home, recipe  # noqa: F401
from tests.publish.hub_server import TOKEN


def test_it_only_writes_the_folder_unless_told(packed, hub, capsys):  # noqa: F811
    main([str(packed), "--hf_repo", "user/asr"])
    folder = packed.with_name("hf_user_asr")
    assert capsys.readouterr().out == (
        f"{folder} is what would be uploaded to user/asr: with --dry_run false, or in a recipe "
        "with --upload_dry_run false\n"
    )
    assert (folder / "meta.yaml").exists() and hub.calls == []


def test_it_uploads_when_told(packed, hub, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    options = ["--hf_repo", "user/asr", "--folder", str(tmp_path / "x"), "--dry_run", "false"]
    main([str(packed), *options])
    assert capsys.readouterr().out.startswith(f"{hub.url}/user/asr/commit/")
    assert "meta.yaml" in hub.repositories["user/asr"].files


@pytest.mark.parametrize(
    "pack, repo, message",
    [
        ("x.zip", "asr", "--hf_repo asr: it is named <user>/<name>"),
        ("no.zip", "u/a", "no.zip does"),
    ],
)
def test_errors_are_messages(pack, repo, message):
    with pytest.raises(SystemExit, match=f"Error: {message}"):
        main([pack, "--hf_repo", repo])


def test_it_does_not_wait_for_torch(run_python):
    code = "import sys, espnet_recursive.bin.upload; print({'torch', 'espnet2'} & {*sys.modules})"
    assert run_python("-c", code).stdout == "set()\n"
