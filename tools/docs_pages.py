"""A hook of mkdocs: the repository's pages outside of docs/ are pages of the site, too.

Links in Markdown are relative to files of the repository, so that a code host follows them. Here
they are made those of the site; a link to a file that is no page goes to the repository, where
mkdocs.yml has a repo_url, or else is its text alone.
"""

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
#: Files of the repository -> pages of the site.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "conf/encoder/README.md": "conf/encoder.md",
    "conf/related/README.md": "conf/related.md",
} | {
    str(path.relative_to(ROOT)): f"recipes/{path.parts[-3]}.md"
    for path in sorted(ROOT.glob("egs2/*/*/README.md"))
}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_CODE = re.compile(r"^ *```.*?^ *```", re.M | re.S)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages outside of docs/."""
    from mkdocs.structure.files import File

    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turn links between files of the repository into links between pages of the site."""
    here = page.file.src_uri
    source = next((s for s, p in PAGES.items() if p == here), f"docs/{here}")
    return site_links(markdown, source, here, config.repo_url or "")


def site_links(markdown: str, source: str, page: str, repo_url: str = "") -> str:
    """The text of a page with the links that it has in the site.

    Args:
        markdown: The text.
        source: The file of the repository that it is, from the repository's root.
        page: The page of the site that it becomes.
        repo_url: Where the repository is; empty where nobody knows.
    """

    def link(match: re.Match[str]) -> str:
        mark, text, target = match.groups()
        path, anchor = urlsplit(target).path, urlsplit(target).fragment
        if "://" in target or target.startswith("mailto:") or not path:
            return match[0]
        found = os.path.normpath(PurePosixPath(source).parent / path)
        uri = PAGES.get(found) or (found[len("docs/") :] if found.startswith("docs/") else None)
        if uri is None:
            return f"[{text}]({repo_url.rstrip('/')}/blob/HEAD/{found})" if repo_url else text
        relative = os.path.relpath(uri, PurePosixPath(page).parent)
        return f"{mark}[{text}]({relative}{'#' + anchor if anchor else ''})"

    parts, end = [], 0
    for block in _CODE.finditer(markdown):
        parts += [_LINK.sub(link, markdown[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*parts, _LINK.sub(link, markdown[end:])])
