"""Differentiation by hand: an expression as a graph of elementary operations, and the sweeps over it.

Notation of Baydin, Pearlmutter, Radul & Siskind (2018), J. Mach. Learn. Res. 18(153), 1-43, tables 2 and 3: inputs are
v_{1-n} ... v_0, what is computed from them v_1, v_2, ...; a dot is a derivative along a direction of the inputs
(tangent), a bar that of the output in a value (adjoint).
"""

from pinn.trace.graph import Graph, Step, make_graph
from pinn.trace.sweeps import Row, adjoint_sweep, primal_sweep, tangent_sweep
from pinn.trace.whole import Trace, differences, trace

__all__ = [
    "Graph",
    "Row",
    "Step",
    "Trace",
    "adjoint_sweep",
    "differences",
    "make_graph",
    "primal_sweep",
    "tangent_sweep",
    "trace",
]
