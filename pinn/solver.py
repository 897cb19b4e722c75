"""One call from a problem to a solution with its error: prepare, train, evaluate."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pinn.errors import ProblemError, dotted
from pinn.evidence.gather import known_reference
from pinn.findings import findings
from pinn.names import check_names
from pinn.networks import Network, from_flax
from pinn.problem import Problem
from pinn.reference import reference_at_once
from pinn.settings import make_settings
from pinn.solution import Solution, build_ansatz, in_precision
from pinn.summary import summarised
from pinn.surroundings import lapack_on_one_thread
from pinn.training.limits import Limits
from pinn.training.plan import Plan, make_plan
from pinn.training.state import TrainState, init_state
from pinn.training.targets import loss_enough, watched_target
from pinn.training.train import train

OnLog = Callable[[dict[str, Any]], None]


class Hooks(NamedTuple):
    """What a caller may watch.

    Attributes:
        on_plan: what is about to be trained, once everything has been checked.
        on_note: a sentence on what was decided.
        on_log: the record of a logged step; its keys are those of `solve`.
        on_state: the plan and the state, before the first step and after each chunk of steps; and True after the last.
        stop: asked between chunks of steps; True interrupts.
    """

    on_plan: Callable[[Plan], None] = lambda plan: None
    on_note: Callable[[str], None] = lambda sentence: None
    on_log: OnLog = lambda record: None
    on_state: Callable[[Plan, TrainState, bool], None] = lambda plan, state, last: None
    stop: Callable[[], bool] = lambda: False


def solve(
    problem: Problem,
    *,
    seconds: float | None = None,
    seed: int | None = None,
    target: float | None = None,
    precision: str | None = None,
    network: Any = None,
    on_log: OnLog | Sequence[OnLog] = (),
    hooks: Hooks = Hooks(),  # noqa: B008 (immutable)
    resume: Callable[[Plan], tuple[Plan, TrainState]] | None = None,
    started: float | None = None,
    earlier_seconds: float = 0.0,
    **sections: Mapping[str, Any],
) -> Solution:
    """Solve a problem.

    Args:
        problem: from `load_problem` or `make_problem`.
        seconds: wall time to the end of training, compilation included.
        seed: of the network's initial params and of the points, >= 0.
        target: relative L2 error at which training may stop.
        precision: "float64" or "float32".
        network: settings such as ``{"width": 32}``; or a network of your own: a flax.nnx module, a function that makes
            one from random streams (see `pinn.from_flax`), or a `Network`.
        on_log: a function, or several, called with the record of each logged step: a dictionary of ``step``, counted
            from one; ``window``, ``attempt`` and ``stage``, counted from zero; ``span``, the window's first and last
            time; ``optimizer``; ``loss`` on the points trained on; ``held_out``, that on all points of the window's
            pool, None where it is not known; ``error``, the relative L2 error last looked at, or None; ``accepted``,
            whether the params changed; ``damping``, None for first-order methods; ``gradient_shares`` by constraint,
            or None; and ``seconds`` since the start. `pinn.TensorBoard` is one.
        hooks: what else to call on the way.
        resume: gives the state to go on from, and the plan with the windows of the run.
        started: `time.monotonic` at the start of the process; the call itself if not given.
        earlier_seconds: time the run took before it was interrupted.
        sections: further settings by section, as in a problem file: ``training={...}``, ``ansatz={...}``.

    Returns:
        The solution. Its ``summary`` says how training ended and how large the error is.

    Raises:
        ProblemError: for wrong settings.
    """
    started, hooks = time.monotonic() if started is None else started, _with_calls(hooks, on_log)
    given = {"seconds": seconds, "seed": seed, "precision": precision}
    layers = [problem.settings, sections, {"training": {k: v for k, v in given.items() if v is not None}}]
    if target is not None:
        layers.append({"target": {"relative_l2": target}})
    if isinstance(network, Mapping):
        layers.append({"network": network})
    settings = make_settings(*layers)
    check_names(problem, settings)
    with in_precision(settings):
        own = None if network is None or isinstance(network, Mapping) else network
        own = own if own is None or isinstance(own, Network) else from_flax(own)
        plan = make_plan(problem, settings, build_ansatz(problem, settings, own))
        return _solve(plan, hooks, resume, started, earlier_seconds)


def _with_calls(hooks: Hooks, on_log: OnLog | Sequence[OnLog]) -> Hooks:
    """Return hooks that call further functions with each record."""
    calls = (on_log,) if callable(on_log) else tuple(on_log) if isinstance(on_log, Sequence) else (on_log,)
    for call in calls:
        if not callable(call):
            raise ProblemError("expected a function of one record, or a list of such.", ("on_log",), str(call))

    def each(record: dict[str, Any]) -> None:
        for call in (hooks.on_log, *calls):
            call(record)

    return hooks._replace(on_log=each) if calls else hooks


def _timed(call: Callable[..., Any], spent: dict[str, float]) -> Callable[..., Any]:
    """Return a function that adds up the time it takes."""

    def measured(*arguments: Any) -> Any:
        began = time.monotonic()
        found = call(*arguments)
        spent["seconds"] += time.monotonic() - began
        return found

    return measured


def _solve(
    plan: Plan, hooks: Hooks, resume: Callable[[Plan], tuple[Plan, TrainState]] | None, started: float, earlier: float
) -> Solution:
    problem, settings = plan.problem, plan.settings
    plan, state = resume(plan) if resume else (plan, init_state(plan))
    hooks.on_plan(plan)
    hooks.on_state(plan, state, False)
    spent = {"seconds": 0.0}  # by logs, checkpoints, display and looks at the error, while training
    hooks = hooks._replace(on_log=_timed(hooks.on_log, spent), on_state=_timed(hooks.on_state, spent))
    idle = (n for n in settings.training.weights if n in plan.ansatz.hard)
    notes = [*_warnings(plan), *plan.ansatz.notes]
    notes += [f"training.weights.{n} has no effect: the condition is hard" for n in idle]
    target = settings.target.relative_l2
    known = known_reference(problem) if target else None
    reference = known[0] if known else reference_at_once(problem)
    if target and reference is None:
        notes.append(
            f"there is no reference ({known[1]}): training stops where the residual on unseen points, beside that of "
            "the data alone, is below the target"
        )
    for note in notes:
        hooks.on_note(note)
    latest: dict[str, float | None] = {"error": None}
    limits = Limits(
        None if settings.training.seconds is None else started + settings.training.seconds,
        _timed(watched_target(plan, reference, latest), spent) if reference else None,
        loss_enough(plan) if target and reference is None else None,
        hooks.stop,
    )
    history: list[dict[str, Any]] = []

    def on_log(record: dict[str, Any]) -> None:
        record = record | latest | {"seconds": round(earlier + time.monotonic() - started, 3)}
        history.append(record)
        hooks.on_log(record)

    def on_note(sentence: str) -> None:
        hooks.on_note(sentence)
        notes.append(sentence)

    setup = time.monotonic() - started
    with lapack_on_one_thread():
        state, outcome = train(plan, state, limits, on_log, lambda s: hooks.on_state(plan, s, False), on_note)
    hooks.on_state(plan, state, True)
    solution = summarised(plan, state, outcome, known, history, setup, started)
    solution.summary["seconds"] |= {"hooks": spent["seconds"], "earlier": earlier}
    solution.summary.update(hard=list(plan.ansatz.hard), notes=notes)
    return solution


def _warnings(plan: Plan) -> list[str]:
    """Return what is odd about the problem; of a kink that the ansatz has dealt with it speaks itself."""
    spoken = " ".join(plan.ansatz.notes)
    odd = [f for f in findings(plan.problem) if f.level == "warning"]
    odd = [f for f in odd if f.topic != "corner" or repr(f.key[1]) not in spoken]
    return [f"warning: {dotted(f.key)}: {f.message}" for f in odd]
