"""Packs of strangers: each is loaded rightly or refused in a sentence, and nothing else happens."""

import io
import os
import re
import signal
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from espnet_recursive.errors import UserError
from espnet_recursive.publish.speech2text import Speech2Text
from tests.publish.experiments import FAST, change_member
from tests.publish.hostile_packs import (
    BPE,
    CONFIG,
    META,
    WEIGHTS,
    keys,
    kinds,
    without,
    without_note,
    write_zip,
    yaml_of,
)

#: Seconds after which loading counts as hanging; the slowest kind takes two.
LIMIT = 20.0
NAMES = list(kinds(Path("/secret.txt")))

_opened: list[str] | None = None


def _note_opened(event, arguments):
    if event == "open" and _opened is not None and isinstance(arguments[0], str):
        _opened.append(arguments[0])


sys.addaudithook(_note_opened)  # there is no taking it off again


@pytest.fixture(scope="module")
def members(packed):
    with zipfile.ZipFile(packed) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def world(tmp_path, monkeypatch, members):
    """What is around: a current folder, a home, and a secret that no pack has to do with."""
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "home" / "secret.txt").write_text("secret")
    here = tmp_path / "here"
    (here / "of_the_current_folder").mkdir(parents=True)
    (here / "of_the_current_folder" / "bpe.model").write_bytes(members[BPE])
    (here / "word").write_bytes(members[BPE])
    monkeypatch.chdir(here)
    return tmp_path


def state(world):
    """All files but the cache, and when they were written."""
    return {
        path: path.lstat().st_mtime_ns
        for path in world.rglob("*")
        if not path.is_relative_to(world / "home" / "cache") and not path.is_dir()
    }


def load(world, model, **options):
    """Load a model, and decode with it; what was refused, or None."""
    global _opened

    def hang(*_):
        raise AssertionError("it hangs")

    before, start = state(world), time.perf_counter()
    signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    _opened = []
    try:
        loaded = Speech2Text.from_pretrained(model, **FAST, **options)
        assert str(loaded.device) == "cpu"
        assert len(loaded(np.zeros(16000, dtype="float32"))) == 1
        return None
    except UserError as error:
        return str(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        opened, _opened = _opened, None
        assert time.perf_counter() - start < LIMIT
        assert state(world) == before, "nothing is written"
        outside = [path for path in opened if Path(path).name == "secret.txt"]
        assert not outside and "/dev/zero" not in opened and "/etc/passwd" not in opened
        assert not [path for path in opened if path.startswith("of_the_current_folder")]
        assert "word" not in opened


@pytest.mark.parametrize("name", NAMES)
def test_each_kind(name, world, members):
    kind = kinds(world / "secret.txt")[name]
    changed = dict(members)
    kind.change(changed)
    kind.write(world / "hostile.zip", changed)
    message = load(world, world / "hostile.zip")
    if kind.refusal is None:
        assert message is None
    else:
        assert message is not None and re.search(kind.refusal, message), message
        assert "\n" not in message and message.isprintable(), "one sentence"


def test_a_model_of_a_large_depth_is_loaded_where_that_is_asked_for(world, members):
    changed = dict(members)
    yaml_of(CONFIG, lambda config: config["encoder_conf"].update(num_loops=1001))(changed)
    keys(META, recursion__num_loops=1001)(changed)
    write_zip(world / "deep.zip", changed)
    message = load(world, world / "deep.zip")
    assert message and "num_loops is 1,001" in message and "any_size=True" in message
    assert load(world, world / "deep.zip", any_size=True, num_loops=2) is None


class _Runs:
    def __reduce__(self):
        return (open, ("it_ran", "w"))


def test_weights_that_an_encoder_reads_by_itself_run_nothing(world, members, monkeypatch):
    """As those of fairseq and s3prl do, which are not installed here."""
    from espnet2.asr.encoder.transformer_encoder import TransformerEncoder
    from espnet2.tasks.asr import encoder_choices

    class ReadsMore(TransformerEncoder):
        def __init__(self, input_size: int, more: str):
            super().__init__(input_size, output_size=16, attention_heads=1, linear_units=8)
            torch.load(more, weights_only=False)

    monkeypatch.setitem(encoder_choices.classes, "reads_more", ReadsMore)
    changed, more = dict(members), io.BytesIO()
    torch.save(_Runs(), more)
    changed["data/more.pt"] = more.getvalue()
    keys(CONFIG, encoder="reads_more", encoder_conf={"more": "data/more.pt"})(changed)
    without(META, "recursion")(changed)
    changed[WEIGHTS] = without_note(changed[WEIGHTS])
    write_zip(world / "more.zip", changed)
    message = load(world, world / "more.zip")
    assert message and "Weights only load failed" in message, message
    assert not list(world.rglob("it_ran"))


def unpacked(world, members):
    folder = world / "folder"
    for name, content in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    "member", [META, CONFIG, "exp/asr_recursive/3epoch.pth", BPE, "exp/stats/feats_stats.npz"]
)
@pytest.mark.parametrize("kind", ["link", "link above", "link of a folder", "endless", "pipe"])
def test_folders_with_links_and_pipes(member, kind, world, members):
    folder = unpacked(world, members)
    path = folder / member
    elsewhere = world / "elsewhere"
    elsewhere.mkdir()
    content = path.read_bytes()
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    elif kind == "link of a folder" and path.parent != folder:
        (elsewhere / path.name).write_bytes(content)
        for other in path.parent.iterdir():
            other.rename(elsewhere / other.name)
        path.parent.rmdir()
        path.parent.symlink_to(elsewhere)
    else:
        (elsewhere / "other").write_bytes(content)
        above = os.path.relpath(elsewhere / "other", path.parent)
        path.symlink_to(above if kind == "link above" else elsewhere / "other")
    message = load(world, folder)
    assert message, "it was loaded"
    assert re.search("outside of the model|is no file|not there", message), message


