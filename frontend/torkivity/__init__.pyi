from torkivity.compare.anisotropy_sweep import (
    anisotropy_of_sweep as anisotropy_of_sweep,
)
from torkivity.fit.data import (
    read_torque_data as read_torque_data,
)
from torkivity.fit.fit import (
    fit_torques as fit_torques,
)
from torkivity.results.open import (
    open_results as open_results,
)
from torkivity.study.python import (
    solve_many as solve_many,
)
from torkivity.study.python import (
    sweep as sweep,
)
from torkivity.version import (
    __version__ as __version__,
)
from torkivity_engine.anisotropy import (
    AnisotropyExpansion as AnisotropyExpansion,
)
from torkivity_engine.anisotropy import (
    expand_torques as expand_torques,
)
from torkivity_engine.diffusion.boundary_layer import (
    BoundaryLayerParameters as BoundaryLayerParameters,
)
from torkivity_engine.diffusion.boundary_layer import (
    boundary_layer_parameters as boundary_layer_parameters,
)
from torkivity_engine.diffusion.drift_diffusion import (
    solve_drift_diffusion as solve_drift_diffusion,
)
from torkivity_engine.diffusion.pumping import (
    drift_diffusion_pumping as drift_diffusion_pumping,
)
from torkivity_engine.diffusion.quoting import (
    kinetic_film as kinetic_film,
)
from torkivity_engine.diffusion.quoting import (
    quoted_film as quoted_film,
)
from torkivity_engine.diffusion.tensors import (
    interface_conductivity as interface_conductivity,
)
from torkivity_engine.diffusion.tensors import (
    interface_tensors as interface_tensors,
)
from torkivity_engine.diffusion.tensors import (
    mixing_conductance as mixing_conductance,
)
from torkivity_engine.diffusion.tensors import (
    transmitted_mixing_conductance as transmitted_mixing_conductance,
)
from torkivity_engine.errors import (
    CapacityError as CapacityError,
)
from torkivity_engine.errors import (
    InputError as InputError,
)
from torkivity_engine.errors import (
    PhysicsError as PhysicsError,
)
from torkivity_engine.film.boundaries import (
    HalfSpace as HalfSpace,
)
from torkivity_engine.film.boundaries import (
    Reservoir as Reservoir,
)
from torkivity_engine.film.boundaries import (
    Surface as Surface,
)
from torkivity_engine.film.circuit_interface import (
    CircuitInterface as CircuitInterface,
)
from torkivity_engine.film.diffusion_length import (
    spin_diffusion_length as spin_diffusion_length,
)
from torkivity_engine.film.diffusive_ferromagnet import (
    DiffusiveFerromagnet as DiffusiveFerromagnet,
)
from torkivity_engine.film.diffusive_metal import (
    DiffusiveMetal as DiffusiveMetal,
)
from torkivity_engine.film.interfaces import (
    RashbaInterface as RashbaInterface,
)
from torkivity_engine.film.interfaces import (
    SpinOrbitInterface as SpinOrbitInterface,
)
from torkivity_engine.film.layers import (
    Ferromagnet as Ferromagnet,
)
from torkivity_engine.film.layers import (
    HeavyMetal as HeavyMetal,
)
from torkivity_engine.film.magnetic_insulator import (
    MagneticInsulator as MagneticInsulator,
)
from torkivity_engine.film.parameters import (
    Parameter as Parameter,
)
from torkivity_engine.film.parameters import (
    parameter as parameter,
)
from torkivity_engine.film.parameters import (
    parameters as parameters,
)
from torkivity_engine.film.parameters import (
    with_parameters as with_parameters,
)
from torkivity_engine.film.split_ferromagnet import (
    SplitFerromagnet as SplitFerromagnet,
)
from torkivity_engine.film.stack import (
    Bilayer as Bilayer,
)
from torkivity_engine.film.stack import (
    Stack as Stack,
)
from torkivity_engine.film.tabulated_interface import (
    TabulatedInterface as TabulatedInterface,
)
from torkivity_engine.pumped import (
    PumpingSolution as PumpingSolution,
)
from torkivity_engine.pumping import (
    spin_pumping as spin_pumping,
)
from torkivity_engine.reduced.sensitivity import (
    sensitivities as sensitivities,
)
from torkivity_engine.reduced.sensitivity import (
    sensitivity_names as sensitivity_names,
)
from torkivity_engine.solve import (
    solve_boltzmann as solve_boltzmann,
)
from torkivity_hpc.files.amplitudes import (
    read_amplitudes as read_amplitudes,
)
from torkivity_hpc.files.amplitudes import (
    write_amplitudes as write_amplitudes,
)
from torkivity_meshes import (
    SphericalMesh as SphericalMesh,
)
from torkivity_meshes import (
    load_mesh as load_mesh,
)
from torkivity_meshes import (
    mesh_from_arrays as mesh_from_arrays,
)
