"""Command line: the group of all commands, and errors as one line."""

from __future__ import annotations

import io
import os
import sys
import warnings

import click

from torkivity.commands.anisotropy import anisotropy
from torkivity.commands.common import EXIT_BAD_INPUT, EXIT_FAILED, fail, say
from torkivity.commands.compare import compare
from torkivity.commands.converge import converge
from torkivity.commands.explore import explore
from torkivity.commands.export import export
from torkivity.commands.fit import fit
from torkivity.commands.info import info
from torkivity.commands.init import init
from torkivity.commands.plot import plot
from torkivity.commands.report import report
from torkivity.commands.reproduce import reproduce
from torkivity.commands.run import run
from torkivity.commands.selftest import selftest
from torkivity.commands.status import status
from torkivity.commands.sweep import sweep
from torkivity.figures.errors import FigureError
from torkivity.version import __version__

_HELP = """Spin-orbit torques of a heavy-metal/ferromagnet film with a Rashba interface, from the
Boltzmann equation and from drift-diffusion, and how far the two differ.

\b
First steps:
  torkivity init film.toml            write a commented film to start from
  torkivity run film.toml -o film.h5  compute it: table, film.h5 and film.png
  torkivity info film.h5              list what is in the result file
  torkivity report film.h5            a page to look at, send and print
  torkivity explore film.toml         a page on which to change it

\b
Many points, with [sweep.axes] in film.toml:
  torkivity sweep film.toml -o sweep.h5  compute; resumes where it was stopped
  torkivity status sweep.h5              how far it is
  torkivity plot sweep.h5                lines, a map, or profiles of a film
  torkivity compare sweep.h5             where drift-diffusion holds
  mpiexec -n 64 torkivity sweep film.toml -o sweep.h5
"""

_EPILOG = """\b
In Python: torkivity.open_results("film.h5") gives an xarray Dataset.
Exit status: 0 good, 2 bad input, 1 the computation failed,
3 incomplete: run again.
"""

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


#: Commands that share their work among MPI ranks.
_SHARED = ("sweep", "converge")


@click.group(help=_HELP, epilog=_EPILOG, context_settings=_SETTINGS)
@click.version_option(__version__, prog_name="torkivity")
@click.pass_context
def cli(context: click.Context) -> None:
    """Group of all commands; what is not shared is done once."""
    if context.invoked_subcommand not in _SHARED:
        from torkivity_hpc.running.launcher import detect_launch

        launch = detect_launch()
        if launch is not None and launch.rank > 0:
            context.exit(0)


for _command in (
    init,
    run,
    sweep,
    status,
    plot,
    compare,
    converge,
    export,
    fit,
    anisotropy,
    info,
    report,
    explore,
    reproduce,
    selftest,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command line and exit; every error is one line on stderr."""
    # Nothing is shown, and what is written needs none: an unknown backend must not matter.
    os.environ["MPLBACKEND"] = "agg"
    # One writer and atomic renames need no locks of HDF5, which some file systems do not have.
    os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # terminals that lack Greek letters
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            status = cli.main(prog_name="torkivity", standalone_mode=False)
    except click.ClickException as error:
        fail(error.format_message(), EXIT_BAD_INPUT)
    except (click.Abort, KeyboardInterrupt):
        fail("interrupted", EXIT_FAILED)
    except FigureError as error:
        fail(f"the figure cannot be made: {error}", EXIT_FAILED)
    except RuntimeError as error:
        from torkivity_hpc.running.crew import WorkerError

        if not isinstance(error, WorkerError):
            raise
        click.echo(str(error), err=True)
        fail(error.summary, EXIT_FAILED)
    except (ValueError, ArithmeticError, MemoryError, OSError) as error:
        from torkivity_engine.errors import CapacityError, InputError, PhysicsError

        if isinstance(error, (InputError, CapacityError)):
            # A configuration may have several things wrong with it, a line for each.
            *others, last = str(error).splitlines()
            for line in others:
                say(f"error: {line}")
            fail(last, EXIT_BAD_INPUT)
        if isinstance(error, PhysicsError):
            fail(str(error), EXIT_FAILED)
        if isinstance(error, OSError):
            _abandon_output()
            # What is written to files names them.
            fail(f"{error.filename or 'standard output'}: {error.strerror or error}", EXIT_FAILED)
        if isinstance(error, MemoryError):
            fail(f"out of memory {error}".rstrip(), EXIT_FAILED)
        raise
    sys.exit(status)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """A library's warning as one line."""
    say(f"warning: {' '.join(str(message).split())}")


def _abandon_output() -> None:
    """Keep the interpreter from flushing what standard output does not take."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
