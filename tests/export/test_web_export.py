"""The folder of a page: all of it or nothing."""

import json
import re

import pytest

from espnet_recursive.errors import UserError
from espnet_recursive.export.recogniser_export import RecogniserOptions
from espnet_recursive.export.web_export import export_web
from espnet_recursive.onnx_recognizer import OnnxRecognizer
from tests.convert.conftest import recipe  # noqa: F401
from tests.export.browser import write_package


def test_the_folder(recipe, tmp_path):  # noqa: F811
    package, folder = write_package(tmp_path / "package"), tmp_path / "new" / "page"
    options = RecogniserOptions(num_loops=2, precision="int8")
    for _ in range(2):  # one that is there is replaced
        report = export_web(recipe / "exp/recursive", folder, options, onnxruntime_web=package)
    names = {path.name for path in folder.iterdir()}
    assert {"index.html", "page.js", "style.css", "worker.js", "ort", "model.onnx"} <= names
    assert {"metadata.json", "tokens.txt", "README.md"} <= names
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert report.num_bytes == sum(file.stat().st_size for file in files)
    assert list(report.agreement) == ["float32", "int8"]
    about = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    assert about["num_loops"] == "2" and about["quantisation"] == "int8, dynamic"
    assert OnnxRecognizer(folder).about.num_loops == 2  # as the README says
    assert "onnxruntime-web 1." in (folder / "README.md").read_text(encoding="utf-8")


def test_every_file_that_the_page_names_is_there(recipe, tmp_path):  # noqa: F811
    package, folder = write_package(tmp_path / "package"), tmp_path / "page"
    export_web(recipe / "exp/transformer", folder, RecogniserOptions(), onnxruntime_web=package)
    sources = [p for p in folder.iterdir() if p.suffix in (".html", ".js")]
    for source in sources:
        text = source.read_text(encoding="utf-8")
        for name in re.findall(r"""['"](?:\./)?([\w./-]+\.(?:js|css|onnx|json|wasm))['"]""", text):
            assert (folder / name).exists() or (folder / "ort" / name).exists(), (source, name)


def test_nothing_is_written_where_something_is_missing(recipe, tmp_path):  # noqa: F811
    options = RecogniserOptions()
    with pytest.raises(UserError, match="none is no npm package"):
        export_web(
            recipe / "exp/recursive", tmp_path / "page", options, onnxruntime_web=tmp_path / "none"
        )
    package = write_package(tmp_path / "package")
    with pytest.raises(UserError, match="exp/none"):
        export_web(recipe / "exp/none", tmp_path / "page", options, onnxruntime_web=package)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/thesis.tex").touch()
    with pytest.raises(UserError, match="would be replaced, and holds thesis.tex"):
        export_web(recipe / "exp/recursive", tmp_path / "thesis", options, onnxruntime_web=package)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["package", "thesis"]
