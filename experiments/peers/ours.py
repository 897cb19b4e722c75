"""This solver with its default settings."""

import pinn  # isort: skip (before numpy, as a run of the command has it; see pinn/__init__.py)

from common import PLACES, TIMES, arguments, elapsed, report

options = arguments()
from importlib.metadata import version

solution = pinn.solve(pinn.load_problem("allen_cahn"), seconds=options.seconds - elapsed(), seed=options.seed)
spent = elapsed() - solution.summary["seconds"]["evaluate"]
u = solution(t=TIMES[:, None], x=PLACES[None, :])
report(options.out, u, solution.summary["steps"], spent, version("pinn"))
