"""Solutions and run folders in no time: fresh params, which calculate like trained ones."""

import json

import jax

from pinn import checkpoint
from pinn.config import problem_from_text
from pinn.runfolder import RunFolder
from pinn.settings import make_settings
from pinn.solution import Solution, build_ansatz, in_precision
from pinn.training.plan import make_plan
from pinn.training.state import init_state

BOX = """\
name: box
coordinates: {x: [0, 1], t: [0, 2], y: [-1, 1]}
periodic: [y]
unknowns: [u, v]
equations: {a: u_t = u_xx + u_yy, b: v_t = u}
conditions:
  i: {where: t=0, equation: u = sin(pi*x)*cos(pi*y)}
  j: {where: t=0, equation: v = x}
  left: {where: x=0, equation: u = 0}
  right: {where: x=1, equation: u = 0}
reference: {kind: none}
network: {width: 4, depth: 1}
"""


def untrained(problem):
    """Return a solution that nobody trained."""
    settings = make_settings(problem.settings)
    with in_precision(settings):
        ansatz = build_ansatz(problem, settings)
        params = jax.tree.map(
            lambda x: x.astype(settings.training.precision), ansatz.network.init(jax.random.PRNGKey(0))
        )
    return Solution(problem, settings, ansatz, params)


def untrained_run(path, text, finished=True):
    """Make the folder of a run that was stopped before its first step; finished, with a grid and summary like one."""
    problem = problem_from_text(text)
    settings = make_settings(problem.settings)
    folder = RunFolder(path, str(path / "problem.yaml"))
    with in_precision(settings):
        plan = make_plan(problem, settings, build_ansatz(problem, settings))
        folder.create(problem, settings)
        folder.save_state(plan, init_state(plan))
    if finished:
        (path / "summary.json").write_text(json.dumps({"status": "done", "problem": problem.name}))
        grid = {"t": [0.0, 0.5, 1.0], "x": [0.0, 0.25, 0.75, 1.0]}
        wrong = [[7.0] * 4] * 3  # of an earlier state; what is written has to come from the checkpoint
        checkpoint.write_npz(path / "solution.npz", grid | {"u": wrong, "u_reference": [[0.5] * 4] * 3})
    return path
