"""The examples of docs/provider.md, run as a reader would run them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def examples() -> list[str]:
    text = (ROOT / "docs" / "provider.md").read_text(encoding="utf-8")
    section = text.partition("\n## In the tests of your own program\n")[2].partition("\n## ")[0]
    return _BLOCK.findall(section)


def pytest_in(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:locust", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_the_examples_pass(tmp_path: Path) -> None:
    plugin, real, virtual = examples()
    for name, text in (("conftest", plugin), ("test_sending", real), ("test_virtual", virtual)):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    done = pytest_in(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_an_example_that_is_wrong_fails(tmp_path: Path) -> None:
    plugin, real, _ = examples()
    (tmp_path / "conftest.py").write_text(plugin, encoding="utf-8")
    wrong = real.replace('"delivered"', '"expired"')
    assert wrong != real
    (tmp_path / "test_sending.py").write_text(wrong, encoding="utf-8")
    done = pytest_in(tmp_path)
    assert done.returncode == 1
    assert "'delivered'" in done.stdout
