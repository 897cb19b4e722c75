"""Learned dynamics: networks that take the state of a system one step of time further, and how far they are right.

A flow map is learned from trajectories (made: sources.py, equations.py, trajectories.py, fields.py; or given: files.py,
given.py), by one of several models (modules.py, models.py, adversarial.py; held_out.py, fit.py), rolled out beside
simple baselines (flowmap.py, baselines.py) and judged (judge.py, lyapunov.py). study.py does all of it.
"""
