"""Servers may send a request on to another address, but not to a less safe or another kind."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from espnet_recursive.errors import UserError
from espnet_recursive.files.access_tokens import without_tokens


@contextmanager
def checked_redirects() -> Iterator[None]:
    """Have urllib, in this process, refuse redirects to other schemes while the block runs.

    From http to https is allowed; urllib itself allows ftp, and https to http, too.

    Raises:
        UserError: Naming both addresses.
    """
    # lhotse's downloads, too, are by urllib.request.urlopen, and take no opener.
    before = urllib.request._opener  # type: ignore[attr-defined]
    urllib.request.install_opener(urllib.request.build_opener(_CheckedRedirects))
    try:
        yield
    finally:
        urllib.request.install_opener(before)


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
