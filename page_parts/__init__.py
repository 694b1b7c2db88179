"""Pages of a process: the files of a page, and the parts that the pages of provider and sender share.

It has no code that handles messages and imports no other package of this repository.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

_SHARED = Path(__file__).with_name("shared")
_SHELL = Path(__file__).with_name("shell.html").read_bytes()
_INDEX = "index.html"  # the page's title in the first line, then what the body of the shell holds
_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
# No other origin and nothing inline: markup in a message's text would have no effect.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SAFETY = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
_REVALIDATED = (("Cache-Control", "no-cache"),)
_IMMUTABLE = (("Cache-Control", "public, max-age=31536000, immutable"),)


@dataclass(frozen=True)
class PageFile:
    """One file, as it is sent with status 200."""

    content: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...]


def load_page(directory: Path) -> dict[str, PageFile]:
    """The files of the page in ``directory`` by path: ``/``, and each other file under ``/page/<version>/``,
    the shared parts under ``/page/<version>/shared/``.

    The version is a digest of all files, so a browser may cache them without a limit and never uses an old
    one. ``/page/…`` in the index gets the version. Modules refer to each other by relative addresses.
    """
    files = _read(directory, "") | _read(_SHARED, "shared/")
    title, _, body = files[_INDEX].partition(b"\n")
    files[_INDEX] = _SHELL.replace(b"<!-- title -->", title).replace(b"<!-- page -->\n", body)
    digest = blake2b(digest_size=8)
    for name, content in files.items():
        digest.update(b"%b\0%d\0%b" % (name.encode(), len(content), content))
    below = f"/page/{digest.hexdigest()}/"
    index = files.pop(_INDEX).replace(b'"/page/', b'"' + below.encode())
    pages = {"/": _file(_INDEX, index, _REVALIDATED)}
    for name, content in files.items():
        pages[below + name] = _file(name, content, _IMMUTABLE)
    return pages


def _read(directory: Path, prefix: str) -> dict[str, bytes]:
    return {prefix + path.name: path.read_bytes() for path in sorted(directory.iterdir()) if path.is_file()}


def _file(name: str, content: bytes, caching: tuple[tuple[str, str], ...]) -> PageFile:
    return PageFile(content, _CONTENT_TYPES[Path(name).suffix], _SAFETY + caching)
