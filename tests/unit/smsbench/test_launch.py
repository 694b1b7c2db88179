"""The modules of smsbench run, whatever is in the current directory and PYTHONPATH."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smsbench import own_modules

ROOT = Path(__file__).parents[3]
# Named like packages of smsbench, like libraries it uses, and like modules of Python's own library.
_NAMES = ("analysis", "loadtests", "mock_provider", "locust", "queue", "secrets", "msgspec", "typer")


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    folder = tmp_path / "theirs"
    folder.mkdir()
    for name in _NAMES:
        (folder / f"{name}.py").write_text(f"print('THEIRS {name}')\nraise SystemExit(0)\n")
    return folder


def listed(command: list[str], theirs: Path, pythonpath: str = "") -> str:
    environment = {"PATH": os.environ["PATH"]} | ({"PYTHONPATH": pythonpath} if pythonpath else {})
    done = subprocess.run(command, cwd=theirs, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def test_the_command_ignores_modules_of_the_same_names_in_its_directory(theirs: Path) -> None:
    script = theirs.parent / "smsbench-command"  # as pip writes it
    script.write_text(
        f"import sys\nsys.path.append({str(ROOT)!r})\nfrom smsbench.launch import main\nsys.exit(main())\n"
    )
    for command in ([str(script)], ["-m", "smsbench"]):
        # `-m` finds its module in the first of these; the script has nothing but its own directory.
        pythonpath = "" if command[0] == str(script) else str(ROOT)
        out = listed([sys.executable, *command, "list"], theirs, pythonpath)
        assert "day-5k" in out and "THEIRS" not in out


def test_the_command_ignores_modules_of_the_same_names_in_pythonpath(theirs: Path) -> None:
    script = theirs.parent / "smsbench-command"
    script.write_text(
        f"import sys\nsys.path.append({str(ROOT)!r})\nfrom smsbench.launch import main\nsys.exit(main())\n"
    )
    out = listed([sys.executable, str(script), "list"], theirs.parent, str(theirs))
    assert "day-5k" in out and "THEIRS" not in out


def test_a_child_searches_this_repository_first_and_pythonpath_last(theirs: Path, tmp_path: Path) -> None:
    (theirs / "only_there.py").write_text("NAME = 'found'\n")
    shows = tmp_path / "later" / "shows.py"
    shows.parent.mkdir()
    shows.write_text(
        "import analysis, loadtests, locust, queue, msgspec, only_there, sys\n"
        "print(*(m.__file__ for m in (analysis, loadtests, locust, queue, msgspec)), sep='\\n')\n"
        "print(only_there.NAME, sys.argv[1:], '' in sys.path)\n"
    )
    later = os.pathsep.join([str(shows.parent), str(theirs)])
    done = subprocess.run(
        [sys.executable, "-P", own_modules.__file__, "shows", "one", "two"],
        cwd=theirs,
        env={"PATH": os.environ["PATH"], own_modules.LATER_PATH: later},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    *places, last = done.stdout.splitlines()
    assert last == "found ['one', 'two'] False"
    assert places[:2] == [str(ROOT / name / "__init__.py") for name in ("analysis", "loadtests")]
    assert not [place for place in places if place.startswith(str(theirs))]


def test_this_repositorys_packages_precede_installed_packages_of_the_same_name(theirs: Path) -> None:
    script = (
        "import sys; from smsbench.own_modules import set_path; "
        f"sys.path.insert(1, {str(theirs)!r}); set_path([]); import analysis; print(analysis.__file__)"
    )
    out = listed([sys.executable, "-c", script], theirs.parent, str(ROOT))
    assert out.strip() == str(ROOT / "analysis" / "__init__.py")


def test_an_import_error_of_a_command_does_not_exit_with_the_code_of_a_verdict(tmp_path: Path) -> None:
    script = (
        "import sys; from smsbench.launch import main; sys.modules['loadtests.cli'] = None; "
        "sys.argv = ['smsbench', 'list']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == os.EX_SOFTWARE
    assert "Traceback" in done.stderr
