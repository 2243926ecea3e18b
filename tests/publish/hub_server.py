"""A hub on this machine: the calls that huggingface_hub makes to upload and download a model.

Repositories live in memory. Files that git would keep are sent inside the commit, large ones go by
Git LFS, as on the hub without its Xet storage.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of_a_test"
#: What the hub's own .gitattributes sends by LFS, as far as packs have it.
_LARGE = (".pth", ".npz", ".model", ".zip")


@dataclass
class Repository:
    """The files of the last commit, and the ids of all commits."""

    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)

    def commit(self) -> str:
        """Make the present files a commit."""
        self.commits.append(hashlib.sha1(f"{len(self.commits)}".encode()).hexdigest())
        return self.commits[-1]


class Hub:
    """The server's state, which tests look at and disturb.

    Attributes:
        url: Its address, for HF_ENDPOINT.
        repositories: By "user/name".
        large: LFS objects that arrived whole, by their SHA-256.
        calls: "METHOD path" of every request.
        break_after: A PUT is cut after so many bytes, once; None for none.
        hold: PUTs of objects of this many bytes or more wait for ever in the middle; None for none.
        held: Set when one waits.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.break_after: int | None = None
        self.hold: int | None = None
        self.held = threading.Event()
        self.release = threading.Event()


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Run a hub until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    hub = Hub(f"http://127.0.0.1:{server.server_port}")
    server.hub = hub  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        return self.server.hub  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        self._note()
        body = self._body()
        path = unquote(urlsplit(self.path).path)
        if path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif path.startswith("/lfs/verify"):
            asked = json.loads(body)
            whole = len(self.hub.large.get(asked["oid"], b"")) == asked["size"]
            self._json({}, 200 if whole else 400)
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._json({"error": "Invalid credentials in Authorization header"}, 401)
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif match := re.fullmatch(r"/api/models/(.+?/.+?)/preupload/main", path):
            self._preupload(self.hub.repositories[match[1]], json.loads(body)["files"])
        elif match := re.fullmatch(r"/(.+?/.+?)\.git/info/lfs/objects/batch", path):
            self._lfs_batch(json.loads(body)["objects"])
        elif match := re.fullmatch(r"/api/models/(.+?/.+?)/commit/main", path):
            self._commit(match[1], body)
        else:
            self._not_found()

    def do_PUT(self) -> None:
        self._note()
        oid = self.path.removeprefix("/lfs/")
        size = int(self.headers["Content-Length"])
        if (stop := self.hub.break_after) is not None:
            self.hub.break_after = None
            self.rfile.read(min(stop, size))
            self.close_connection = True
            self.connection.close()
            return
        if self.hub.hold is not None and size >= self.hub.hold:
            self.rfile.read(size // 2)
            self.hub.held.set()
            self.hub.release.wait()
            self.close_connection = True
            return
        content = self.rfile.read(size)
        whole = hashlib.sha256(content).hexdigest() == oid
        if whole:
            self.hub.large[oid] = content
        self._json({}, 200 if whole else 400)

    def do_GET(self) -> None:
        self._note()
        path = unquote(urlsplit(self.path).path)
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path):
            repository = self._at(match[1], match[2])
            if repository is not None:
                self._json({"id": match[1], "sha": repository.commits[-1], "siblings": []})
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)", path):
            repository = self._at(match[1], match[2])
            if repository is not None:
                self._json([_entry(*item) for item in repository.files.items()])
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._file(self._at(match[1], match[2]), match[3])
        else:
            self._not_found()

    do_HEAD = do_GET

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        url = {"url": f"{self.hub.url}/{name}"}
        if asked["organization"] != "user":
            self._json({"error": "You don't have the rights to create a model there"}, 403)
        elif name in self.hub.repositories:
            self._json({"error": "You already created this model repo", **url}, 409)
        else:
            self.hub.repositories[name] = Repository()
            self.hub.repositories[name].commit()
            self._json(url)

    def _preupload(self, repository: Repository, files: list[dict[str, Any]]) -> None:
        answer = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(_LARGE) else "regular",
                "shouldIgnore": False,
                "oid": _entry(file["path"], repository.files[file["path"]])["oid"]
                if file["path"] in repository.files
                else None,
            }
            for file in files
        ]
        self._json({"files": answer})

    def _lfs_batch(self, objects: list[dict[str, Any]]) -> None:
        answer = []
        for item in objects:
            actions = {
                "upload": {"href": f"{self.hub.url}/lfs/{item['oid']}"},
                "verify": {"href": f"{self.hub.url}/lfs/verify"},
            }
            there = item["oid"] in self.hub.large
            answer.append(item if there else item | {"actions": actions})
        self._json({"transfer": "basic", "objects": answer})

    def _commit(self, name: str, body: bytes) -> None:
        repository = self.hub.repositories[name]
        for line in body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                repository.files[value["path"]] = self.hub.large[value["oid"]]
        oid = repository.commit()
        url = f"{self.hub.url}/{name}/commit/{oid}"
        self._json({"success": True, "commitOid": oid, "commitUrl": url})

    def _at(self, name: str, revision: str | None) -> Repository | None:
        repository = self.hub.repositories.get(name)
        if repository is None or revision not in (None, "main", *repository.commits):
            self._not_found()
            return None
        return repository

    def _file(self, repository: Repository | None, path: str) -> None:
        if repository is None:
            return
        if path not in repository.files:
            self._json({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
            return
        content = repository.files[path]
        start = 0
        if match := re.match(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start = int(match[1])
        entry = _entry(path, content)
        headers = {
            "ETag": f'"{entry.get("lfs", entry)["oid"]}"',
            "X-Repo-Commit": repository.commits[-1],
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._send(206 if start else 200, content[start:], headers)

    def _not_found(self) -> None:
        self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})

    def _note(self) -> None:
        self.hub.calls.append(f"{self.command} {unquote(urlsplit(self.path).path)}")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        content_type = {"Content-Type": "application/json"}
        self._send(status, json.dumps(value).encode(), content_type | (headers or {}))

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _entry(path: str, content: bytes) -> dict[str, Any]:
    """A file as the hub lists it: with git's id of the content, and LFS's of a large one."""
    sha1 = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": sha1}
    if path.endswith(_LARGE):
        sha256 = hashlib.sha256(content).hexdigest()
        entry["lfs"] = {"oid": sha256, "size": len(content), "pointerSize": 134}
        entry["oid"] = sha256
    return entry
