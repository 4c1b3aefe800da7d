"""Command line: the group of all commands, and errors as one line."""

from __future__ import annotations

import os
import sys

import click

from torkivity.commands.anisotropy import anisotropy
from torkivity.commands.common import EXIT_BAD_INPUT, EXIT_FAILED, fail
from torkivity.commands.compare import compare
from torkivity.commands.converge import converge
from torkivity.commands.export import export
from torkivity.commands.fit import fit
from torkivity.commands.info import info
from torkivity.commands.init import init
from torkivity.commands.plot import plot
from torkivity.commands.reproduce import reproduce
from torkivity.commands.run import run
from torkivity.commands.selftest import selftest
from torkivity.commands.status import status
from torkivity.commands.sweep import sweep
from torkivity.version import __version__

_HELP = """Spin-orbit torques of a heavy-metal/ferromagnet film with a Rashba interface, from the
Boltzmann equation and from drift-diffusion, and how far the two differ.

\b
First steps:
  torkivity init film.toml            write a commented film to start from
  torkivity run film.toml -o film.h5  compute it: table, film.h5 and film.png
  torkivity info film.h5              list what is in the result file

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


@click.group(help=_HELP, epilog=_EPILOG, context_settings=_SETTINGS)
@click.version_option(__version__, prog_name="torkivity")
def cli() -> None:
    """Group of all commands."""


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
    reproduce,
    selftest,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command line and exit; every error is one line on stderr."""
    try:
        status = cli.main(prog_name="torkivity", standalone_mode=False)
    except click.ClickException as error:
        fail(error.format_message(), EXIT_BAD_INPUT)
    except (click.Abort, KeyboardInterrupt):
        fail("interrupted", EXIT_FAILED)
    except BrokenPipeError:
        # The reader (head, less) has gone; keep the interpreter from flushing to it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)
    except RuntimeError as error:
        from torkivity_hpc.running.crew import WorkerError

        if not isinstance(error, WorkerError):
            raise
        click.echo(str(error), err=True)
        fail(error.summary, EXIT_FAILED)
    except (ValueError, ArithmeticError, MemoryError, OSError) as error:
        from torkivity_engine.errors import CapacityError, InputError, PhysicsError

        if isinstance(error, (InputError, CapacityError)):
            fail(str(error), EXIT_BAD_INPUT)
        if isinstance(error, PhysicsError):
            fail(str(error), EXIT_FAILED)
        if isinstance(error, OSError):
            where = f"{error.filename}: " if error.filename else ""
            fail(f"{where}{error.strerror or error}", EXIT_FAILED)
        if isinstance(error, MemoryError):
            fail(f"out of memory {error}".rstrip(), EXIT_FAILED)
        raise
    sys.exit(status)
