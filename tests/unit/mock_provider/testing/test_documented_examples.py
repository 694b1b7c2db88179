"""The examples of docs/provider.md, run as a reader would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from mock_provider import ProviderConfig, load_profile
from mock_provider.testing import ProviderThread, fixtures

ROOT = Path(__file__).parents[4]
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def section() -> str:
    text = (ROOT / "docs" / "provider.md").read_text(encoding="utf-8")
    return text.partition("\n## In the tests of your own program\n")[2].partition("\n## ")[0]


def examples() -> list[str]:
    return _BLOCK.findall(section())


def test_the_documented_names_exist() -> None:
    rows = re.findall(r"^\| (`.*?) \|", section(), re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"`([a-z_]+)", row)}
    assert len(names) > 10
    with ProviderThread(ProviderConfig(load_profile("fast"), stop_grace_s=0.1)) as provider:
        assert [name for name in names if not hasattr(provider, name)] == ["start_sms_provider"]
    assert hasattr(fixtures, "start_sms_provider")


def test_the_examples_pass_and_a_wrong_one_fails(tmp_path: Path) -> None:
    plugin, real, virtual = examples()
    wrong = real.replace('"delivered"', '"expired"')
    assert wrong != real
    files = {"conftest": plugin, "test_sending": real, "test_virtual": virtual, "test_wrong": wrong}
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # other plugins take seconds to load
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 2 passed" in done.stdout, done.stdout
    assert "FAILED test_wrong.py" in done.stdout and "'delivered'" in done.stdout
