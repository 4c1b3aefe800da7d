"""Error of the drift-diffusion torques against the Boltzmann equation, by heavy-metal thickness.

Three sets of interface parameters (bulk distributions, Appendix B; half spaces, Appendix D
taken literally; boundary-layer-exact) for the Pt/Co film with m at theta = 50, phi = 20
degrees and u_R = 0.2, for the Rashba and for the spin Hall source. Both models on one mesh.

    python scripts/boundary_layer_accuracy.py -o boundary_layer_error.png
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from torkivity import (
    Bilayer,
    Ferromagnet,
    HeavyMetal,
    RashbaInterface,
    SphericalMesh,
    solve_boltzmann,
    solve_drift_diffusion,
)

SOURCES = {"rashba": "Rashba", "spin_hall": "spin Hall"}
PARAMETERS = {
    "particular": ("bulk distributions (App. B)", "#d9822b", "o"),
    "half_space": ("half spaces (App. D)", "#5f9e8f", "s"),
    "boundary_layer": ("boundary-layer exact", "#14305c", "x"),
}
THICKNESSES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 16.0, 20.0)


def film() -> Bilayer:
    """Pt/Co set after Haney et al., Phys. Rev. B 87, 174411 (2013)."""
    theta, phi = math.radians(50.0), math.radians(20.0)
    return Bilayer(
        HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57, 0.059),
        RashbaInterface(0.42645, 0.20055, 0.2),
        Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36),
        magnetization=(
            math.sin(theta) * math.cos(phi),
            math.sin(theta) * math.sin(phi),
            math.cos(theta),
        ),
    )


def errors(source: str, mesh: object) -> dict[str, list[float]]:
    """Error of the total torque over its largest component, by parameters and thickness."""
    found: dict[str, list[float]] = {name: [] for name in PARAMETERS}
    for thickness in THICKNESSES:
        sample = film()
        sample = replace(sample, heavy_metal=replace(sample.heavy_metal, thickness=thickness))
        exact = solve_boltzmann(sample, mesh, source=source).torque_total
        for name in PARAMETERS:
            ours = solve_drift_diffusion(sample, name, source=source, mesh=mesh).torque_total
            found[name].append(float(np.abs(ours - exact).max() / np.abs(exact).max()))
    return found


def main() -> None:
    """Print the errors and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("boundary_layer_error.png"))
    arguments = parser.parse_args()
    mesh = SphericalMesh(32, 16)
    figure = Figure(figsize=(7.0, 3.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for letter, (source, title), axes in zip("ab", SOURCES.items(), panels, strict=True):
        table = errors(source, mesh)
        print(f"{title}: t (nm), " + ", ".join(label for label, _, _ in PARAMETERS.values()))
        for i, thickness in enumerate(THICKNESSES):
            print(f"  {thickness:5.1f}  " + "  ".join(f"{table[n][i]:.1e}" for n in PARAMETERS))
        for name, (label, colour, marker) in PARAMETERS.items():
            axes.semilogy(
                THICKNESSES, table[name], color=colour, marker=marker, label=label,
                markersize=4.5, linewidth=1.0, markerfacecolor="white",
            )  # fmt: skip
        axes.set_title(f"({letter}) {title}", loc="left", fontsize=9)
        axes.set_xlabel("heavy-metal thickness (nm)", fontsize=9)
        axes.tick_params(direction="in", top=True, right=True, which="both", labelsize=8)
    panels[0].set_ylabel("error of the total torque\nrelative to Boltzmann", fontsize=9)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    figure.savefig(arguments.output, dpi=200)
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()
