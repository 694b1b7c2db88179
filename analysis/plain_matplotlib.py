"""matplotlib without the user's settings: it ignores ``MPLBACKEND`` and any ``matplotlibrc``.

Import this before matplotlib.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_asked = os.environ.pop("MPLBACKEND", None)  # a back end that is not installed makes the import fail
try:
    import matplotlib as mpl
finally:
    if _asked is not None:
        os.environ["MPLBACKEND"] = _asked

mpl.use("Agg")


@contextmanager
def own_settings(settings: Mapping[str, Any]) -> Iterator[None]:
    """Use matplotlib's defaults with ``settings`` on top."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(settings)  # type: ignore[arg-type]  # its stub wants literal keys
        yield
