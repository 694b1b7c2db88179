"""The inbox page: static files of the package, held in memory."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from mock_provider.http.messages import HttpResponse

_DIRECTORY = Path(__file__).with_name("page")
_INDEX = "index.html"
_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
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
_ANEW = (("Cache-Control", "no-cache"),)
_FOR_EVER = (("Cache-Control", "public, max-age=31536000, immutable"),)


def load_pages() -> dict[str, HttpResponse]:
    """The reply for each path: ``/``, and every file under ``/page/<version>/``.

    The version is a digest of all files, so a browser may cache them without a limit and never uses an old
    one. ``/page/…`` in the index gets the version. Modules refer to each other by relative addresses.
    """
    files = {path.name: path.read_bytes() for path in sorted(_DIRECTORY.iterdir()) if path.is_file()}
    digest = blake2b(digest_size=8)
    for name, content in files.items():
        digest.update(b"%b\0%d\0%b" % (name.encode(), len(content), content))
    below = f"/page/{digest.hexdigest()}/"
    index = files.pop(_INDEX).replace(b'"/page/', b'"' + below.encode())
    pages = {"/": _page(_INDEX, index, _ANEW)}
    for name, content in files.items():
        pages[below + name] = _page(name, content, _FOR_EVER)
    return pages


def _page(name: str, content: bytes, caching: tuple[tuple[str, str], ...]) -> HttpResponse:
    return HttpResponse(200, content, _CONTENT_TYPES[Path(name).suffix], _SAFETY + caching)
