"""Programs on plain arrays: every rule on every storage, with all that connections can be told."""

from __future__ import annotations

import tempfile
from dataclasses import replace as changed
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from synaptic_sampling import (
    Adam,
    Budget,
    Connections,
    DeepR,
    FixedWiring,
    Momentum,
    PotentialConnections,
    RewiringLog,
    SoftConnections,
    SoftDeepR,
    SynapticSampling,
    load_checkpoint,
    pair_elements,
    replace,
    save_checkpoint,
    step,
)
from tests.golden.registry import Program, kept, recorded, told

SEED = 0x1234_5678_9ABC_DEF0
STEPS = 40
NUM_PRE, NUM_POST = 20, 30

DEEPR = DeepR(learning_rate=0.05, l1=0.3, temperature=4e-3)
FIXED = FixedWiring(learning_rate=0.05)
SOFT = SoftDeepR(learning_rate=0.05, l1=0.4, temperature=0.02, connectivity=0.3)
#: With a floor far below 0.
DEEP = changed(SOFT, connectivity=0.05)
SAMPLING = SynapticSampling(learning_rate=2.0, temperature=0.4, mean=0.1, std=0.8, interval=0.01)
OPTIMIZERS = {"Momentum": Momentum(0.5), "Adam": Adam(0.8, 0.9, 1e-6)}


def sets_of(connections: Any) -> list[Any]:
    return connections.sets if isinstance(connections, Budget) else [connections]


def states_of(connections: Any) -> list[dict[str, Any]]:
    """Return copies of what each set is."""
    return [{name: np.array(values) for name, values in c.state().items()} for c in sets_of(connections)]


def slopes(c: Any, scale: float = 0.4) -> Any:
    """Return a gradient that hangs on endpoints and step, from integers and one product."""
    mixed = (31 * c.pre.astype(np.int64) + 17 * c.post + 7 * c.steps_done) % 101 - 50
    return (mixed * (scale / 50)).astype(c.theta.dtype)


def by_step(rule: Any) -> Any:
    """Return what does one step of a rule."""

    def act(connections: Any) -> Any:
        gradients = [slopes(c) for c in sets_of(connections)]
        return step(connections, gradients if isinstance(connections, Budget) else gradients[0], rule)

    return act


def chosen(c: Any) -> Any:
    return (c.pre + 3 * c.post + c.steps_done) % 7 == 0


def by_replacement(births: Any = None) -> Any:
    """Return what replaces some connections, by as many or by those of a list, one after the other."""

    def act(connections: Any) -> Any:
        if isinstance(connections, Budget):
            return replace(connections, [chosen(c) for c in connections.sets])
        now = connections.steps_done
        return replace(connections, chosen(connections), None if births is None else births[now % len(births)])

    return act


def by_elements(c: Any) -> Any:
    """Pair elements that come and go."""
    axonal = (3 * np.arange(c.num_pre) + c.steps_done) % 7 - 0.5
    dendritic = (5 * np.arange(c.num_post) + 2 * c.steps_done) % 5
    return pair_elements(c, axonal, dendritic)


def snapshot(log: RewiringLog, connections: Any) -> None:
    for c in sets_of(connections):
        log.snapshot(c.steps_done, c.index, c.pre, c.post, c.theta, c.polarity)


def begin(log: RewiringLog, connections: Any) -> None:
    for c in sets_of(connections):
        log.describe(c.index, num_pre=c.num_pre, num_post=c.num_post, num_sites=c.num_sites, multapses=True)
    snapshot(log, connections)


def course(make: Any, act: Any, *, steps: int = STEPS, cut: int | None = None) -> dict[str, Any]:
    """Do some steps; with ``cut``, go on from there with new connections, to which the state is given."""
    connections = make()
    log, infos = RewiringLog(), []
    begin(log, connections)
    for number in range(steps):
        if number == cut:
            states, connections = states_of(connections), make()
            for c, state in zip(sets_of(connections), states, strict=True):
                c.restore(state)
        info = act(connections)
        log.record(info, samples=float(number))
        infos.append(told(info))
    snapshot(log, connections)
    return {"states": list(map(kept, states_of(connections))), "infos": infos, "log": recorded(log)}


