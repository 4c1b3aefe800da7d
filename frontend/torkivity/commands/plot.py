"""torkivity plot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from torkivity.catalogue import MODELS, SOURCES
from torkivity.commands.common import (
    FILE,
    figure_format,
    grid_values,
    open_dataset,
    rtol_option,
    say,
    warn_unusual,
)
from torkivity.commands.units import UNITS, unit_option

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    from torkivity.study.case import Case

__all__ = ["plot"]


@click.command(
    short_help="Draw a result file: curves, maps, angles, or profiles through the film.",
    epilog="""\b
Examples:
  torkivity plot film.h5                 curves of 'torkivity run'
  torkivity plot sweep.h5 -o sweep.pdf   lines or a map, as the axes suggest
  torkivity plot sweep.h5 --x exchange --y rashba --at theta=45
  torkivity plot sweep.h5 --x exchange --by rashba --quantity torque_interface
  torkivity plot sweep.h5 --quantity difference
  torkivity plot sweep.h5 --angular --x theta
  torkivity plot sweep.h5 --angular --x theta --quantity resistance
  torkivity plot film.toml --profile     currents and torque density against z
  torkivity plot pumping.h5 --quantity damping --ms 1.4e6

--quantity: torque_total, torque_interface, torque_ferromagnet, torque_lattice,
spin_current_minus, spin_current_plus, charge_current_minus, charge_current_plus, difference
(drift-diffusion over Boltzmann minus one); resistance, conductance, layer_sheet_conductance
and current_share of a sweep with quantities = ["in_plane"]; damping, g_eff,
sheet_current, pumped_torque_exchange, ... of one with drive = "pumping"; or any variable
that 'torkivity info --all' lists.
Points that are not done are gaps.
""",
)
@click.argument("path", type=FILE)
@click.option(
    "-o",
    "--output",
    type=FILE,
    help="Figure, .png, .pdf or .svg. [default: PATH with the ending .png, -profile.png]",
)
@click.option("--force", is_flag=True, help="Overwrite an existing figure.")
@click.option("--x", help="Axis of the sweep to draw against.")
@click.option("--y", help="Second axis, for a map.")
@click.option("--by", help="Second axis, for a line of each of its values.")
@click.option(
    "--at",
    multiple=True,
    metavar="NAME=VALUE",
    help="Where to hold another axis; its first value otherwise. May be repeated.",
)
@click.option(
    "--quantity",
    metavar="NAME",
    help="What to draw. [default: torque_total; g_eff where the drive is pumping]",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    type=click.Choice(list(MODELS)),
    help="[default: all in PATH]",
)
@click.option(
    "--source",
    metavar="NAME",
    type=click.Choice(list(SOURCES)),
    help="Source of torque. [default: that of the sweep; all]",
)
@click.option("--turning", metavar="NAME", help="Magnet that turns, where the drive is pumping.")
@click.option("--ms", type=float, metavar="A/m", help="Saturation magnetization, for damping.")
@click.option(
    "--place",
    metavar="NAME",
    help="Interface, magnet or layer. [default: the first; of interfaces the first magnetic]",
)
@click.option(
    "--components",
    type=click.Choice(["torque-frame", "cartesian"]),
    help="Damping-like and field-like, or x, y and z. [default: torque-frame for torques]",
)
@unit_option(name for name in UNITS if name != "field")
@click.option("--resistivity", type=float, metavar="OHM_M", help="Heavy metal, for efficiency.")
@click.option("--angular", is_flag=True, help="Against an angle of m, with the anisotropy.")
@click.option("--profile", is_flag=True, help="Through the film; computes it anew.")
@rtol_option
@click.option("--title", help="Instead of the film and where axes are held; '' for none.")
def plot(
    path: Path,
    output: Path | None,
    force: bool,
    at: tuple[str, ...],
    angular: bool,
    profile: bool,
    rtol: float | None,
    title: str | None,
    **options: Any,
) -> None:
    """Draw the result file PATH of 'torkivity run' or 'torkivity sweep'.

    With --profile, PATH may also be the TOML file of a film.
    """
    from torkivity_hpc.files.store import check_output, new_file

    output = output or path.with_name(f"{path.stem}{'-profile' if profile else ''}.png")
    file_format = str(figure_format(output, "--output"))
    if output.resolve() == path.resolve():
        raise click.UsageError("input and output must be different files")
    check_output(output, force=force)
    held = grid_values(at)
    given = {name for name, value in options.items() if value not in (None, ())}
    if profile:
        extra = {"angular"} if angular else set()
        _refuse((given | extra) - {"source", "models"}, "without --profile")
        if len(options["models"]) > 1:
            raise click.UsageError("--model: --profile draws one model")
        chosen = options["source"], options["models"]
        figure = _profile_figure(path, held, *chosen, title, rtol)
    elif rtol is not None:
        raise click.UsageError("--rtol: only with --profile, which computes a film anew")
    elif path.suffix.lower() == ".toml":
        raise click.UsageError(f"{path} is no result file; --profile draws a film from its TOML")
    else:
        say(f"reading {path}")
        dataset = open_dataset(path)
        if dataset.attrs.get("kind") == "sweep":
            if dataset.attrs.get("drive") == "pumping":
                dataset = _pumped(dataset, options)
            elif options["turning"] is not None or options["ms"] is not None:
                raise click.UsageError(f"--turning, --ms: the drive of {path} is a field")
            if options["unit"] == "efficiency":
                dataset = _with_resistivity(dataset)
            figure = _sweep_figure(dataset, held, angular, title, options)
        elif dataset.attrs.get("drive") == "pumping":
            raise click.UsageError(f"{path} holds a single film; 'torkivity sweep' makes curves")
        else:
            single = {"quantity", "place"}
            extra = ({"angular"} if angular else set()) | ({"at"} if held else set())
            _refuse((given | extra) - single, "for sweeps")
            figure = _thickness_figure(dataset, options["quantity"], options["place"], title)
    from torkivity.figures import save_figure

    with new_file(output, force=force) as temporary:
        save_figure(figure, temporary, file_format)
    click.echo(f"wrote {output}")


def _with_resistivity(dataset: xarray.Dataset) -> xarray.Dataset:
    """The sweep with the resistivity of the heavy metal at each point, if its films say it."""
    import numpy as np

    from torkivity.figures.quantities import OWN_RESISTIVITY
    from torkivity.study.own_units import own_numbers

    status = dataset["status"]
    varied = {str(name): (v.dims, v.values) for name, v in dataset.variables.items()}
    own = own_numbers(dataset.attrs, status.sizes, varied)
    if own is None:
        return dataset
    values = np.broadcast_to(own.resistivity, status.shape)
    return dataset.assign_coords({OWN_RESISTIVITY: (status.dims, values)})


def _pumped(dataset: xarray.Dataset, options: dict[str, Any]) -> xarray.Dataset:
    """A sweep of what magnets pump, with damping if it is asked for; options are filled in."""
    from torkivity.figures.quantities import DAMPING

    for name in ("source", "unit", "resistivity", "components"):
        if options[name] is not None:
            raise click.UsageError(f"--{name} is for torques; the drive of this sweep is pumping")
    options["source"] = options["turning"]
    ms = options["ms"]
    options["quantity"] = options["quantity"] or (DAMPING if ms is not None else "g_eff")
    if (options["quantity"] == DAMPING) != (ms is not None):
        raise click.UsageError(
            "--quantity damping and --ms, the saturation magnetization, go together"
        )
    if ms is None:
        return dataset
    from torkivity.study.pumping import with_damping

    return with_damping(dataset, ms)


def _refuse(given: set[str], where: str) -> None:
    """An option that would have no effect."""
    if given:
        names = ", ".join(f"--{name.removesuffix('s')}" if name == "models" else f"--{name}"
                          for name in sorted(given))  # fmt: skip
        raise click.UsageError(f"{names}: only {where}")


def _thickness_figure(
    dataset: xarray.Dataset, quantity: str | None, place: str | None, title: str | None
) -> Figure:
    from torkivity.figures import thickness_figure
    from torkivity.figures.sweeps import figure_title

    text = figure_title(dataset, {}, []) if title is None else title
    part = (quantity or "torque_total").removeprefix("torque_")
    return thickness_figure(dataset, text, part=part, interface=place)


def _sweep_figure(
    dataset: xarray.Dataset,
    held: dict[str, str],
    angular: bool,
    title: str | None,
    options: dict[str, Any],
) -> Figure:
    from torkivity.figures import (
        angular_figure,
        line_figure,
        magnetoresistance_figure,
        map_figure,
    )
    from torkivity.figures.quantities import RESISTANCE, Quantity
    from torkivity.results.selection import choose_axes, select_points, varying_axes

    x, y, by = options["x"], options["y"], options["by"]
    if angular and y is not None:
        raise click.UsageError("--angular draws lines: give --by instead of --y")
    if angular and x is None:
        x = next((n for n in varying_axes(dataset) if ".magnetization." in n), None)
        if x is None:
            raise click.UsageError("--angular: no angle of m varies in this sweep")
    x, y, by = choose_axes(dataset, x, y, by, held)
    if angular:
        y = None
    chosen = select_points(dataset, [name for name in (x, y, by) if name is not None], held)
    quantity = Quantity(
        name=options["quantity"] or "torque_total",
        models=options["models"],
        source=options["source"],
        place=options["place"],
        components=options["components"] or "auto",
        normalisation=UNITS[options["unit"] or "raw"],
        resistivity=options["resistivity"],
    )
    _tell(quantity.part_of(chosen.dataset, first=y is not None), chosen.assumed)
    if angular:
        draw = magnetoresistance_figure if quantity.name == RESISTANCE else angular_figure
        return draw(dataset, x, by=by, at=held, quantity=quantity, title=title)
    if y is not None:
        if len(quantity.of(chosen.dataset)[0].values) > 1:
            say("a map shows one model, here the first; --model chooses another")
        return map_figure(dataset, x, y, at=held, quantity=quantity, title=title)
    return line_figure(dataset, x, by=by, at=held, quantity=quantity, title=title)


def _tell(drawn: xarray.Dataset, assumed: dict[str, Any]) -> None:
    """What the figure does not show: where axes are held, and points that are not done."""
    from torkivity.results.selection import count_states, plain_value

    for name, value in assumed.items():
        say(f"{name} = {plain_value(value)}, its first value; --at takes others")
    states = count_states(drawn)
    total = sum(states.values())
    if states["done"] < total:
        parts = [f"{states[name]} {name}" for name in ("missing", "failed") if states[name]]
        say(f"gaps: of {total} points drawn, {' and '.join(parts)}")


def _profile_figure(
    path: Path,
    held: dict[str, str],
    source: str | None,
    models: tuple[str, ...],
    title: str | None,
    rtol: float | None,
) -> Figure:
    from torkivity.config.text import load_config
    from torkivity.study.case import Case
    from torkivity.study.unusual import unusual_values
    from torkivity_engine.film.stack import as_stack

    where = ""
    if path.suffix.lower() == ".toml":
        if held:
            raise click.UsageError("--at is for sweeps; the TOML file describes a single film")
        case = Case.of(load_config(path), path)
        warn_unusual(path, unusual_values(case))
    else:
        from torkivity.figures.style import point_label
        from torkivity.results.values import choose_source, driving_dimension, known_models
        from torkivity.study.points import point_case

        say(f"reading {path}")
        dataset = open_dataset(path)
        case, point = point_case(dataset, held)
        _tell(point.dataset, point.assumed)
        where = point_label(point.held, dataset)
        # It is computed anew, whatever the file has.
        if source is None and known_models(dataset) and driving_dimension(dataset) == "source":
            source = choose_source(dataset)
    from torkivity.study.models import default_models

    model = (models or default_models(case))[0]
    names = " / ".join(as_stack(case.film).names)
    shown = "" if model == "boltzmann" else MODELS[model].title
    text = "; ".join(filter(None, [names, where, shown])) if title is None else title
    return _draw_profile(case, model, source or "all", text, rtol)


def _draw_profile(case: Case, model: str, source: str, title: str, rtol: float | None) -> Figure:
    say("loading numerics")
    from torkivity.commands.compilation import announce_compilation
    from torkivity.figures import profile_figure
    from torkivity.study.point import solve_point
    from torkivity_engine.tolerance import Tolerance

    with announce_compilation(say):
        solution = solve_point(case, model, source, None if rtol is None else Tolerance(rtol))
        return profile_figure(case.film, solution, title=title)
