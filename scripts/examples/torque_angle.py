r"""
Torque against the direction of m
=================================

Were the torque :math:`T_0\,\hat m\times(\hat m\times\hat y)` with one number :math:`T_0`, the
curves below would be flat. A weak Rashba interface bends them by one percent, a strong one by ten
and more: the torque of a film magnetized in the plane is then not that of the same film
magnetized along its normal.
"""

import matplotlib.pyplot as plt
import numpy as np

import torkivity

# %%
# m turns from the normal, z, to the direction of the field, x, so that it stays at right angles
# to y.

angles = np.linspace(0.0, 90.0, 19)
mesh = torkivity.SphericalMesh(32, 16)
platinum = torkivity.HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57, 0.059)
cobalt = torkivity.Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36)


def components(rashba, angle):
    """Damping-like and field-like torque of one film."""
    m = (np.sin(np.radians(angle)), 0.0, np.cos(np.radians(angle)))
    interface = torkivity.RashbaInterface(0.42645, 0.20055, rashba)
    film = torkivity.Bilayer(platinum, interface, cobalt, magnetization=m)
    solution = torkivity.solve_boltzmann(film, mesh)
    torque = solution.torque_total
    return solution.damping_like(torque), solution.field_like(torque)


# %%
# What is drawn is the ratio to the first angle, for each component.

figure, panels = plt.subplots(1, 2, sharey=True, figsize=(7.0, 3.2), layout="constrained")
for rashba, shade in ((0.05, "0.7"), (0.2, "0.4"), (0.6, "0.0")):
    torques = np.array([components(rashba, angle) for angle in angles])
    for axes, values in zip(panels, torques.T, strict=True):
        axes.plot(angles, values / values[0], color=shade, label=f"$u_R$ = {rashba}")
for axes, name in zip(panels, ("damping-like", "field-like"), strict=True):
    axes.set_title(name)
    axes.set_xlabel("angle of m from the normal (degrees)")
panels[0].set_ylabel("torque over that at 0°")
panels[0].legend(frameon=False)
plt.show()
