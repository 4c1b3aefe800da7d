"""One writer per result file.

HDF5's own lock would also keep readers out, so the lock is a hidden file beside the result.
The operating system drops it with the process that holds it, however that ends.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from torkivity_engine.errors import InputError

__all__ = ["lock_path", "writer_lock"]

#: What file systems without locks answer.
_UNSUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}


def lock_path(path: Path) -> Path:
    """The lock file of a result file."""
    return path.parent / f".{path.name}.lock"


@contextlib.contextmanager
def writer_lock(path: Path) -> Iterator[bool]:
    """Hold the right to write a result file.

    Parameters
    ----------
    path : Path
        The result file; it need not exist.

    Yields
    ------
    bool
        False if the file system has no locks, so that nothing keeps a second writer out.

    Raises
    ------
    InputError
        If another process holds it, or the folder cannot be written to.
    """
    name = lock_path(path)
    while True:
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise InputError("output", str(path), f"cannot be written ({error.strerror})") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                os.close(descriptor)
                yield False
                return
            owner = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "a process"
            os.close(descriptor)
            raise InputError("output", str(path), f"is being written by {owner}") from None
        with contextlib.suppress(OSError):
            if os.fstat(descriptor).st_ino == os.stat(name).st_ino:
                break
        # The previous holder removed the file between our open and our lock.
        os.close(descriptor)
    try:
        with contextlib.suppress(OSError):  # a full disk: only the name of the owner is lost
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield True
    finally:
        with contextlib.suppress(OSError):
            name.unlink()
        os.close(descriptor)
