"""Progress in the output of a notebook's cell: one line, which is replaced."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from torkivity_engine.html import escape

__all__ = ["notebook_teller"]


def notebook_teller() -> Callable[[str], None] | None:
    """What shows lines in the notebook that this process serves.

    Returns
    -------
    callable or None
        Takes a line, which takes the place of the one before. None where there is no notebook:
        nobody has asked a script to talk.
    """
    # A terminal's IPython has no kernel.
    if "ipykernel" not in sys.modules or "IPython" not in sys.modules:
        return None
    shell = sys.modules["IPython"].get_ipython()
    if getattr(shell, "kernel", None) is None:
        return None
    handle: Any = None

    def tell(line: str) -> None:
        nonlocal handle
        from IPython.display import display

        shown = {"text/plain": line, "text/html": f'<div role="status">{escape(line)}</div>'}
        if handle is None:
            handle = display(shown, raw=True, display_id=True)
        else:
            handle.update(shown, raw=True)

    return tell
