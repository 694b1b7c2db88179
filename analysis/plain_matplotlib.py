"""matplotlib without the user's settings: neither a notebook's back end nor a ``matplotlibrc`` counts.

Import this before matplotlib.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_asked = os.environ.pop("MPLBACKEND", None)  # one that is not installed here would end the import
try:
    import matplotlib as mpl
finally:
    if _asked is not None:
        os.environ["MPLBACKEND"] = _asked

mpl.use("Agg")


@contextmanager
def own_settings(settings: Mapping[str, Any]) -> Iterator[None]:
    """Within this, ``settings`` upon matplotlib's own defaults."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(settings)  # type: ignore[arg-type]  # its stub wants literal keys
        yield
