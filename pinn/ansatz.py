"""From a bare network to one that lives on the domain: inputs of size one, exact periodicity, hard conditions.

An ansatz is a `Network` made from a `Network`, so nothing downstream knows whether a condition is hard or
soft. Hard conditions after Lagaris, Likas & Fotiadis (1998), IEEE Trans. Neural Networks 9(5), 987-1000:

    u = G + Phi (N(t, x) - N(t_0, x)),

where G takes the data on every hard face (transfinite interpolation: Gordon & Hall 1973, Numer. Math. 21,
109-129) and Phi vanishes there.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from pinn.errors import ProblemError
from pinn.face import HardFace
from pinn.hard import choose_hard
from pinn.networks import Network
from pinn.problem import TIME, Domain, Problem
from pinn.settings import AnsatzSettings
from pinn.symmetry import Reflection, describe, find_reflection


class Window(NamedTuple):
    """A part of the time range; a pytree of scalars, so that one compiled step serves all windows.

    Attributes:
        start: where it begins.
        stop: where it ends.
        anchored: 1 if the solution at its start is known, 0 if the network has to find that too.
    """

    start: Array
    stop: Array
    anchored: Array


class Pieces(NamedTuple):
    """Trained params of K windows, stacked along a first axis: the params of a whole solution.

    Attributes:
        params: of the network.
        windows: where each holds.
    """

    params: Any
    windows: Window


class Ansatz(NamedTuple):
    """What became of a network, and what the conditions became: u = fixed + the sum of trained over the windows.

    Attributes:
        network: the whole ansatz; its params are `Pieces`.
        init: key -> params of one window.
        fixed: point (d,) -> what the data alone say of the unknowns, (m,).
        trained: (params, window, point (d,), what the windows before have added there (m,)) -> what one window adds,
            (m,): nothing before it, after it what it has reached.
        hard: names of the constraints it satisfies by construction; they need no loss term.
        notes: sentences on what was decided and why.
        time_axis: of the coordinate the windows divide; None if there is no time.
        anchored: whether the initial state of every unknown is hard.
        reflection: the symmetry the network has; None if it has none.
    """

    network: Network
    init: Callable[[Array], Any]
    fixed: Callable[[Array], Array]
    trained: Callable[[Any, Window, Array, Array], Array]
    hard: tuple[str, ...]
    notes: tuple[str, ...]
    time_axis: int | None
    anchored: bool
    reflection: Reflection | None


def stacked(params: Any, window: Window) -> Pieces:
    """Make the pieces of a single window."""
    return jax.tree.map(lambda x: jnp.asarray(x)[None], Pieces(params, window))


def appended(pieces: Pieces | None, params: Any, window: Window) -> Pieces:
    """Add a window to the pieces before it."""
    last = stacked(params, window)
    return last if pieces is None else jax.tree.map(lambda a, b: jnp.concatenate([a, b]), pieces, last)


def feature_count(domain: Domain, settings: AnsatzSettings, even: int | None = None) -> int:
    """Number of inputs `encode` makes of a point."""
    count = 0
    for axis, coordinate in enumerate(domain.coordinates):
        kinds = 1 if axis == even else 2  # cosines, and sines
        own, waves = (0, settings.harmonics) if coordinate in domain.periodic else (1, settings.waves)
        count += own + (0 if coordinate == TIME and own else kinds * waves)
    return count


def encode(
    domain: Domain, settings: AnsatzSettings, even: int | None = None
) -> Callable[[Array, Window | None], Array]:
    """Return the map from a point (d,) and its window to input features of size one.

    A coordinate becomes (-1, 1) over its range, time over its window. A periodic one becomes cosines and sines of its
    first ``harmonics`` multiples, so that whatever the network does is periodic with all derivatives. Other coordinates
    of space get ``waves`` cosines and sines beside themselves, of twice their range as period: with them
    Gauss-Newton fits smooth solutions orders of magnitude better (experiments/accuracy). Of the coordinate with the
    index ``even`` only what is even about the middle of its range is kept.
    """

    def waves(phase: Array, count: int, axis: int) -> list[Array]:
        multiples = phase * jnp.arange(1, count + 1, dtype=phase.dtype)
        return [jnp.cos(multiples)] if axis == even else [jnp.cos(multiples), jnp.sin(multiples)]

    def features(point: Array, window: Window | None) -> Array:
        parts = []
        for axis, (coordinate, (lo, hi)) in enumerate(domain.bounds.items()):
            if coordinate in domain.periodic:
                parts += waves(2 * math.pi / (hi - lo) * (point[axis] - lo), settings.harmonics, axis)
                continue
            lo, hi = (window.start, window.stop) if coordinate == TIME and window is not None else (lo, hi)
            unit = (2 * (point[axis : axis + 1] - lo) / (hi - lo)) - 1
            parts.append(unit**2 if axis == even else unit)
            if coordinate != TIME and settings.waves:
                parts += waves(math.pi / 2 * unit[0], settings.waves, axis)
        return jnp.concatenate(parts)

    return features


def make_ansatz(problem: Problem, build: Callable[[int, int], Network] | Network, settings: AnsatzSettings) -> Ansatz:
    """Put features and hard conditions around a network.

    Args:
        problem: what is to be solved.
        build: (number of features, number of unknowns) -> network; or a network of that shape.
        settings: which conditions are to be hard.

    Raises:
        ProblemError: if the settings demand a hard condition that would change the problem.
    """
    domain, outputs = problem.domain, len(problem.unknowns)
    faces, notes = choose_hard(problem, settings)
    reflection = find_reflection(problem) if settings.symmetry else None
    notes = (*notes, describe(problem, reflection)) if reflection else notes
    even = reflection.axis if reflection and reflection.even else None
    encoded = encode(domain, settings, even)
    distances = [lift.coordinate for face in faces for lift in face.lifts if lift.coordinate is not None]
    inputs = feature_count(domain, settings, even) + len(distances) + settings.carried * outputs
    inner = build if isinstance(build, Network) else build(inputs, outputs)
    _check_shape(inner, inputs, outputs)
    time = domain.coordinates.index(TIME) if TIME in domain.coordinates and TIME not in domain.periodic else None
    begun = [any(f.axis == time and f.value == domain.bounds[TIME][0] for f in faces if f.unknown == k)
             for k in range(outputs)]  # fmt: skip

    def network(params: Any, window: Window, point: Array, at: Array, before: Array) -> Array:
        if reflection is None or reflection.even:  # the features are even, and what is made of them too
            return plain(params, window, point, at, before)
        signs = jnp.asarray(reflection.signs, point.dtype)
        image = plain(params, window, reflection.mirror(point), reflection.mirror(at), signs * before)
        return (plain(params, window, point, at, before) + signs * image) / 2

    def plain(params: Any, window: Window, point: Array, at: Array, before: Array) -> Array:
        # Distances to kinks stay those of the point itself when another time is meant: at the start of a window they
        # are sharper, and what is subtracted there, or was reached before, would be carried on as a sharp layer.
        smoothed = [distance(point)[None] for distance in distances]
        # In what was reached before, layers and waves that have become sharp are smooth coordinates: a window changes
        # them little, so that the solution is a smooth function of them.
        carried = [before] if settings.carried else []
        return inner.apply(params, jnp.concatenate([encoded(at, window), *smoothed, *carried]))

    def fixed(point: Array) -> Array:
        return jnp.stack([_interpolate([f for f in faces if f.unknown == k], domain, point) for k in range(outputs)])

    def trained(params: Any, window: Window, point: Array, before: Array) -> Array:
        if time is None:
            free = network(params, window, point, point, before)
        else:
            # What the network says of the window's start is subtracted: there the solution is known.
            start = network(params, window, point, _moved(point, time, window.start), before)
            free = network(params, window, point, _moved(point, time, _clip(point[time], window)), before)
            free = free - jnp.where(jnp.asarray(begun), 1, window.anchored).astype(free.dtype) * start
        return jnp.stack([_vanishing(k, faces, domain, point) * free[k] for k in range(outputs)])

    def whole(pieces: Pieces, point: Array) -> Array:
        def add(total: Array, piece: Pieces) -> tuple[Array, None]:
            return total + trained(piece.params, piece.windows, point, total), None

        return fixed(point) + jax.lax.scan(add, jnp.zeros(outputs, point.dtype), pieces)[0]

    lo, hi = domain.bounds[domain.coordinates[time]] if time is not None else (0.0, 1.0)

    def init(key: Array) -> Pieces:
        return stacked(inner.init(key), Window(*(jnp.asarray(v, float) for v in (lo, hi, 0.0))))

    names = tuple(f.constraint.name for f in faces)
    return Ansatz(Network(init, whole), inner.init, fixed, trained, names, notes, time, time is not None and all(begun), reflection)


def _moved(point: Array, axis: int, value: Array) -> Array:
    """Return a point with one coordinate replaced. A selection, because Taylor mode knows no scatter."""
    return jnp.where(jnp.arange(point.size) == axis, value.astype(point.dtype), point)


def _clip(t: Array, window: Window) -> Array:
    """Return the nearest time in a window. Written out because `jnp.clip` halves the derivative at the ends."""
    return jnp.where(t < window.start, window.start, jnp.where(t > window.stop, window.stop, t))


def _check_shape(network: Network, inputs: int, outputs: int) -> None:
    key, features = jax.random.PRNGKey(0), jax.ShapeDtypeStruct((inputs,), jnp.zeros(()).dtype)
    try:
        found = jax.eval_shape(lambda key, x: network.apply(network.init(key), x), key, features).shape
    except (TypeError, ValueError) as error:
        found = str(error).splitlines()[0]
    if found != (outputs,):
        raise ProblemError(
            f"the network has to map the {inputs} input features of a point to {outputs} unknown"
            f"{'s' if outputs > 1 else ''}, ({inputs},) to ({outputs},); it gives {found}.",
            ("network",),
        )


def _vanishing(unknown: int, faces: list[HardFace], domain: Domain, point: Array) -> Array:
    """Return Phi of one unknown, zero on its hard faces but the initial one."""
    vanishing = jnp.ones((), point.dtype)
    for axis, (coordinate, (lo, hi)) in enumerate(domain.bounds.items()):
        ends = [f.value for f in faces if f.unknown == unknown and f.axis == axis]
        ends = [end for end in ends if not (coordinate == TIME and end == lo)]
        scale = len(ends) ** 2 / (hi - lo) ** len(ends)  # so that Phi reaches one
        for end in ends:
            vanishing = vanishing * (point[axis] - end if end == lo else end - point[axis])
        vanishing = vanishing * scale if ends else vanishing
    return vanishing


def _interpolate(faces: list[HardFace], domain: Domain, point: Array) -> Array:
    """Return G: for each axis in turn, blend in what is still missing on its faces."""
    if not faces:
        return jnp.zeros((), point.dtype)
    axis = faces[-1].axis
    here = [face for face in faces if face.axis == axis]
    before = [face for face in faces if face.axis != axis]
    total = _interpolate(before, domain, point)
    lo, hi = list(domain.bounds.values())[axis]
    for face in here:
        other_end = lo + hi - face.value
        blend = 1.0 if len(here) == 1 else (point[axis] - other_end) / (face.value - other_end)
        on_face = point.at[axis].set(face.value)
        total = total + blend * (face.carried(point) - _interpolate(before, domain, on_face))
    return total
