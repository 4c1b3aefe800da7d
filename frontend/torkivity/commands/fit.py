"""torkivity fit."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from torkivity.catalogue import FIT_MODELS
from torkivity.commands.common import (
    EXIT_FAILED,
    FILE,
    beside_numbers,
    figure_format,
    is_standard_output,
    rtol_option,
    say,
    warn_unusual,
    write_text,
)

if TYPE_CHECKING:
    from torkivity.fit.fit import FitResult

__all__ = ["fit"]

_EXAMPLE = ("ir_cofeb.csv", "ir_cofeb.toml")


@click.command(
    short_help="Fit measured torques, resistance and damping against thickness or angle.",
    epilog="""\b
Examples:
  torkivity fit --example             write ir_cofeb.csv and ir_cofeb.toml
  torkivity fit ir_cofeb.csv --config ir_cofeb.toml --figure fit.png
  torkivity fit a.csv --resistivity 2e-7 --fix mixing_conductance_real=0.6
  torkivity fit --config joint.toml   all [fit.files] of joint.toml together
\b
The header of the data names each column with its unit:
  thickness [nm],damping_like [%],damping_like_error [%]

Columns may be separated by tabs, semicolons or spaces too; Excel workbooks (.xlsx) are read.
Units: [1] or [%] of an efficiency, [1e4 (hbar/2e)/(Ohm m)] of a torque per field,
[mT/(1e11 A/m^2)] of an effective field per current density. Beside torques: sheet_resistance
[Ohm], magnetoresistance [%], damping [1e-3], damping_enhancement, effective_mixing_conductance
[nm^-2].

