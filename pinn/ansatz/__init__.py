"""From a bare network to one that lives on the domain: its inputs, its symmetry, hard conditions.

An ansatz is a `Network` made from a `Network`, so nothing downstream knows whether a condition is hard or
soft. Hard conditions after Lagaris, Likas & Fotiadis (1998), IEEE Trans. Neural Networks 9(5), 987-1000:

    u = G + Phi (N(t, x) - N(t_0, x)),

where G takes the data on every hard face (transfinite interpolation: Gordon & Hall 1973, Numer. Math. 21,
109-129) and Phi vanishes there. N counts in sizes of its unknown.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from pinn.ansatz.blend import interpolate, odd_about_mirrors, vanishing
from pinn.ansatz.features import encode, feature_counts
from pinn.ansatz.hard import choose_hard
from pinn.ansatz.inputs import given_inputs
from pinn.ansatz.layer import find_layer, stretched
from pinn.ansatz.mirrors import choose_mirrors
from pinn.ansatz.scale import scales
from pinn.ansatz.symmetry import Reflection, describe, find_reflection
from pinn.errors import ProblemError
from pinn.gauge import mean_points
from pinn.networks import Network
from pinn.pieces import Pieces, Window, stacked
from pinn.problem import TIME, Domain, Problem
from pinn.settings import AnsatzSettings


class Ansatz(NamedTuple):
    """What became of a network, and what the conditions became: u = fixed + the sum of trained over the windows.

    Attributes:
        network: the whole ansatz; its params are `Pieces`.
        init: key -> params of one window.
        fixed: point (d,) -> what the data alone say of the unknowns, (m,).
        trained: (params, window, point (d,), what the windows before have added there (m,), whether the point is known
            to lie in the window) -> what one window adds, (m,): nothing before it, after it what it has reached, and of
            unknowns of order two in time, whose rate has to go on too, what it goes on to at the rate it has reached.
        hard: names of the constraints it satisfies by construction; they need no loss term.
        notes: sentences on what was decided and why.
        time_axis: of the coordinate the windows divide; None if there is no time.
        anchored: whether the initial state of every unknown is hard, rates included where the order in time is two.
        reflection: the symmetry the network has; None if it has none.
        rests: whether what a window has added at a place stays as it is at all later times.
    """

    network: Network
    init: Callable[[Array], Any]
    fixed: Callable[[Array], Array]
    trained: Callable[..., Array]
    hard: tuple[str, ...]
    notes: tuple[str, ...]
    time_axis: int | None
    anchored: bool
    reflection: Reflection | None
    rests: bool


Build = Callable[[Sequence[int], int], Network]


def make_ansatz(problem: Problem, build: Build | Network, settings: AnsatzSettings) -> Ansatz:
    """Put features and hard conditions around a network.

    Args:
        problem: what is to be solved.
        build: (numbers of features, number of unknowns) -> network; or a network of all these features. They are
            counted by coordinate, and those that depend on several come last.
        settings: which conditions are to be hard.

    Raises:
        ProblemError: if the settings demand a hard condition that would change the problem.
    """
    domain, outputs = problem.domain, len(problem.unknowns)
    faces, notes = choose_hard(problem, settings)
    time = domain.coordinates.index(TIME) if TIME in domain.coordinates and TIME not in domain.periodic else None
    reflection = find_reflection(problem) if settings.symmetry and not settings.inputs else None
    notes = (*notes, describe(problem, reflection)) if reflection else notes
    even = reflection.axis if reflection and reflection.even else None
    singular = [lift.coordinates for face in faces for lift in face.lifts if lift.coordinates is not None]
    # Of what a lift has as its coordinate, or a face at the last time, the time itself is a part.
    moving = singular or any(face.axis == time and face.value == domain.bounds[TIME][1] for face in faces)
    layer = find_layer(problem, faces, reflection, settings)
    if layer is not None:
        axis, center = layer
        stretch = stretched(domain, axis, center, even == axis)
        singular.append(lambda point, at: stretch(point[axis])[None])
        notes = (*notes, f"an input is stretched around {domain.coordinates[axis]}={center:g}, where a layer may form")
    mirrors, flat, told = choose_mirrors(problem, faces, settings, (layer[0],) if layer else (), even)
    notes = (*notes, *told)
    encoded = encode(domain, settings, even, mirrors)
    rated = [any(f.rate for f in faces if f.unknown == k) for k in range(outputs)]
    more = given_inputs(problem, settings)
    singular += [lambda point, at: more(at)] if more else []
    # Of a system in time alone, what was reached before is a constant, and says nothing. Where rates go on, it is no
    # function of space alone; the initial data are.
    carries = settings.carried and time is not None and len(domain.coordinates) > 1
    carries = carries and (not any(rated) or settings.carried == "state")
    sizes = scales(problem, faces, settings)
    mixed = _count(singular, domain) + carries * outputs
    inputs = feature_counts(domain, settings, even, mirrors) + ((mixed,) if mixed else ())
    inner = build if isinstance(build, Network) else build(inputs, outputs)
    _check_shape(inner, sum(inputs), outputs)
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
        smoothed = [coordinates(point, at) for coordinates in singular]
        # In what was reached before, layers and waves that have become sharp are smooth coordinates: a window changes
        # them little, so that the solution is a smooth function of them.
        known = before * (not any(rated)) + begin(point) if settings.carried == "state" else before
        if mirrors:  # what is odd about them is made even
            known = known * jnp.stack([odd_about_mirrors(k, faces, domain, mirrors, point) for k in range(outputs)])
        carried = [known / jnp.asarray(sizes, before.dtype)] if carries else []
        return inner.apply(params, jnp.concatenate([encoded(at, window), *smoothed, *carried]))

    def begin(point: Array) -> Array:
        return fixed(_moved(point, time, jnp.asarray(domain.bounds[TIME][0], point.dtype)))

    def fixed(point: Array) -> Array:
        return jnp.stack([interpolate([f for f in faces if f.unknown == k], domain, point) for k in range(outputs)])

    def trained(params: Any, window: Window, point: Array, before: Array, within: bool = False) -> Array:
        if time is None:
            free = network(params, window, point, point, before)
        else:
            # What the network says of the window's start is subtracted: there the solution is known.
            def at(t: Array) -> Array:
                return network(params, window, point, _moved(point, time, t), before)

            t = _clip(point[time], window)
            free, start = at(t), at(window.start)
            if any(rated):  # and its rate there; after the window, the rate at its end goes on
                two, rate = jnp.asarray(rated, start.dtype), partial(jax.jvp, at, tangents=(jnp.ones_like(t),))
                later = jnp.where(point[time] > window.stop, point[time] - window.stop, 0)
                start = start + two * (t - window.start + later) * rate((window.start,))[1]
                free = free if within else free + two * later * rate((t,))[1]
            free = free - jnp.where(jnp.asarray(begun), 1, window.anchored).astype(free.dtype) * start
        return jnp.stack([size * vanishing(k, faces, domain, mirrors, point) * free[k] for k, size in enumerate(sizes)])

    def whole(pieces: Pieces, point: Array) -> Array:
        def add(total: Array, piece: Pieces) -> tuple[Array, None]:
            return total + trained(piece.params, piece.windows, point, total), None

        return fixed(point) + jax.lax.scan(add, jnp.zeros(outputs, point.dtype), pieces)[0]

    def gauged(pieces: Pieces, point: Array) -> Array:
        """Add the constant that gives an unknown its mean. No constraint sees it, so that training need not either."""
        nodes, weights = (jnp.asarray(v, point.dtype) for v in mean_points(problem))
        missing = means.astype(point.dtype) - weights @ jax.vmap(partial(whole, pieces))(nodes)
        return whole(pieces, point) + jnp.where(asked, missing, 0)

    asked = jnp.asarray([name in problem.means for name in problem.unknowns])
    means = jnp.asarray([problem.means.get(name, 0.0) for name in problem.unknowns])
    lo, hi = domain.bounds[domain.coordinates[time]] if time is not None else (0.0, 1.0)

    def init(key: Array) -> Pieces:
        return stacked(inner.init(key), Window(*(jnp.asarray(v, float) for v in (lo, hi, 0.0))))

    names = (*(f.constraint.name for f in faces), *(f.rate.constraint.name for f in faces if f.rate), *flat)
    return Ansatz(
        Network(init, gauged if problem.means else whole),
        jax.jit(inner.init),  # compiled once, for all attempts
        fixed,
        trained,
        names,
        notes,
        time,
        time is not None
        and all(begun)
        and all(problem.order(TIME, u) <= 1 + r for u, r in zip(problem.unknowns, rated, strict=True)),
        reflection,
        time is not None and not (any(rated) or moving or problem.means or time in mirrors),
    )


def _moved(point: Array, axis: int, value: Array) -> Array:
    """Return a point with one coordinate replaced. A selection, because Taylor mode knows no scatter."""
    return jnp.where(jnp.arange(point.size) == axis, value.astype(point.dtype), point)


def _clip(t: Array, window: Window) -> Array:
    """Return the nearest time in a window.

    Written out for the derivative: `jnp.clip` halves it at the ends. Edges between windows belong to the earlier one.
    """
    before = (t < window.start) | ((t == window.start) & (window.anchored > 0))
    return jnp.where(before, window.start, jnp.where(t > window.stop, window.stop, t))


def _count(singular: list[Callable[[Array, Array], Array]], domain: Domain) -> int:
    point = jax.ShapeDtypeStruct((len(domain.coordinates),), jnp.zeros(()).dtype)
    return sum(jax.eval_shape(coordinates, point, point).size for coordinates in singular)


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
