"""onnxruntime for browsers, from its npm package: one version, whose contents are known.

None of it is in this repository. It is fetched through npm when a page is made, or taken from a
package that the user has.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from espnet_recursive.errors import UserError

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
#: npm's checksum of the package, as package-lock.json would have it.
INTEGRITY = (
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02V"
    "b7QmRMDs1SigqR4CXAfKYQ=="
)
#: Files of the package -> their names in a page. Not every web server knows the ending .mjs, and a
#: browser does not run a module that is served as something else.
FILES = {
    "dist/ort.wasm.min.mjs": "ort.js",
    "dist/ort-wasm-simd-threaded.mjs": "ort-wasm.js",
    "dist/ort-wasm-simd-threaded.wasm": "ort-wasm.wasm",
}
_ABOUT = "package.json"
_FETCH = f"npm pack {PACKAGE}@{VERSION}"


def copy_onnxruntime_web(folder: Path, source: Path | None = None) -> None:
    """Copy what a page needs to run ONNX files.

    Args:
        folder: Where its files go; it is made.
        source: The package, as ``npm pack`` gives it or unpacked; without it, npm fetches it.

    Raises:
        UserError: If there is no npm, it has no network, or what is there is another package.
    """
    with TemporaryDirectory() as work:
        if source is None:
            source = _fetched(Path(work))
        if source.is_file():
            source = _unpacked(source, Path(work))
        _check(source)
        folder.mkdir(parents=True)
        for name, ours in FILES.items():
            shutil.copyfile(source / name, folder / ours)


def _fetched(folder: Path) -> Path:
    """The package as a file, from npm."""
    remedy = f"Run {_FETCH} where there is one, and give its file: --onnxruntime_web FILE"
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(f"{PACKAGE} comes through npm, and there is no npm here. {remedy}")
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--prefer-offline"]
    done = subprocess.run(
        [*command, "--pack-destination", str(folder)], cwd=folder, capture_output=True, text=True
    )
    found = list(folder.glob("*.tgz"))
    if done.returncode != 0 or not found:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise UserError(
            f"npm could not fetch {PACKAGE} {VERSION}. {remedy} ({'; '.join(said[:3])})"
        )
    return found[0]


def _unpacked(file: Path, folder: Path) -> Path:
    """The folder with a package's files, once its checksum is right."""
    digest = hashlib.sha512(file.read_bytes()).digest()
    if f"sha512-{base64.b64encode(digest).decode()}" != INTEGRITY:
        raise UserError(
            f"{file} is not {PACKAGE} {VERSION} as published, or is cut: its checksum differs. "
            f"Fetch it again: {_FETCH}"
        )
    target = folder / "unpacked"
    with tarfile.open(file) as archive:
        for name in (_ABOUT, *FILES):
            archive.extract(f"package/{name}", target, filter="data")
    return target / "package"


def _check(folder: Path) -> None:
    """Refuse a folder that is not the package."""
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        found = f"{about['name']} {about['version']}"
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"--onnxruntime_web {folder} is no npm package: it has no {_ABOUT} that can be read. "
            f"Give the file that {_FETCH} writes, or the folder package that is in it"
        ) from error
    if found != f"{PACKAGE} {VERSION}":
        raise UserError(
            f"--onnxruntime_web {folder} is {found}, and the page is made for {PACKAGE} "
            f"{VERSION}: {_FETCH}"
        )
    for name in FILES:
        if not (folder / name).is_file():
            raise UserError(f"--onnxruntime_web {folder} lacks {name}: unpack it again")