Exit status: 0 fitted (warnings say what the data leave open), 1 no convergence, 2 bad input.
""",
)
@click.argument("data", type=FILE, nargs=-1)
@click.option("--config", type=FILE, help="TOML file with a [fit] table.")
@click.option(
    "--model",
    type=click.Choice(FIT_MODELS),
    help="Drift-diffusion with free parameters; of the film in the configuration the exact "
    "thickness formula (torques of bilayers), or the equation itself (any stack, resistance and "
    "damping too). [default: phenomenological]",
)
@click.option("--fix", multiple=True, metavar="NAME=VALUE", help="Keep a parameter there.")
@click.option("--vary", multiple=True, metavar="NAME[=START[:MIN:MAX]]", help="Fit a parameter.")
@click.option("--resistivity", type=float, help="Of the heavy metal, Ohm m.")
@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="Fit only points like 't < 4' (nm), 'theta >= 30', 'phi == 0' (degrees).",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="LINES",
    help="Leave out lines of the file: 7,12-14; of several files NAME:7,12-14.",
)
@click.option(
    "--select",
    multiple=True,
    metavar="NAME",
    help="Fit with and without this parameter and report what the data ask for.",
)
@click.option(
    "--criterion",
    type=click.Choice(["AICc", "BIC"]),
    help="By which. [default: AICc]",
)
@rtol_option
@click.option("--no-profile", is_flag=True, help="No profile intervals.")
@click.option("--no-outliers", is_flag=True, help="No search for points that do not belong.")
@click.option("-o", "--output", type=FILE, help="JSON file to write, - for standard output.")
@click.option("--figure", type=FILE, help="Figure to write, .png, .pdf or .svg.")
@click.option("--curves", type=FILE, help="CSV file to write: the fitted curves with errors.")
@click.option("--latex", type=FILE, help="LaTeX table of the parameters to write.")
@click.option("--force", is_flag=True, help="Overwrite existing output.")
@click.option("--example", is_flag=True, help="Write an example, data and configuration, here.")
def fit(
    data: tuple[Path, ...],
    config: Path | None,
    model: str | None,
    fix: tuple[str, ...],
    vary: tuple[str, ...],
    resistivity: float | None,
    where: tuple[str, ...],
    exclude: tuple[str, ...],
    select: tuple[str, ...],
    criterion: Literal["AICc", "BIC"] | None,
    rtol: float | None,
    no_profile: bool,
    no_outliers: bool,
    output: Path | None,
    figure: Path | None,
    curves: Path | None,
    latex: Path | None,
    force: bool,
    example: bool,
) -> int:
    """Fit what DATA (one or more files) have measured and say what that does not determine."""
    if example:
        return _write_example(force)
    if not data and config is None:
        raise click.UsageError("Missing argument 'DATA...'.")
    from torkivity_hpc.files.store import check_output

    file_format = figure_format(figure)
    outputs = {"json": output, "figure": figure, "curves": curves, "latex": latex}
    written = {kind: path for kind, path in outputs.items() if path is not None}
    regular = [path for path in written.values() if not is_standard_output(path)]
    _check_files([*data, *([config] if config else []), *regular])
    for path in written.values():
        check_output(path, force=force)
    say("loading numerics")
    from torkivity.fit.choose import points_where, without_lines
    from torkivity.fit.fit import fit_torques
    from torkivity.fit.report import fit_report
    from torkivity.fit.selection import select_model
    from torkivity.fit.settings import FitSettings, asked_parameters, load_fit_settings

    asked = asked_parameters(fix, vary)
    settings = load_fit_settings(config) if config is not None else FitSettings()
    settings = settings.updated(model, resistivity, asked, select, criterion)
    data = data or settings.data_files()
    if not data:
        raise click.UsageError(f"Missing argument 'DATA...': {config} names no [fit.files].")
    _check_files([*data, *([config] if config else []), *regular])
    sets, measurements = settings.read(data)
    for lines in exclude:
        sets = without_lines(sets, lines)
    for condition in where:
        sets = [points_where(entry, condition) for entry in sets]
    chosen = settings.build_model(rtol, say)
    warn_unusual(config or Path("--resistivity"), settings.unusual_values())
    say(f"fitting {sum(entry.size for entry in sets)} points")
    options: dict[str, Any] = {
        "measurement": measurements,
        "separate": settings.separate,
        "profile": not no_profile,
        "outliers": not no_outliers,
        "tell": say,
    }
    try:
        if settings.select:
            selection = select_model(
                *(sets, chosen, settings.select, settings.parameters),
                criterion=settings.criterion,
                **options,
            )
            result = selection.result
        else:
            selection, result = None, fit_torques(sets, chosen, settings.parameters, **options)
    except ModuleNotFoundError as error:
        raise click.UsageError(str(error)) from None
    to_stdout = is_standard_output(output)
    if selection is not None:
        click.echo(f"{selection.text()}\n", err=to_stdout)
    click.echo(fit_report(result), err=to_stdout)
    more: dict[str, Any] = {} if selection is None else {"selection": selection.record()}
    _write(result, {**more, "made": _made_by(config)}, written, file_format, force)
    return 0 if result.success else EXIT_FAILED


def _check_files(files: list[Path]) -> None:
    """Refuse to read and write the same file."""
    if len({path.resolve() for path in files}) < len(files):
        raise click.UsageError("data, configuration and output must be different files")


def _json_text(content: dict[str, object]) -> str:
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _made_by(config: Path | None) -> dict[str, str]:
    """Versions, the command and its configuration."""
    from torkivity.config.text import read_text
    from torkivity.study.plan import version_attributes

    made = {
        name: value
        for name, value in version_attributes().items()
        if name == "created" or name.endswith("_version")
    }
    made["command"] = shlex.join(["torkivity", *sys.argv[1:]])
    if config is not None:
        made |= {"config": config.name, "config_toml": read_text(config, "TOML")}
    return made


def _write(
    result: FitResult,
    more: dict[str, Any],
    written: dict[str, Path],
    file_format: str | None,
    force: bool,
) -> None:
    """Write what was asked for, numbers before the figure."""
    from torkivity.fit.curves import curves_csv
    from torkivity.fit.report import fit_json, fit_latex
    from torkivity_hpc.files.store import new_file

    texts: dict[str, Callable[[], str]] = {
        "json": lambda: _json_text({**fit_json(result), **more}),
        "curves": lambda: curves_csv(result),
        "latex": lambda: fit_latex(result),
    }
    made = []
    for kind, text in texts.items():
        if kind in written:
            write_text(written[kind], text(), force=force)
            made += [] if is_standard_output(written[kind]) else [written[kind]]
    figure = written.get("figure")
    if figure is not None:
        with beside_numbers(figure), new_file(figure, force=force) as temporary:
            from torkivity.figures import fit_figure, save_figure

            drawn = fit_figure(result, f"{result.model} model")
            save_figure(drawn, temporary, str(file_format))
            made.append(figure)
    if made:
        click.echo(f"\nwrote {' and '.join(map(str, made))}", err=len(made) < len(written))


def _write_example(force: bool) -> int:
    from importlib import resources

    from torkivity_hpc.files.store import check_output, new_file

    for name in _EXAMPLE:
        check_output(Path(name), force=force)
    for name in _EXAMPLE:
        text = (resources.files("torkivity") / "examples" / name).read_text("utf-8")
        with new_file(Path(name), force=force) as temporary:
            temporary.write_text(text, encoding="utf-8")
    names = " and ".join(_EXAMPLE)
    click.echo(f"wrote {names}; next: torkivity fit {_EXAMPLE[0]} --config {_EXAMPLE[1]}")
    return 0
