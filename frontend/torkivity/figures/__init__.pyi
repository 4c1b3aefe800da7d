from torkivity.figures.angular import angular_figure as angular_figure
from torkivity.figures.convergence import convergence_figure as convergence_figure
from torkivity.figures.differences import difference_figure as difference_figure
from torkivity.figures.fits import fit_figure as fit_figure
from torkivity.figures.magnetoresistance import (
    magnetoresistance_figure as magnetoresistance_figure,
)
from torkivity.figures.profiles import profile_figure as profile_figure
from torkivity.figures.style import save_figure as save_figure
from torkivity.figures.sweeps import line_figure as line_figure
from torkivity.figures.sweeps import map_figure as map_figure
from torkivity.figures.sweeps import sweep_figure as sweep_figure
from torkivity.figures.thickness import thickness_figure as thickness_figure
