r"""
Where drift-diffusion holds
===========================

How far the damping-like torque of drift-diffusion is from that of the Boltzmann equation, over
the barrier and the exchange of the interface, for the Rashba source alone.
"""

import matplotlib.pyplot as plt
import numpy as np

import torkivity

# %%
# A loop over two parameters. For larger grids ``torkivity sweep`` does the same on many cores,
# into one file that can be resumed.

barriers = np.linspace(0.1, 1.0, 13)
exchanges = np.linspace(0.05, 0.8, 13)
mesh = torkivity.SphericalMesh(16, 8)
platinum = torkivity.HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57)
cobalt = torkivity.Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36)


def error(barrier, exchange):
    """Relative error of the damping-like torque in percent."""
    interface = torkivity.RashbaInterface(barrier, exchange, rashba=0.1)
    film = torkivity.Bilayer(platinum, interface, cobalt)
    exact = torkivity.solve_boltzmann(film, mesh, source="rashba")
    model = torkivity.solve_drift_diffusion(film, source="rashba", mesh=mesh)
    true = exact.damping_like(exact.torque_total)
    return 100.0 * (model.damping_like(model.torque_total) / true - 1.0)


errors = np.array([[error(barrier, exchange) for exchange in exchanges] for barrier in barriers])

# %%
# Zero is white.

largest = np.abs(errors).max()
figure, axes = plt.subplots(layout="constrained")
colours = axes.pcolormesh(
    exchanges, barriers, errors, cmap="RdBu_r", vmin=-largest, vmax=largest, shading="gouraud"
)
axes.clabel(axes.contour(exchanges, barriers, errors, colors="0.3", linewidths=0.8), fmt="%g %%")
figure.colorbar(colours, label="error of the damping-like torque (%)")
axes.set_xlabel("exchange $u_{ex}$")
axes.set_ylabel("barrier $u_0$")
plt.show()
