"""From a pack to the hub, over connections that break."""

import json
import os
import signal
import subprocess
import sys
import zipfile

import pytest
import yaml

import espnet_recursive
from espnet_recursive.errors import UserError
from espnet_recursive.publish.upload import check_repository_name, upload, write_repository
from tests.publish.experiments import FAST, change_member
from tests.publish.hub_server import TOKEN

REPO = "user/asr"


@pytest.fixture
def folder(packed, tmp_path):
    return write_repository(packed, REPO, tmp_path / "hf_user_asr")


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_folder_is_the_unpacked_pack(folder, packed):
    with zipfile.ZipFile(packed) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    card = members["README.md"].decode()
    assert card.count(packed.name) == 3
    members["README.md"] = card.replace(packed.name, REPO).encode()
    assert contents(folder) == members


def test_an_edited_card_is_kept(folder, packed):
    (folder / "README.md").write_text("mine")
    write_repository(packed, REPO, folder)
    assert (folder / "README.md").read_text() == "mine"


def test_another_pack_takes_the_place_of_the_folder(folder, pack_copy):
    change_member(pack_copy, "meta.yaml", lambda text: text + b"note: another\n")
    (folder / "left over").touch()
    write_repository(pack_copy, REPO, folder)
    assert yaml.safe_load((folder / "meta.yaml").read_text())["note"] == "another"
    assert not (folder / "left over").exists()


def test_a_folder_of_something_else_is_not_touched(packed, tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UserError, match="is there and is no model: name another --folder"):
        write_repository(packed, REPO, tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_a_pack_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="none.zip does not exist: pack the model first"):
        write_repository(tmp_path / "none.zip", REPO, tmp_path / "folder")


def test_a_pack_that_is_damaged(pack_copy, tmp_path):
    pack_copy.write_bytes(pack_copy.read_bytes()[:1000])
    with pytest.raises(UserError, match="cut off or damaged"):
        write_repository(pack_copy, REPO, tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_a_pack_without_a_card(pack_copy, tmp_path):
    change_member(pack_copy, "meta.yaml", lambda text: text.replace(b"archive:", b"other:"))
    with pytest.raises(UserError, match="has no model card: pack it with"):
        write_repository(pack_copy, REPO, tmp_path / "folder")


@pytest.mark.parametrize("name", ["asr", "user/asr/x", "user/a b", "-user/asr", "user/asr.git", ""])
def test_names_that_the_hub_does_not_take(name):
    with pytest.raises(UserError, match="it is named <user>/<name>"):
        check_repository_name(name)


def test_without_a_token(folder, hub):
    with pytest.raises(
        UserError, match="no token of the hub: run `hf auth login`, or set HF_TOKEN"
    ):
        upload(folder, REPO)
    assert hub.calls == []


@pytest.mark.parametrize("token, repo", [("hf_expired", REPO), (TOKEN, "someone-else/asr")])
def test_a_token_that_may_not(folder, hub, monkeypatch, token, repo):
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(UserError, match="does not let this token write to"):
        upload(folder, repo)
    assert not hub.repositories


def test_no_network(folder, monkeypatch):
    import huggingface_hub.constants as constants

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="127.0.0.1:9/user/asr stopped: .*Nothing is lost"):
        upload(folder, REPO)


def test_what_arrives_is_what_was_sent_and_loads_again(folder, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    address = upload(folder, REPO)
    repository = hub.repositories[REPO]
    assert address == f"{hub.url}/{REPO}/commit/{repository.commits[-1]}"
    assert repository.files == contents(folder)
    model = espnet_recursive.Speech2Text.from_pretrained(REPO, **FAST)
    assert str(model.asr_model.encoder.shape) == "{2, 3, 1, 1}"
    assert any(call.startswith(f"GET /{REPO}/resolve/") for call in hub.calls)


def test_the_same_again_sends_nothing(folder, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    upload(folder, REPO)
    hub.calls.clear()
    upload(folder, REPO)
    assert not [call for call in hub.calls if call.startswith("PUT") or "/commit/" in call]
    assert len(hub.repositories[REPO].commits) == 2


def test_a_connection_that_breaks_is_made_again(folder, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.break_after = 1000
    upload(folder, REPO)
    assert hub.repositories[REPO].files == contents(folder)
    assert len([call for call in hub.calls if call.startswith("PUT")]) == 5, "4 files, one twice"


def test_an_upload_that_is_killed_goes_on_where_it_was(folder, packed, hub):
    """The command itself, so HF_ENDPOINT and HF_TOKEN are read as users set them."""
    hub.hold = 150_000  # larger files wait in the middle
    environment = os.environ | {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_XET": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    command = [sys.executable, "-m", "espnet_recursive.bin.upload", str(packed)]
    command += ["--hf_repo", REPO, "--folder", str(folder), "--dry_run", "false"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    assert hub.held.wait(30)
    small = {name for name, content in contents(folder).items() if 1000 < len(content) < 100_000}
    for _ in range(100):
        if len(hub.large) == 2:
            break
        hub.release.wait(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    arrived = set(hub.large)
    assert len(arrived) == 2 and small and hub.repositories[REPO].files == {}

    hub.hold = None
    hub.calls.clear()
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().startswith(f"{hub.url}/{REPO}/commit/")
    sent = {call.removeprefix("PUT /lfs/") for call in hub.calls if call.startswith("PUT")}
    assert len(sent) == 2 and not sent & arrived, "what had arrived was not sent again"
    assert hub.repositories[REPO].files == contents(folder)
    assert json.dumps(sorted(hub.repositories)) == f'["{REPO}"]'


def test_the_token_is_in_no_message(folder, monkeypatch, caplog):
    """Libraries may repeat the headers that they sent."""
    from huggingface_hub import HfApi

    token = "hf_" + "secret" * 6
    monkeypatch.setenv("HF_TOKEN", token)

    def fail(*arguments, **options):
        raise RuntimeError(f"bad header: Authorization: Bearer {token}")

    monkeypatch.setattr(HfApi, "create_repo", fail)
    with pytest.raises(
        UserError, match=r"stopped: bad header: Authorization: Bearer \*\*\*"
    ) as error:
        upload(folder, REPO)
    assert token not in str(error.value) and token not in caplog.text
    assert not [path for path in folder.rglob("*") if token.encode() in _bytes(path)]


def _bytes(path):
    return path.read_bytes() if path.is_file() else b""
