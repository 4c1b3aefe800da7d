r"""
Spin current through the film
=============================

Spins polarized along y flow through the platinum and enter the cobalt, where they precess about m
and lose step with each other. The torque on the cobalt is what they lose on the way.
"""

import matplotlib.pyplot as plt

import torkivity

# %%
# A solution knows the currents, accumulations and the torque density at any depth of each layer.

film = torkivity.Bilayer(
    torkivity.HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57, spin_hall_angle=0.059),
    torkivity.RashbaInterface(barrier=0.42645, exchange=0.20055, rashba=0.02),
    torkivity.Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36),
)
solution = torkivity.solve_boltzmann(film, torkivity.SphericalMesh(32, 8))

# %%
# Depths count from the lower face of a layer; here z = 0 is put at the interface. The current
# jumps there, by the torque right at the interface and by what the lattice takes.

figure, axes = plt.subplots(layout="constrained")
for layer, origin in ((0, -10.0), (1, 0.0)):
    profile = solution.profile(layer)
    for component, colour in enumerate(("tab:red", "tab:blue", "tab:green")):
        axes.plot(
            profile.z + origin,
            1e-5 * profile.spin_current[:, component],
            color=colour,
            label=f"spin along {'xyz'[component]}" if layer == 0 else None,
        )
axes.axvline(0.0, color="0.7", linewidth=0.8)
axes.set_xlabel("z (nm): Pt below 0, Co above")
axes.set_ylabel(r"spin current per $\tilde E$ ($10^5\,\Omega^{-1}\mathrm{m}^{-1}$)")
axes.legend(frameon=False)
plt.show()
