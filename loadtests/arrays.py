"""The types of the arrays that the load generator computes with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
InstantsNs = IntArray
BoolArray = NDArray[np.bool_]
