"""torkivity fit."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from torkivity.commands.common import EXIT_FAILED, FILE, figure_format, say

__all__ = ["fit"]

_EXAMPLE = ("ir_cofeb.csv", "ir_cofeb.toml")


@click.command(
    short_help="Fit measured torques against heavy-metal thickness or angle.",
    epilog="""\b
Examples:
  torkivity fit --example                             write ir_cofeb.csv and ir_cofeb.toml
  torkivity fit ir_cofeb.csv --config ir_cofeb.toml -o fit.json --figure fit.png
  torkivity fit a.csv --resistivity 2e-7 --fix mixing_conductance_real=0.6 --vary spin_hall_angle
\b
The header of the data names each column with its unit:
  thickness [nm],damping_like [1e4 (hbar/2e)/(Ohm m)],damping_like_error [1e4 (hbar/2e)/(Ohm m)]
Columns may be separated by tabs, semicolons or spaces too; Excel workbooks (.xlsx) are read.
Other torques: efficiency, unit [1] or [%]; effective field, unit [mT/(1e11 A/m^2)].
\b
Exit status: 0 fitted (warnings say what the data leave open), 1 no convergence, 2 bad input.
""",
)
@click.argument("data", type=FILE, nargs=-1)
@click.option("--config", type=FILE, help="TOML file with a [fit] table.")
@click.option(
    "--model",
    type=click.Choice(["phenomenological", "microscopic"]),
    help="Drift-diffusion with free parameters, or the exact thickness formula of a film in the "
    "configuration. [default: phenomenological]",
)
@click.option("--fix", multiple=True, metavar="NAME=VALUE", help="Keep a parameter there.")
@click.option("--vary", multiple=True, metavar="NAME[=START[:MIN:MAX]]", help="Fit a parameter.")
@click.option("--resistivity", type=float, help="Of the heavy metal, Ohm m.")
@click.option("--no-profile", is_flag=True, help="No profile intervals.")
@click.option("-o", "--output", type=FILE, help="JSON file to write.")
@click.option("--figure", type=FILE, help="Figure to write, .png, .pdf or .svg.")
@click.option("--force", is_flag=True, help="Overwrite existing output.")
@click.option("--example", is_flag=True, help="Write an example, data and configuration, here.")
def fit(
    data: tuple[Path, ...],
    config: Path | None,
    model: str | None,
    fix: tuple[str, ...],
    vary: tuple[str, ...],
    resistivity: float | None,
    no_profile: bool,
    output: Path | None,
    figure: Path | None,
    force: bool,
    example: bool,
) -> int:
    """Fit torques in DATA (one or more files) and say what they do not determine."""
    if example:
        return _write_example(force)
    if not data:
        raise click.UsageError("Missing argument 'DATA...'.")
    from torkivity_hpc.files.store import check_output, new_file

    file_format = figure_format(figure)
    outputs = [path for path in (output, figure) if path is not None]
    files = [*data, *([config] if config else []), *outputs]
    if len({path.resolve() for path in files}) < len(files):
        raise click.UsageError("data, configuration and output must be different files")
    for path in outputs:
        check_output(path, force=force)
    say("loading numerics")
    from torkivity.fit.fit import ParameterSetting, fit_torques
    from torkivity.fit.report import fit_json, fit_report
    from torkivity.fit.settings import FitSettings, load_fit_settings, parse_setting

    asked: dict[str, float | ParameterSetting] = dict(map(parse_setting, vary))
    asked.update(map(_fixed, fix))
    settings = load_fit_settings(config) if config is not None else FitSettings()
    settings = settings.updated(model, resistivity, asked)
    sets, measurements = settings.read(data)
    chosen = settings.build_model()
    say(f"fitting {sum(entry.size for entry in sets)} points")
    try:
        result = fit_torques(
            sets,
            chosen,
            settings.parameters,
            measurement=measurements,
            separate=settings.separate,
            profile=not no_profile,
        )
    except ModuleNotFoundError as error:
        raise click.UsageError(str(error)) from None
    click.echo(fit_report(result))
    with ExitStack() as stack:
        # All appear together at the end, or none does.
        names = {path: stack.enter_context(new_file(path, force=force)) for path in outputs}
        if output is not None:
            import json

            text = json.dumps(fit_json(result), indent=2, allow_nan=False)
            names[output].write_text(text + "\n", encoding="utf-8")
        if figure is not None and file_format is not None:
            from torkivity.figures import fit_figure, save_figure

            save_figure(fit_figure(result, f"{result.model} model"), names[figure], file_format)
    if outputs:
        click.echo(f"\nwrote {' and '.join(map(str, outputs))}")
    return 0 if result.success else EXIT_FAILED


def _fixed(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise click.UsageError(f"--fix {text}: must be NAME=VALUE with a number") from None


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
