"""A web server of archives, as mirrors are: ranges, and connections that break."""

import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class ArchiveServer:
    """Serves the files below a folder on 127.0.0.1 while the block runs.

    Args:
        root: The folder.
        break_after: For a path below it, without a leading slash, after how many bytes of a
            transfer the connection is closed: once for a number, and one transfer after another
            for a list of them.
        ranges: Whether requests for a part of a file are honoured; if not, all of it is sent.
        redirects: For a path below it, the address that requests are sent on to.
        endless: Paths below it of which more is sent than there is, without an announced length,
            until the client has enough.

    Attributes:
        url: Where it is, without a slash at the end.
        requests: (path, Range header or None) of each request so far.
        sent: Bytes of each path that were sent so far.
    """

    def __init__(
        self,
        root: Path,
        break_after: Mapping[str, int | Sequence[int]] | None = None,
        ranges: bool = True,
        redirects: Mapping[str, str] | None = None,
        endless: Sequence[str] = (),
    ) -> None:
        self.root = Path(root)
        self.break_after = {
            path: [after] if isinstance(after, int) else list(after)
            for path, after in (break_after or {}).items()
        }
        self.ranges = ranges
        self.redirects = redirects or {}
        self.endless = endless
        self.requests: list[tuple[str, str | None]] = []
        self.sent: Counter[str] = Counter()

    def __enter__(self) -> "ArchiveServer":
        handler = type("Handler", (_Handler,), {"archives": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    archives: ArchiveServer

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        server = self.archives
        name, asked = self.path.lstrip("/"), self.headers.get("Range")
        server.requests.append((name, asked))
        if name in server.redirects:
            self.send_response(302)
            self.send_header("Location", server.redirects[name])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path = server.root / name
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "") if server.ranges else None
        start, end = 0, len(content)
        if span:
            start = int(span[1])
            end = min(end, int(span[2]) + 1) if span[2] else end
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        else:
            self.send_response(200)
        # The request for the first byte asks for the size.
        endless = name in server.endless and asked != "bytes=0-0"
        if not endless:
            self.send_header("Content-Length", str(end - start))
        if server.ranges:
            self.send_header("Accept-Ranges", "bytes")
        breaks = server.break_after.get(name)
        if with_body and breaks and end - start > breaks[0]:
            end = start + breaks.pop(0)
        # Before anything is sent: whoever has the answer finds it counted.
        server.sent[name] += (end - start) * with_body
        self.end_headers()
        if with_body:
            self.wfile.write(content[start:end])
        while with_body and endless:
            try:
                self.wfile.write(bytes(1 << 16))
            except OSError:  # the client has gone
                return

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the requests are kept instead."""
