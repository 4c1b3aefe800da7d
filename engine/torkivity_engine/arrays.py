"""Types of the arrays that functions take and give."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ComplexArray", "FloatArray"]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
