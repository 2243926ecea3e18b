"""The export of a recogniser as a static web page: the page, onnxruntime-web, the model."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from espnet_recursive.export.onnxruntime_web import PACKAGE, VERSION, copy_onnxruntime_web
from espnet_recursive.export.recogniser_export import RecogniserOptions, make_recogniser
from espnet_recursive.export.recogniser_files import FILES, README, write_recogniser
from espnet_recursive.export.recogniser_report import RecogniserReport
from espnet_recursive.files.whole_files import whole_dir

#: The page as it comes with this package: nothing is filled in, it reads the model's metadata.
PAGE = Path(__file__).resolve().parent / "web"
RUNTIME = "ort"


def export_web(
    model: Path | str,
    folder: Path,
    options: RecogniserOptions,
    model_file: str | None = None,
    audio: Sequence[Path] = (),
    any_size: bool = False,
    onnxruntime_web: Path | None = None,
) -> RecogniserReport:
    """Write a recogniser as a folder for a web server.

    Args:
        model: The model, by any of the names that ``find_model`` takes.
        folder: The folder; one that this wrote before is replaced.
        options: How.
        model_file: The checkpoint of an experiment, valid.acc.ave.pth by default.
        audio: Files to compare with ESPnet on; noise where there are none.
        any_size: Whether a published model may be deeper and larger than models are.
        onnxruntime_web: The npm package, a file or unpacked; npm fetches it without.

    Raises:
        UserError: If the model cannot be used or exported, the file does not agree with ESPnet, or
            onnxruntime-web is not to be had; nothing is written then.
    """
    page = [file.name for file in PAGE.iterdir()]
    with whole_dir(folder, own=(*FILES, *page, RUNTIME)) as part:
        copy_onnxruntime_web(part / RUNTIME, onnxruntime_web)
        for name in page:
            shutil.copyfile(PAGE / name, part / name)
        made = make_recogniser(model, options, model_file, audio, any_size)
        write_recogniser(part, made.graph)
        (part / README).write_text(_README.format(runtime=f"{PACKAGE} {VERSION}"), encoding="utf-8")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return RecogniserReport(made.loaded.name, size, made.graph, made.agreement)


_README = """\
# A speech recogniser in a web page

```sh
python3 -m http.server
```

in this folder, and open http://localhost:8000. Any web server can give these files out; there is
nothing that runs on it. What is said stays in the browser.

* Opened as a file, without a server, the page cannot load its parts.
* Browsers give a page the microphone on `localhost` and through https, and not through http from
  another machine, such as to a phone.
* It runs on one thread unless the server sends `Cross-Origin-Opener-Policy: same-origin` and
  `Cross-Origin-Embedder-Policy: require-corp` with each file; then on up to four.
* `model.onnx`, `tokens.txt` and `metadata.json` are a recogniser for onnxruntime, of which
  `espnet-recursive export --to onnxruntime` writes the same. Other programs run it too:
  `espnet-recursive-onnx . speech.wav`.
* `ort/` has three files of {runtime}, copyright Microsoft Corporation, MIT licence. The other files
  are of espnet_recursive, Apache License 2.0. The model has the licence that its makers gave it.
"""
