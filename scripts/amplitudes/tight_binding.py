"""Write the amplitudes of a plane between two tight-binding crystals: copy and change the model.

    python scripts/amplitudes/tight_binding.py -o interface.h5
    python scripts/amplitudes/tight_binding.py -o interface.h5 --kwant

One orbital on a cubic lattice; energies in eV from the Fermi energy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from torkivity import write_amplitudes
from torkivity.sources.tight_binding import Crystal, Plane, brillouin_zone, tight_binding_table
from torkivity.sources.with_kwant import kwant_table

LATTICE = 0.3  # nm
HOPPING = [-1.0, -1.0, -1.0]
METAL = Crystal(3.0, HOPPING)
MAGNET = Crystal(3.0, HOPPING, exchange=0.4)
PLANES = [Plane(3.2, HOPPING[:2], exchange=0.3, rashba=0.2)]


def main() -> None:
    """Solve the model, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("-n", type=int, default=32, help="points along each axis of the zone")
    parser.add_argument("--m", type=float, nargs=3, default=(0.0, 0.0, 1.0))
    parser.add_argument("--kwant", action="store_true", help="solve with Kwant")
    options = parser.parse_args()
    solve = kwant_table if options.kwant else tight_binding_table
    points = brillouin_zone(LATTICE, options.n)
    table = solve(points, LATTICE, METAL, MAGNET, PLANES, magnetization=options.m)
    provenance = f"tight binding, one orbital, {'Kwant' if options.kwant else 'NumPy'}"
    write_amplitudes(options.output, table, provenance=provenance)
    print(f"{options.output}: {table.n_points} points")


if __name__ == "__main__":
    main()
