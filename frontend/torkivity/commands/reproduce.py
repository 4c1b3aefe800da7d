"""torkivity reproduce."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path

import click

from torkivity.commands.common import FILE, beside_numbers, one_thread, say
from torkivity.tables import fold

__all__ = ["reproduce"]

_NAMES = ("fig2", "fig3", "fig4")


@click.command(
    short_help="Redraw the paper's figures and judge what it says about them.",
    epilog="""\b
Examples:
  torkivity reproduce all -o paper           a minute
  torkivity reproduce fig3 -o paper --quick  seconds: a coarser mesh

Written into the folder, for each figure: fig3.pdf, fig3.png and fig3.h5 with the numbers;
and claims.md, claims.json with a verdict on each statement about the figures asked for.
""",
)
@click.argument("figure", type=click.Choice([*_NAMES, "all"]))
@click.option("-o", "--output", type=FILE, required=True, help="Folder; made if it is not there.")
@click.option("--quick", is_flag=True, help="Fewer points on a coarser mesh.")
@click.option("--force", is_flag=True, help="Overwrite files of an earlier run.")
def reproduce(figure: str, output: Path, quick: bool, force: bool) -> None:
    """Compute FIGURE of Amin and Stiles, Phys. Rev. B 94, 104420 (2016), by every model.

    For the Pt/Co set of the preset pt-co. Prints the verdicts.
    """
    started = time.perf_counter()
    one_thread()
    from torkivity_engine.errors import InputError
    from torkivity_hpc.files.store import check_output, new_file

    names = _NAMES if figure == "all" else (figure,)
    try:
        output.mkdir(exist_ok=True)
    except FileExistsError:
        raise InputError("output", str(output), "is a file; name a folder") from None
    except OSError as error:
        problem = f"cannot be made ({error.strerror})"
        raise InputError("output", str(output), problem) from None
    endings = ("h5", "pdf", "png")
    paths = [output / f"{name}.{ending}" for name in names for ending in endings]
    paths += [output / "claims.md", output / "claims.json"]
    for path in paths:
        check_output(path, force=force)

    say("loading numerics")
    from torkivity.commands.compilation import announce_compilation
    from torkivity.figures import save_figure
    from torkivity.paper.claims import claims_markdown, claims_record, evaluate_claims
    from torkivity.paper.data import PRESET, compute_figure, paper_config, write_figure_data
    from torkivity.paper.figures import paper_figure
    from torkivity.version import __version__

    with announce_compilation(say):
        data = {name: compute_figure(name, quick=quick, progress=say) for name in names}
    findings = evaluate_claims(data)
    command = f"torkivity reproduce {figure}{' --quick' if quick else ''}"
    mesh = data[names[0]].mesh
    heading = (
        f"Written by `{command}`, torkivity {__version__}, preset {PRESET}, {mesh}. "
        "Torques per E~; d damping-like, f field-like."
    )
    record = {
        "command": command,
        "torkivity_version": __version__,
        "preset": PRESET,
        "mesh": mesh,
        "claims": claims_record(findings),
    }
    texts = {
        "claims.md": claims_markdown(findings, heading),
        "claims.json": json.dumps(record, indent=1) + "\n",
    }
    with ExitStack() as stack:
        # Numbers and verdicts appear together, or none does.
        tables = [*(f"{name}.h5" for name in names), *texts]
        files = {n: stack.enter_context(new_file(output / n, force=force)) for n in tables}
        for name in names:
            write_figure_data(files[f"{name}.h5"], data[name], paper_config(quick=quick))
        for name, text in texts.items():
            files[name].write_text(text, encoding="utf-8")
    for finding in findings:
        claim = finding.claim
        number = f"{finding.value:<9.3g}"
        text = f"{claim.identifier:<5} {finding.verdict:<9} {number} {claim.statement}"
        click.echo("\n".join(fold(text, hang=26)))
    written = len(tables)
    for name in names:
        say(f"drawing {name}")
        for ending in ("pdf", "png"):
            path = output / f"{name}.{ending}"
            with beside_numbers(path), new_file(path, force=force) as temporary:
                save_figure(paper_figure(data[name]), temporary, ending)
                written += 1
    click.echo(f"\nwrote {written} files to {output} in {time.perf_counter() - started:.1f} s")
