"""What servers may not do: send on to a less safe address, or more bytes than they announced."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from espnet_recursive.errors import UserError
from espnet_recursive.files.access_tokens import without_tokens


@contextmanager
def checked_redirects(most: int | None = None) -> Iterator[None]:
    """Have urllib, in this process, refuse redirects to other schemes while the block runs.

    From http to https is allowed; urllib itself allows ftp, and https to http, too.

    Args:
        most: Bytes that an answer may have, at most; None for any number.

    Raises:
        UserError: Naming both addresses, or that of an answer that goes on after `most` bytes.
    """
    # lhotse's downloads, too, are by urllib.request.urlopen, and take no opener.
    before = urllib.request._opener  # type: ignore[attr-defined]
    handlers = [_CheckedRedirects()] + ([_Bounded(most)] if most is not None else [])
    urllib.request.install_opener(urllib.request.build_opener(*handlers))
    try:
        yield
    finally:
        urllib.request.install_opener(before)


class _Bounded(urllib.request.BaseHandler):
    def __init__(self, most: int) -> None:
        self._most = most

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        read, received = response.read, 0

        def bounded(*amount: int) -> bytes:
            nonlocal received
            content = read(*amount)
            received += len(content)
            if received > self._most:
                raise UserError(
                    f"{without_tokens(request.full_url)} sends more than the {self._most:,} bytes "
                    "that are missing of it: it is not the archive that was announced. Give "
                    "another mirror with --base_url."
                )
            return content

        response.read = bounded
        return response

    https_response = http_response


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme not in (req.type, "https"):
            raise UserError(
                f"{without_tokens(req.full_url)} sends on to {without_tokens(newurl)}, which is "
                f"not by {req.type}: give another mirror with --base_url."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)
