"""This solver with its default settings."""

from common import PLACES, TIMES, arguments, elapsed, report

options = arguments()
from importlib.metadata import version

import pinn

solution = pinn.solve(pinn.load_problem("allen_cahn"), seconds=options.seconds - elapsed(), seed=options.seed)
spent = elapsed() - solution.summary["seconds"]["evaluate"]
u = solution(t=TIMES[:, None], x=PLACES[None, :])
report(options.out, u, solution.summary["steps"], spent, version("pinn"))