def late(optimizer: Any) -> dict[str, Any]:
    """Begin with an optimizer after some steps without one."""
    first, then = by_step(DEEPR), by_step(changed(DEEPR, optimizer=optimizer))
    return course(connections, lambda c: (first if c.steps_done < 15 else then)(c))


def reseeded() -> dict[str, Any]:
    """Take on another seed half-way."""

    def act(c: Any) -> Any:
        if c.steps_done == 20:
            c.reseed(99)
        return by_step(DEEPR)(c)

    return course(connections, act)


def on_disk() -> list[Any]:
    """Record to a file, which is opened, loaded and saved again; and keep the state in a checkpoint."""
    c = connections()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        log = RewiringLog(path / "run.rewiring")
        begin(log, c)
        for _ in range(STEPS):
            log.record(by_step(DEEPR)(c))
        snapshot(log, c)
        log.close()
        loaded = RewiringLog.load(path / "run.rewiring")
        loaded.save(path / "again.rewiring")
        logs = [log, RewiringLog.open(path / "run.rewiring"), loaded, RewiringLog.load(path / "again.rewiring")]
        save_checkpoint(path / "state", c.state(), {"steps": STEPS})
        arrays, about = load_checkpoint(path / "state")
        return [[recorded(each) for each in logs], kept(arrays), about]


def connections(num: int = 100, pre: int = NUM_PRE, post: int = NUM_POST, **options: Any) -> Connections:
    """Return random connections with thetas that are small multiples of each other."""
    c = Connections.random(pre, post, num, **{"seed": SEED, **options})
    thetas = (np.arange(num) * 37 % 101 * 0.003).astype(c.theta.dtype)
    c.restore({**c.state(), "theta": thetas})
    return c


def some_pairs(pre: Any, post: Any) -> Any:
    return (pre + 2 * post) % 3 != 0


def near_pairs(pre: Any, post: Any) -> Any:
    return 1.0 / (1.0 + (pre + post) % 4)


GRID = np.indices((NUM_PRE, NUM_POST))
#: What connections can be told, besides their number.
OPTIONS: dict[str, dict[str, Any]] = {
    "signs site": {},
    "signs presynaptic": {"signs": "presynaptic", "excitatory": 0.8},
    "signs redrawn": {"signs": "redrawn", "excitatory": 0.3},
    "signs negative": {"signs": -1},
    "signs of neurons": {"signs": np.where(np.arange(NUM_PRE) % 3, 1, -1)},
    "signs of pairs": {"signs": np.where(GRID.sum(axis=0) % 3, 1, -1)},
    "float32": {"dtype": np.float32},
    "another set": {"index": 3},
    "autapses": {"autapses": False},
    "shifted autapses": {"autapses": False, "diagonal": 4},
    "multapses": {"multapses": True},
    "degrees": {"max_in_degree": 4, "max_out_degree": 3 + np.arange(NUM_PRE) % 5},
    "degrees, multapses": {"max_in_degree": 4, "multapses": True},
    "candidates mask": {"candidates": some_pairs(*GRID)},
    "candidates pairs": {"candidates": np.argwhere(some_pairs(*GRID))},
    "candidates function": {"candidates": some_pairs},
    "probability function": {"probability": near_pairs},
    "probability array": {"probability": near_pairs(*GRID), "autapses": False},
    "capacity": {"capacity": 140},
}
SIZES: dict[str, dict[str, Any]] = {
    "crowded": {"num": 590},
    "full": {"num": 600},
    "crowded candidates": {"num": 390, "candidates": some_pairs},
    "many": {"num": 3000, "pre": 300, "post": 200},
    "one": {"num": 1},
}


def budget(split: str = "vacant", targets: Any = None, **options: Any) -> Budget:
    """Return sets of different sizes that share one budget."""
    sizes = [(60, 20, 30), (20, 6, 8), (30, 12, 12)]
    sets = [connections(*size, index=index, **options) for index, size in enumerate(sizes)]
    return Budget(sets, split=split, targets=targets)


