"""The inbox page: static files, held in memory."""

from __future__ import annotations

from pathlib import Path

from mock_provider.http.messages import HttpResponse
from page_parts import load_page


def load_pages() -> dict[str, HttpResponse]:
    """The reply for each path of the page."""
    files = load_page(Path(__file__).with_name("page"))
    return {
        path: HttpResponse(200, file.content, file.content_type, file.headers) for path, file in files.items()
    }
