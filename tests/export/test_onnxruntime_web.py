"""The npm package, as it is published or not at all."""

import json
import shutil

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.export.onnxruntime_web import FILES, PACKAGE, VERSION, copy_onnxruntime_web
from tests.export.browser import fetch_onnxruntime_web, write_package


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return fetch_onnxruntime_web(tmp_path_factory.mktemp("npm"))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_from_npm(published, tmp_path):
    copy_onnxruntime_web(tmp_path / "fetched")
    copy_onnxruntime_web(tmp_path / "given", published)
    assert names(tmp_path / "fetched") == sorted(FILES.values()) == names(tmp_path / "given")
    head = (tmp_path / "given" / "ort.js").read_text(encoding="utf-8")[:200]
    assert f"ONNX Runtime Web v{VERSION}" in head and "MIT License" in head
    assert (tmp_path / "given" / "ort-wasm.wasm").read_bytes()[:4] == b"\0asm"


def test_a_cut_package_is_refused(published, tmp_path):
    cut = tmp_path / "cut.tgz"
    cut.write_bytes(published.read_bytes()[:-1])
    with pytest.raises(UserError, match="cut.tgz is not onnxruntime-web .* its checksum differs"):
        copy_onnxruntime_web(tmp_path / "ort", cut)
    assert names(tmp_path) == ["cut.tgz"]


def test_an_unpacked_package(tmp_path):
    package = write_package(tmp_path / "package")
    copy_onnxruntime_web(tmp_path / "ort", package)
    for name, ours in FILES.items():
        assert (tmp_path / "ort" / ours).read_bytes() == (package / name).read_bytes()
    (package / "dist/ort.wasm.min.mjs").unlink()
    with pytest.raises(UserError, match="lacks dist/ort.wasm.min.mjs: unpack it again"):
        copy_onnxruntime_web(tmp_path / "other", package)
    about = {"name": PACKAGE, "version": "1.20.0"}
    (package / "package.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(UserError, match="is onnxruntime-web 1.20.0, and the page is made for"):
        copy_onnxruntime_web(tmp_path / "other", package)
    for wrong in ("[]", "{}", "{"):
        (package / "package.json").write_text(wrong, encoding="utf-8")
        with pytest.raises(UserError, match="is no npm package: .* npm pack onnxruntime-web@"):
            copy_onnxruntime_web(tmp_path / "other", package)
    with pytest.raises(UserError, match="nowhere is no npm package"):
        copy_onnxruntime_web(tmp_path / "other", tmp_path / "nowhere")
    assert names(tmp_path) == ["ort", "package"]


def test_without_npm(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="there is no npm here. Run npm pack .* --onnxruntime_web"):
        copy_onnxruntime_web(tmp_path / "ort")
    assert names(tmp_path) == []


@pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm here")
def test_without_a_network(tmp_path, monkeypatch):
    for option, value in (
        ("registry", "http://127.0.0.1:9"),
        ("fetch_retries", "0"),
        ("cache", str(tmp_path / "cache")),
    ):
        monkeypatch.setenv(f"npm_config_{option}", value)
    with pytest.raises(UserError, match=f"npm could not fetch {PACKAGE} .*ECONNREFUSED"):
        copy_onnxruntime_web(tmp_path / "ort")
    assert not (tmp_path / "ort").exists()
