"""Storage of results over parameter grids, and the sweeps that fill it."""

from torkivity_hpc.files.store import (
    STATUS,
    Axis,
    ResultFile,
    check_output,
    create_results,
    new_file,
)

__all__ = ["STATUS", "Axis", "ResultFile", "check_output", "create_results", "new_file"]