BUDGETS: dict[str, dict[str, Any]] = {
    "vacant": {},
    "density": {"split": "density"},
    "density, targets": {"split": "density", "targets": [30, 40, 40]},
    "float32": {"dtype": np.float32},
    "redrawn": {"signs": "redrawn"},
    "degrees": {"max_in_degree": 4},
    "capacity": {"split": "density", "capacity": 65},
}


def potential(doubled: bool = False, **options: Any) -> PotentialConnections:
    """Return potential connections with thetas on both sides of 0."""
    pairs = np.divmod(np.arange(360) // 2, 15) if doubled else (None, None)
    number = 360 if doubled else 180 - 12 * (not options.get("autapses", True))
    theta = (np.arange(number) * 37 % 101 - 50) * 0.004
    return PotentialConnections(12, 15, *pairs, theta=theta, **{"seed": SEED, **options})


POTENTIALS: dict[str, dict[str, Any]] = {
    "all pairs": {},
    "doubled": {"doubled": True, "index": 2},
    "float32": {"dtype": np.float32},
    "presynaptic": {"signs": "presynaptic", "excitatory": 0.7},
    "autapses": {"autapses": False},
}
SAMPLINGS: dict[str, SynapticSampling] = {
    "exact": SAMPLING,
    "euler": changed(SAMPLING, scheme="euler"),
    "range": changed(SAMPLING, theta_range=(-0.15, 0.2)),
    "max_gradient": changed(SAMPLING, max_gradient=0.1),
    "cold": changed(SAMPLING, temperature=0.0),
}
SOFTS: dict[str, dict[str, Any]] = {
    "deep": {},
    "far": {"depth": 4.0, "rule": changed(DEEP, connectivity=0.005)},
    "all followed": {"depth": 1000.0},
    "float32": {"dtype": np.float32},
    "candidates": {"candidates": some_pairs, "signs": "presynaptic", "autapses": False, "index": 1},
}


def soft_connections(rule: SoftDeepR = DEEP, depth: float = 5.0, **options: Any) -> SoftConnections:
    return SoftConnections.random(NUM_PRE, NUM_POST, 60, rule=rule, depth=depth, **{"seed": SEED, **options})


def _deepr() -> dict[str, Any]:
    deepr = by_step(DEEPR)
    found = {
        name: partial(course, partial(connections, **given), deepr) for name, given in {**OPTIONS, **SIZES}.items()
    }
    for name, optimizer in OPTIMIZERS.items():
        rule = by_step(changed(DEEPR, optimizer=optimizer))
        found[name] = partial(course, connections, rule)
        found[f"{name}, float32"] = partial(course, partial(connections, dtype=np.float32), rule)
        found[f"{name}, resumed"] = partial(course, connections, rule, cut=17)
        found[f"{name} started late"] = partial(late, optimizer)
    cold = by_step(changed(DEEPR, temperature=0.0))
    return {
        **found,
        "cold": partial(course, connections, cold),
        "reseeded": reseeded,
        "on disk": on_disk,
        "signs site, resumed": partial(course, connections, deepr, cut=17),
        "degrees, resumed": partial(course, partial(connections, **OPTIONS["degrees"]), deepr, cut=17),
    }


def _fixed() -> dict[str, Any]:
    adam = by_step(changed(FIXED, optimizer=OPTIMIZERS["Adam"]))
    return {
        "plain": partial(course, connections, by_step(FIXED)),
        "Adam": partial(course, connections, adam),
        "float32": partial(course, partial(connections, dtype=np.float32), by_step(FIXED)),
    }


def _replaced() -> dict[str, Any]:
    varied = by_replacement([14, 0, 3, 30, 9, 20])
    some = {name: OPTIONS[name] for name in ("signs site", "degrees", "multapses", "probability function", "capacity")}
    found = {name: partial(course, partial(connections, **given), by_replacement()) for name, given in some.items()}
    roomy = partial(connections, capacity=180)
    return {
        **found,
        "births": partial(course, roomy, varied),
        "births, resumed": partial(course, roomy, varied, cut=17),
        "births, degrees": partial(course, partial(connections, **OPTIONS["degrees"], capacity=180), varied),
        "no births": partial(course, connections, by_replacement([0])),
    }


def _paired() -> dict[str, Any]:
    some = {
        "plain": {}, "multapses": {"multapses": True}, "candidates": {"candidates": some_pairs},
        "degrees": {"max_in_degree": 3, "num": 50}, "short of capacity": {"capacity": 42}, "from nothing": {"num": 0},
    }  # fmt: skip
    made = {name: partial(connections, **{"num": 40, "capacity": 90, **given}) for name, given in some.items()}
    found = {name: partial(course, make, by_elements) for name, make in made.items()}
    return {**found, "plain, resumed": partial(course, made["plain"], by_elements, cut=17)}


def _shared() -> dict[str, dict[str, Any]]:
    deepr = by_step(DEEPR)
    adam, momentum = (by_step(changed(DEEPR, optimizer=each)) for each in OPTIMIZERS.values())
    return {
        "DeepR": {
            **{name: partial(course, partial(budget, **given), deepr) for name, given in BUDGETS.items()},
            "Adam": partial(course, budget, adam),
            "Momentum": partial(course, budget, momentum),
            "vacant, resumed": partial(course, budget, deepr, cut=17),
        },
        "FixedWiring": {"vacant": partial(course, budget, by_step(FIXED))},
        "replace": {
            name: partial(course, partial(budget, **given), by_replacement()) for name, given in BUDGETS.items()
        },
    }


def _potential() -> dict[str, dict[str, Any]]:
    soft, sampling = by_step(SOFT), by_step(SAMPLING)
    moved = {name: by_step(changed(SOFT, optimizer=each)) for name, each in OPTIMIZERS.items()}
    made = {name: partial(potential, **given) for name, given in POTENTIALS.items()}
    return {
        "SoftDeepR": {
            **{name: partial(course, make, soft) for name, make in made.items()},
            **{name: partial(course, potential, rule) for name, rule in moved.items()},
            "all pairs, resumed": partial(course, potential, soft, cut=17),
        },
        "SynapticSampling": {
            **{name: partial(course, make, sampling) for name, make in made.items()},
            **{name: partial(course, potential, by_step(rule)) for name, rule in SAMPLINGS.items()},
            "all pairs, resumed": partial(course, potential, sampling, cut=17),
        },
    }


def _soft() -> dict[str, Any]:
    made = {name: partial(soft_connections, **given) for name, given in SOFTS.items()}
    rules = {name: by_step(given.get("rule", DEEP)) for name, given in SOFTS.items()}
    adam = by_step(changed(DEEP, optimizer=OPTIMIZERS["Adam"]))
    return {
        **{name: partial(course, made[name], rules[name], steps=80) for name in SOFTS},
        "Adam": partial(course, soft_connections, adam),
        "deep, resumed": partial(course, made["deep"], rules["deep"], steps=80, cut=33),
    }


def programs() -> list[Program]:
    """Return all programs on arrays."""
    shared, slots = _shared(), _potential()
    found = {
        "DeepR/Connections": _deepr(),
        "FixedWiring/Connections": _fixed(),
        "replace/Connections": _replaced(),
        "pair_elements/Connections": _paired(),
        "SoftDeepR/SoftConnections": _soft(),
        **{f"{rule}/Budget": runs for rule, runs in shared.items()},
        **{f"{rule}/PotentialConnections": runs for rule, runs in slots.items()},
    }
    return [
        Program(f"arrays/{place}/{what}", run, hangs_on=_hangs_on(place, what))
        for place, runs in found.items()
        for what, run in runs.items()
    ]


def _hangs_on(place: str, what: str) -> str:
    # The exact transition has exponentials.
    return "libm" if place.startswith("SynapticSampling") and what != "euler" else ""
