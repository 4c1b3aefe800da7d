r"""
A magnet between two heavy metals
=================================

Platinum below and tantalum above have spin Hall angles of opposite signs, and cobalt between them
takes spins of the same direction from both sides: the two torques add.
"""

import matplotlib.pyplot as plt
import numpy as np

import torkivity

# %%
# A ``Stack`` holds any layers with an interface between neighbours. Each ferromagnet of a stack
# has its own magnetization, and so has an interface with exchange.

up = (0.0, 0.0, 1.0)
platinum = torkivity.HeavyMetal.from_spin_diffusion_length(5.0, 2.0853, 2.57, 0.059)
cobalt = torkivity.Ferromagnet(2.0, 16.25, 6.01, 1000.0, 1.36, magnetization=up)
interface = torkivity.RashbaInterface(0.42645, 0.20055, 0.0, magnetization=up)


def damping_like(spin_hall_angle):
    """Torque at the lower interface, at the upper one, and in the cobalt, along -y."""
    tantalum = torkivity.HeavyMetal.from_spin_diffusion_length(5.0, 1.0, 1.8, spin_hall_angle)
    film = torkivity.Stack((platinum, cobalt, tantalum), (interface, interface))
    solution = torkivity.solve_boltzmann(film, torkivity.SphericalMesh(16, 8))
    lower, upper = solution.at_interface(0), solution.at_interface(1)
    # What enters the cobalt less what leaves it, and the torques right at its faces.
    bulk = lower.spin_current_plus - upper.spin_current_minus
    return [-part[1] for part in (lower.torque_interface, upper.torque_interface, bulk)]


# %%
# At the spin Hall angle of platinum the two metals would cancel if they were alike.

angles = np.linspace(-0.15, 0.15, 13)
parts = 1e-5 * np.array([damping_like(angle) for angle in angles])
figure, axes = plt.subplots(layout="constrained")
for values, name in zip(parts.T, ("Pt|Co", "Co|Ta", "inside Co"), strict=True):
    axes.plot(angles, values, "--", label=name)
axes.plot(angles, parts.sum(axis=1), "k-", label="sum")
axes.axhline(0.0, color="0.7", linewidth=0.8)
axes.set_xlabel("spin Hall angle of the upper metal")
axes.set_ylabel(r"damping-like torque per $\tilde E$ ($10^5\,\Omega^{-1}\mathrm{m}^{-1}$)")
axes.legend(frameon=False)
plt.show()
