"""Spin-orbit torques from the Boltzmann equation with spin-orbit interfaces.

The public names are listed once, in the stub beside this file, and imported when first used,
so that ``import torkivity`` and ``torkivity --help`` stay quick.
"""

from torkivity.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
