"""The machine and the libraries that numbers depend on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import numba
import numpy as np
import scipy

from torkivity.version import __version__

__all__ = ["machine_facts"]


def machine_facts() -> dict[str, Any]:
    """What the numbers depend on besides the program."""
    facts: dict[str, Any] = {
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "numba": numba.__version__,
        "torkivity": __version__,
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS", "not limited"),
    }
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                facts["cpu"] = " ".join(line.partition(":")[2].split())
                break
    except OSError:
        pass
    for library in (np, scipy):
        config = library.show_config(mode="dicts")
        blas = (config or {}).get("Build Dependencies", {}).get("blas", {})
        facts[f"{library.__name__}_blas"] = f"{blas.get('name')} {blas.get('version')}"
    return facts
