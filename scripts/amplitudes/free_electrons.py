"""Write the interfaces of a film, given by their potentials, as tables of amplitudes.

    python scripts/amplitudes/free_electrons.py film.toml -o tables

One file for each interface, on the annuli between the film's Fermi spheres.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from torkivity import SphericalMesh, write_amplitudes
from torkivity.config.text import load_config
from torkivity_engine.film.free_electron_table import free_electron_table
from torkivity_engine.film.stack import as_stack


def main() -> None:
    """Read a film, write its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("film", type=Path, help="TOML file")
    parser.add_argument("-o", "--output", type=Path, default=Path(), help="folder")
    parser.add_argument("--n-polar", type=int, default=8, help="points in each annulus")
    parser.add_argument("--n-azimuth", type=int, default=12)
    options = parser.parse_args()
    rings = SphericalMesh(options.n_polar, options.n_azimuth).rings
    assert rings is not None
    stack = as_stack(load_config(options.film).film)
    options.output.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(stack.names_of_interfaces):
        path = options.output / f"{name.replace('|', '_')}.h5"
        table = free_electron_table(stack, index, rings)
        write_amplitudes(path, table, provenance=f"free electrons, {options.film}, {name}")
        print(f"{path}: {table.n_points} points")


if __name__ == "__main__":
    main()
