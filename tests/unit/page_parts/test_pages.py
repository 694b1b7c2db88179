"""The files of each page: complete, from nowhere else, and never old."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from page_parts import PageFile, load_page

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "mock_provider" / "inbox" / "page", ROOT / "reference_sender" / "dashboard" / "page")


@pytest.fixture(params=PAGES, ids=lambda path: path.parent.name)
def files(request: pytest.FixtureRequest) -> dict[str, PageFile]:
    return load_page(request.param)


def test_every_file_the_page_names_is_there_and_none_is_from_elsewhere(files: dict[str, PageFile]) -> None:
    index = files["/"].content.decode()
    named = re.findall(r'(?:src|href)="(/page/[^"]+)"', index)
    assert len(named) >= 3
    assert set(named) <= files.keys()
    for path, file in files.items():
        text = file.content.decode()
        for module in re.findall(r'from "\./([^"]+)"', text):
            assert path.rsplit("/", 1)[0] + "/" + module in files, f"{path} imports {module}"
        foreign = [url for url in re.findall(r"https?://[^\s\"'`<)]+", text) if "www.w3.org" not in url]
        assert foreign == [], path
        assert "innerHTML" not in text
        assert "insertAdjacentHTML" not in text


def test_types_caching_and_a_policy_that_allows_nothing_inline(files: dict[str, PageFile]) -> None:
    for path, file in files.items():
        headers = dict(file.headers)
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        kind = "html" if path == "/" else {"js": "javascript"}.get(path.rsplit(".")[-1], path.rsplit(".")[-1])
        assert file.content_type.startswith(f"text/{kind}")
        assert headers["Cache-Control"] == (
            "no-cache" if path == "/" else "public, max-age=31536000, immutable"
        )
        assert not re.search(r"<style|style=|<script>|\son\w+=", file.content.decode()) or path != "/"


def test_a_changed_file_has_another_address(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<script src="/page/app.js"></script>')
    (tmp_path / "app.js").write_text("one")
    before = load_page(tmp_path)
    (tmp_path / "app.js").write_text("two")
    after = load_page(tmp_path)
    assert len(before) > 3
    assert before.keys() & after.keys() == {"/"}
    assert re.findall(r'src="([^"]+)"', after["/"].content.decode())[0] in after
