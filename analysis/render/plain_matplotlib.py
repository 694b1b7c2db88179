"""matplotlib without the user's settings: it ignores ``MPLBACKEND`` and any ``matplotlibrc``.

Import this before matplotlib.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def _no_settings_of_others() -> Iterator[None]:
    """Within this, matplotlib finds an empty ``matplotlibrc`` first: it looks in the current directory before
    all others. One that is not UTF-8, or a back end that is not installed here, would end the import.
    """
    asked = os.environ.pop("MPLBACKEND", None)
    try:
        before = os.open(".", os.O_RDONLY)  # it may have been removed or moved; this finds it again
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "matplotlibrc").touch()
            os.chdir(folder)
            try:
                yield
            finally:
                os.fchdir(before)
                os.close(before)
    finally:
        if asked is not None:
            os.environ["MPLBACKEND"] = asked


with _no_settings_of_others():
    import matplotlib as mpl

mpl.use("Agg")


@contextmanager
def own_settings(settings: Mapping[str, Any]) -> Iterator[None]:
    """Use matplotlib's defaults with ``settings`` on top."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(settings)  # type: ignore[arg-type]  # its stub wants literal keys
        yield
