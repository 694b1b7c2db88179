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
    """A context in which matplotlib finds an empty ``matplotlibrc`` first, in the current directory.

    A user's file that is not UTF-8, or that names a missing back end, would make the import fail.
    """
    asked = os.environ.pop("MPLBACKEND", None)
    try:
        # The directory may have been removed or moved; this finds it again.
        before = os.open(".", os.O_RDONLY)
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
        mpl.rcParams.update(settings)  # type: ignore[arg-type]  # its stub requires literal keys
        yield