def test_a_link_within_the_folder_is_followed(world, members):
    folder = unpacked(world, members)
    (folder / BPE).rename(folder / "moved.model")
    (folder / BPE).symlink_to("../../../moved.model")
    assert load(world, folder) is None


def test_links_in_a_circle(world, members):
    folder = unpacked(world, members)
    (folder / BPE).unlink()
    (folder / BPE).symlink_to("bpe.model")
    assert "bpe.model" in load(world, folder)


def test_a_model_of_the_hub_writes_nowhere_else(world, packed, hub, members):
    """ESPnet's loader writes beside each file that meta.yaml names, wherever that is."""
    from tests.publish.hub_server import Repository

    (world / "mine.yaml").write_text("optim: adam\n")
    changed = dict(members)
    keys(META, yaml_files__asr_train_config=str(world / "mine.yaml"))(changed)
    hub.repositories["user/bad"] = Repository(changed, ["0" * 40])
    hub.repositories["user/good"] = Repository(dict(members), ["1" * 40])
    with pytest.raises(UserError, match="outside of the model"):
        Speech2Text.from_pretrained("user/bad")
    assert not list(world.glob("*.resolved.yaml"))
    # Its files are links to those of the hub's cache, and those are of the model.
    model = Speech2Text.from_pretrained("user/good", **FAST)
    assert len(model(np.zeros(16000, dtype="float32"))) == 1
    assert not list((world / "home").rglob("*.resolved.yaml"))


def test_packs_of_espnet_with_tokens_of_another_machine_load(world, recipe, monkeypatch):
    """ESPnet's own pack, made as its recipes make it."""
    from espnet2.main_funcs.pack_funcs import pack

    monkeypatch.chdir(recipe.root)
    pack(
        files={"asr_model_file": "exp/asr_recursive/3epoch.pth"},
        yaml_files={"asr_train_config": "exp/asr_recursive/config.yaml"},
        option=["data/en/bpe30/bpe.model", "exp/stats/feats_stats.npz"],
        outpath=world / "espnet.zip",
    )
    monkeypatch.chdir(world / "here")
    change_member(world / "espnet.zip", CONFIG, lambda text: text + b"log_dir: /home/them/logs\n")
    assert load(world, world / "espnet.zip") is None


def test_the_page_counts_these_kinds():
    page = (Path(__file__).parents[2] / "docs/faults.md").read_text()
    every = kinds(Path("/secret.txt")).values()
    loaded = sum(kind.refusal is None for kind in every)
    assert f"| packs | {len(every)} | {loaded} | {len(every) - loaded} | 0 | 0 |" in page
