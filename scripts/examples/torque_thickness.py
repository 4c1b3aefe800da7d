r"""
Torque against thickness
========================

The spin Hall torque of Pt/Co needs platinum to build up a spin current; the Rashba torque is born
at the interface and settles within a few nanometres. Lines: Boltzmann equation. Circles:
drift-diffusion with the interface parameters of the paper.
"""

import matplotlib.pyplot as plt
import numpy as np

import torkivity

# %%
# A film is made of its layers, bottom to top, and the interface between them; lengths are in nm.


def film(thickness):
    platinum = torkivity.HeavyMetal.from_spin_diffusion_length(
        thickness, total_mean_free_path=2.0853, spin_diffusion_length=2.57, spin_hall_angle=0.059
    )
    interface = torkivity.RashbaInterface(barrier=0.42645, exchange=0.20055, rashba=0.02)
    cobalt = torkivity.Ferromagnet(
        5.0,
        mean_free_path_majority=16.25,
        mean_free_path_minority=6.01,
        spin_flip_length=1000.0,
        precession_length=1.36,
    )
    return torkivity.Bilayer(platinum, interface, cobalt)


# %%
# ``source`` leaves one of the two mechanisms on. Every solution has the same names, whatever the
# model.

thicknesses = np.linspace(0.5, 12.0, 24)
mesh = torkivity.SphericalMesh(16, 8)
figure, axes = plt.subplots(layout="constrained")
for source, colour in (("spin_hall", "tab:blue"), ("rashba", "tab:red")):
    for solve, style in (
        (torkivity.solve_boltzmann, "-"),
        (torkivity.solve_drift_diffusion, "o"),
    ):
        solutions = [solve(film(t), mesh=mesh, source=source) for t in thicknesses]
        torques = [s.damping_like(s.torque_total) for s in solutions]
        axes.plot(
            thicknesses,
            1e-5 * np.array(torques),
            style,
            color=colour,
            markerfacecolor="white",
            label=source.replace("_", " ") if style == "-" else None,
        )
axes.set_xlabel("Pt thickness (nm)")
axes.set_ylabel(r"damping-like torque per $\tilde E$ ($10^5\,\Omega^{-1}\mathrm{m}^{-1}$)")
axes.legend(frameon=False)
plt.show()
