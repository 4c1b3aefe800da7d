"""One writer per result file, whatever name it is called by.

HDF5's own lock would also keep readers out. So there are two others: on a hidden file beside
the result, which keeps the name, even before there is a result; and on a byte far behind the
end of the result itself, which keeps the file when it has other names. The operating system
drops both with the process that holds them, however that ends.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from torkivity_engine.errors import InputError

__all__ = ["WriterLock", "lock_path", "require_no_writer", "writer_lock"]

#: What file systems without locks answer.
_UNSUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}

#: Locks of an open file, not of a process: those the process would lose whenever it closes the
#: file anywhere. Not every system has them.
_SET, _GET = getattr(fcntl, "F_OFD_SETLK", None), getattr(fcntl, "F_OFD_GETLK", None)

#: ``struct flock``: type, whence, start, length, process.
_FLOCK = struct.Struct("hhqqi0q")

#: The byte that a writer locks.
_BYTE = (1 << 62) - 1


def lock_path(path: Path) -> Path:
    """The lock file of a result file, beside the file that a link leads to."""
    real = Path(os.path.realpath(path))
    return real.parent / f".{real.name}.lock"


class WriterLock:
    """Right to write a result file, held until `writer_lock` ends.

    Attributes
    ----------
    supported : bool
        False if the file system has no locks, so that nothing keeps a second writer out.
    """

    def __init__(self, path: Path, stack: contextlib.ExitStack) -> None:
        self.supported = True
        self._path, self._stack = path, stack

    def hold(self, file: Path) -> None:
        """Hold this file too, which is about to replace the one that is held, or is that one.

        Parameters
        ----------
        file : Path

        Raises
        ------
        InputError
            If another process writes it, under whatever name, or it cannot be written to.
        """
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise _unwritable(self._path, error) from None
        self._stack.callback(os.close, descriptor)
        if _SET is None:
            return
        try:
            # A file system that makes HDF5's locks out of these lets readers beside a shared
            # one; of two writers neither gets past the other's to the exclusive one.
            for kind in (fcntl.F_WRLCK, fcntl.F_RDLCK):
                fcntl.fcntl(descriptor, _SET, _FLOCK.pack(kind, os.SEEK_SET, _BYTE, 1, 0))
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise _being_written(self._path) from None
            self.supported = False


@contextlib.contextmanager
def writer_lock(path: Path) -> Iterator[WriterLock]:
    """Hold the right to write a result file.

    Parameters
    ----------
    path : Path
        The result file or a link to it; it need not exist.

    Yields
    ------
    WriterLock

    Raises
    ------
    InputError
        If another process holds it, or the folder cannot be written to.
    """
    with contextlib.ExitStack() as stack:
        lock = WriterLock(path, stack)
        lock.supported = _hold_name(path, stack)
        if path.exists():
            lock.hold(path)
        yield lock


def _hold_name(path: Path, stack: contextlib.ExitStack) -> bool:
    """Lock the hidden file; whether the file system can."""
    name = lock_path(path)
    while True:
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _unwritable(path, error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in _UNSUPPORTED:
                return False
            raise _being_written(path) from None
        with contextlib.suppress(OSError):
            if os.fstat(descriptor).st_ino == os.stat(name).st_ino:
                break
        # The previous holder removed the file between our open and our lock.
        os.close(descriptor)
    stack.callback(os.close, descriptor)
    stack.callback(name.unlink, missing_ok=True)
    with contextlib.suppress(OSError):  # a full disk: only the name of the owner is lost
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
    return True


def require_no_writer(path: Path) -> None:
    """Refuse to replace a file that another process is writing.

    Parameters
    ----------
    path : Path
        An existing file.

    Raises
    ------
    InputError
    """
    if _GET is None:
        return
    question = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _BYTE, 1, 0)
    with contextlib.suppress(OSError):  # no locks, or not ours to read: nothing is known
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            answer = fcntl.fcntl(descriptor, _GET, question)
        finally:
            os.close(descriptor)
        if _FLOCK.unpack(answer)[0] != fcntl.F_UNLCK:
            raise _being_written(path)


def _being_written(path: Path) -> InputError:
    try:
        owner = lock_path(path).read_text(errors="replace").strip()
    except OSError:
        owner = ""
    return InputError(
        "output", str(path), f"is being written by {owner or 'another process, by another name'}"
    )


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError("output", str(path), f"cannot be written ({error.strerror})")
