"""A study in numbers, and these as a table."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from pinn.dynamics.judge import DIVERGED, THRESHOLD
from pinn.dynamics.study import Outcome, Study
from pinn.dynamics.trajectories import MEMORY
from pinn.plain import finite
from pinn.surroundings import platform, versions

NOTHING = "-"
Data = Mapping[str, Any]


def summary_of(found: Study) -> dict[str, Any]:
    """Return what is kept of a study, as plain data: null for what is not finite."""
    source = found.source
    return finite({
        "system": source.name,
        "components": list(source.train.names),
        "field": source.tests.places is not None,
        "dt": source.train.dt,
        "trained_on": {"trajectories": len(source.train.states), "states": len(source.train.times)},
        "judged_by": {"trajectories": len(source.tests.states), "known": MEMORY, "predicted": len(found.times),
                      "threshold": THRESHOLD},
        "lyapunov_time": source.lyapunov,
        "long_run": found.long_truth.shape[1] * source.train.dt if source.long else None,
        "watched": list(found.watched),
        "seed": found.seed,
        "outcomes": {name: _numbers(outcome) for name, outcome in found.outcomes.items()},
        "notes": _notes(found),
        "device": platform(),
        "versions": versions(),
    })  # fmt: skip


def _numbers(outcome: Outcome) -> dict[str, Any]:
    fitted = outcome.fitted
    trained = {
        "params": sum(x.size for x in jax.tree.leaves(fitted.params)),
        "steps": fitted.steps,
        "seconds": round(fitted.seconds, 1),
        "held_out": min(r["held_out"] for r in fitted.history),
    } if fitted else None  # fmt: skip
    return outcome.numbers | {"trained": trained}


def _notes(found: Study) -> list[str]:
    """Return what has to be said beside the table; of each roll-out that diverged, when."""
    source, out = found.source, [*found.source.notes, *found.notes]
    none = [n for n, outcome in found.outcomes.items() if outcome.numbers["statistics"] is None]
    if none and not source.long and source.tests.places is None:
        out.append(f"{', '.join(none)}: no statistics; in the second half a roll-out diverged, or all is at rest")
    if found.interrupted:
        out.append(f"interrupted while {found.interrupted} was trained; it and the models after it are not here")
    for name, outcome in found.outcomes.items():
        numbers, many = outcome.numbers, len(outcome.states)
        if numbers["diverged"]:
            of = f"{numbers['diverged']} of {many} roll-outs" if many > 1 else "the roll-out"
            out.append(f"{name}: {of} diverged, the first {numbers['first_diverged']:g} after its last known state")
        if source.long and numbers["statistics"] is None:
            length = (len(source.long.times) - MEMORY) * source.train.dt
            out.append(f"{name}: a roll-out over {length:g} units of time diverged, so that there are no statistics")
        if outcome.fitted and not np.isfinite([r["held_out"] for r in outcome.fitted.history]).any():
            out.append(f"{name}: its loss was never finite, and its params are those it began with")
    return out


def heads(data: Data) -> list[str]:
    """Return the heads of the columns of the table of a summary."""
    lyapunov = ["Lyapunov times"] if data["lyapunov_time"] else []
    statistics = [] if data["field"] else ["histogram", "spectrum"]
    return ["model", "one step", "relative L2", "valid time", *lyapunov, *statistics, *data["watched"], "diverged",
            "seconds", "params"]  # fmt: skip


def rows(data: Data) -> list[list[str]]:
    """Return a row of text for each model and baseline of a summary."""
    return [_row(data, name, numbers) for name, numbers in data["outcomes"].items()]


def _row(data: Data, name: str, numbers: Data) -> list[str]:
    valid, many, trained = numbers["valid_time"], data["judged_by"]["trajectories"], numbers["trained"]
    longest = ">" if numbers["always_valid"] > many / 2 else ""
    sizes = [numbers["one_step"], numbers["relative_l2"]["median"]]
    cells = [name, *map(_short, sizes), f"{longest}{valid['median']:.3g}"]
    if unit := data["lyapunov_time"]:
        low, middle, high = (valid[k] / unit for k in ("lower", "median", "upper"))
        cells.append(f"{longest}{middle:.1f} ({low:.1f} to {high:.1f})")
    if not data["field"]:
        distances = numbers["statistics"]
        cells += [_short(distances[k]) if distances else NOTHING for k in ("histogram", "spectrum")]
    cells += [_short(numbers["watched"][quantity]) for quantity in data["watched"]]
    cells.append(f"{numbers['diverged']} of {many}" if numbers["diverged"] else NOTHING)
    return [*cells, *([f"{trained['seconds']:.0f}", str(trained["params"])] if trained else [NOTHING, NOTHING])]


def _short(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.1e}"


def explained(data: Data) -> list[str]:
    """Return what the columns are, a sentence each."""
    many, length = data["judged_by"]["trajectories"], data["judged_by"]["predicted"] * data["dt"]
    out = [
        f"one step: error of a single step of {data['dt']:g}, in units of the change it makes (root mean square)",
        f"relative L2: error of the whole roll-out over {length:g} units of time, the median of {many}",
        f"valid time: until the error first exceeds {THRESHOLD:g} of the root mean square of the state, the median; > "
        "if most roll-outs never do",
    ]
    if data["lyapunov_time"]:
        out.append(f"Lyapunov times: the same in units of {data['lyapunov_time']:.4g}, with the quartiles")
    if not data["field"]:
        length = data["long_run"]
        over = (
            f"over {length:g} units of time after a transient, beside true ones from other states (rk4: how far the "
            "system is from itself)"
            if length
            else "over the second half of the roll-outs"
        )
        out.append(
            f"histogram, spectrum: distances of the statistics {over}, of the worst component that is not at rest by "
            "then: Wasserstein's in units of its spread, and Hellinger's between power spectra, at most 1"
        )
    out.append(
        f"diverged: roll-outs of which a component goes {DIVERGED:g} times as far from the mean as it ever truly does"
    )
    if data["watched"]:
        named = ", ".join(data["watched"])
        out.append(f"{named}: largest error along a roll-out over the largest size, the median")
    return out
