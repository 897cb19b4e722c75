"""Burgers equation from -sin(pi x), by the Cole-Hopf transform, in numpy."""

import numpy as np
from numpy.polynomial.hermite import hermgauss
