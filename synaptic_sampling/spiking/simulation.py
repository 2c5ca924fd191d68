"""The Brian2 objects of a network that presents sequences and learns them, the same in runtime and standalone mode."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from brian2 import Clock, Network, NeuronGroup, SpikeMonitor, StateMonitor, Synapses, linked_var
from numpy.typing import NDArray

from synaptic_sampling._checks import SEED_LIMIT
from synaptic_sampling.brian import ArrayStream, Rewiring, RewiringMonitor, connect_exactly, run_while
from synaptic_sampling.brian.signals import pair_signals
from synaptic_sampling.brian.standalone.program import start_at
from synaptic_sampling.randomness import Stream, normals
from synaptic_sampling.rules import Rule
from synaptic_sampling.spiking import equations
from synaptic_sampling.spiking.equations import ORDER, is_common
from synaptic_sampling.spiking.network import EpropNetwork, Wiring
from synaptic_sampling.spiking.tasks import Presentation, SequenceTask

__all__ = ["SETS", "Simulation"]

#: The sets of synapses; signs, weights and noise of each have a seed of their own.
SETS = ("input", "recurrent", "readout")


class Simulation:
    """All Brian2 objects of one run.

    Parameters
    ----------
    net : EpropNetwork
        The network.
    task : SequenceTask
        What it learns.
    presentation : Presentation
        The sequences in their order.
    rules : dict of str to Rule
        Rule of each set.
    batch : int
        Number of sequences between two updates, as the log notes it.
    seed : int
        Determines connectivity, signs, initial weights, noise and formation.
    log : path-like, optional
        File of the log of runtime mode; in memory by default.
    part : tuple of int, optional
        Positions of the first sequence and after the last one, where only some of the sequences are presented.
    state : mapping of str to ndarray, optional
        ``state()`` after the sequences before this part.
    """

    def __init__(
        self,
        net: EpropNetwork,
        task: SequenceTask,
        presentation: Presentation,
        *,
        rules: Mapping[str, Rule],
        batch: int,
        seed: int,
        log: Any = None,
        part: tuple[int, int] | None = None,
        state: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        self.net, self.task, self.presentation, self.seed = net, task, presentation, seed
        self._held = task.array.ndim == 2
        self.first, self.last = part or (0, len(presentation.shown))
        self._state = state
        self._theta: dict[str, NDArray[np.float64]] = {}
        self.duration = task.num_steps * net.dt
        self.clock, self.sequence_clock = Clock(net.dt, name="step_clock"), Clock(self.duration, name="sequence_clock")
        self._options = {"namespace": self._streams(), "clock": self.clock}
        self._make_neurons()
        self._make_readout()
        self.synapses: dict[str, Synapses] = {}
        self._make_synapses()
        #: Synapses at all pairs, for rules that read a gradient there.
        self.companions = {name: self._make_companion(name) for name in self.synapses if pair_signals(rules[name])}
        self.rewirings = {
            name: Rewiring(
                synapses,
                rules[name],
                signs=self._wiring(name).signs,
                excitatory=self._wiring(name).excitatory,
                **self._slots(name),
                seed=self._seed(name),
                companion=self.companions.get(name),
                variables={signal: "gradient" for signal in pair_signals(rules[name])},
                enabled="due",
                dt=self.duration,
                when="start",
                name=f"{name}_rewiring",
            )
            for name, synapses in self.synapses.items()
        }
        plastic = [self.rewirings[name] for name in self.synapses if name != "readout"]
        self.monitor = RewiringMonitor(plastic, log=log, samples_per_event=batch, name="rewiring_monitor")
        self._make_records()
        self.network = Network(
            self._groups, self.synapses.values(), self.companions.values(), self.rewirings.values(), self.monitor
        )
        self._take_on()

    @property
    def length(self) -> Any:
        """Return the duration of the run: all its sequences, and the time step in which the last update happens."""
        is_end = self.last == len(self.presentation.shown)
        return (self.last - self.first) * self.duration + is_end * self.net.dt

    def run(self, report: Any = None) -> None:
        """Run the network for its ``length``; in C++ standalone mode, describe the run."""
        self.network.run(self.length, report=report, namespace={})

    def check_complete(self) -> None:
        """Raise KeyboardInterrupt if the run ended early, which Brian2 does not report after Ctrl+C."""
        if np.asarray(self.clock.t_).item() < float(self.first * self.duration + self.length - 0.5 * self.net.dt):
            raise KeyboardInterrupt

    def _streams(self) -> dict[str, Any]:
        """Return the functions of time from which the equations take inputs, labels and flags."""
        task, shown, dt = self.task, self.presentation.shown, self.net.dt
        per_step = {True: dt, False: self.duration}
        framed = not self._held
        labels_framed = task.labels.ndim == 2
        return {
            "data": ArrayStream(task.inputs, dt=per_step[framed], order=shown, framed=framed, name="data"),
            "label": ArrayStream(
                task.labels, dt=per_step[labels_framed], order=shown, framed=labels_framed, name="label"
            ),
            "is_learned": ArrayStream(self.presentation.learning, dt=self.duration, name="is_learned"),
            "is_due": ArrayStream(self.presentation.due, dt=self.duration, name="is_due"),
        }

    def _make_neurons(self) -> None:
        net, held, options = self.net, self._held, {**self._options, "method": "exact"}
        clock = self.sequence_clock if held else self.clock
        self.inputs = NeuronGroup(self.task.num_channels, equations.inputs(net, held=held), name="inputs", **options)
        self.inputs.scale = self.task.scale
        self.inputs.run_regularly("x = scale*data(t, i)", clock=clock, when="start", order=2)
        self.neurons = NeuronGroup(
            net.num_neurons,
            equations.neurons(net, held=held),
            threshold=equations.THRESHOLD,
            reset=equations.reset(net),
            name="neurons",
            **options,
        )
        self.neurons.run_regularly(equations.pseudo_derivative(net), when="groups", order=ORDER["psi"])
        values = {
            "beta": np.repeat([0.0, net.adaptation], [net.lif, net.alif]),
            "rho": np.broadcast_to(net.decay("tau_adaptation"), net.num_neurons),
            "kappa": float(net.decay("tau_readout")),
            "gamma": net.gamma,
            "tau": net.tau,
            "tau_adaptation": net.tau_adaptation,
            "tau_readout": net.tau_readout,
        }
        if not is_common(net.tau):
            values["decay"] = net.decay("tau")
        if net.rate_penalty is not None:
            penalty = net.rate_penalty
            values |= {
                "pull_strength": penalty.weight / self.task.num_steps,
                "target_rate": float(penalty.target * net.dt),
                "rate_step": float(net.dt / penalty.tau),
                "tau_rate": penalty.tau,
            }
        for name, value in values.items():
            setattr(self.neurons, name, value)
        self._groups = [self.inputs, self.neurons]
        #: What the input synapses drive: a summed variable is computed with the clock of its group.
        self.driven = self.neurons
        if held:
            self.driven = self._link_currents()
        elif is_common(net.tau):
            self.inputs.tau = net.tau

    def _link_currents(self) -> NeuronGroup:
        """Return a group with the currents of the neurons, which are computed once per sequence."""
        options = self._options | {"clock": self.sequence_clock}
        driven = NeuronGroup(self.net.num_neurons, equations.drive(held=True), name="currents", **options)
        self.neurons.current = linked_var(driven, "current")
        driven.unit_gradient = linked_var(self.neurons, "unit_gradient")
        self.neurons.run_regularly(equations.unit_eligibility(self.net), when="after_groups")
        self._groups.append(driven)
        return driven

    def _make_readout(self) -> None:
        net, options, number = self.net, {**self._options, "method": "exact"}, self.task.num_classes
        frames = self.task.score == "frames"
        code = equations.readout(net, frames=frames)
        self.readout = NeuronGroup(number, code, order=ORDER["readout"], name="readout", **options)
        self.readout.tau_readout = net.tau_readout
        self.readout.run_regularly(equations.error(frames=frames), when="groups", order=ORDER["error"])
        self._groups.append(self.readout)
        self.score: NeuronGroup | None = None
        if net.loss == "softmax":
            self._sum_of_readout("softmax", "total", equations.SOFTMAX_SUM, linked=True)
        if frames:
            self._sum_of_readout("label", "of_label", equations.OF_LABEL, linked=True)
            self.score = self._sum_of_readout("score", "above", equations.ABOVE, also="correct : 1")
            self.score.run_regularly(equations.COUNT_FRAMES, when="groups", order=ORDER["score"])
            self.score.run_regularly("correct = 0", clock=self.sequence_clock, when="start", order=1)

    def _sum_of_readout(self, name: str, variable: str, code: str, *, linked: bool = False, also: str = "") -> Any:
        """Make one more neuron that sums over the readout; ``linked``: the readout refers to the sum."""
        group = NeuronGroup(1, f"{variable} : 1\n{also}", order=ORDER[name], name=name, **self._options)
        if linked:
            index = np.zeros(self.task.num_classes, int)
            setattr(self.readout, variable, linked_var(group, variable, index=index))
        summing = Synapses(self.readout, group, code, name=f"{name}_sum", **self._options)
        summing.connect(i=np.arange(self.task.num_classes), j=0)
        self._groups += [group, summing]
        return group

    def _make_synapses(self) -> None:
        net, held = self.net, self._held
        for name in SETS:
            wiring = self._wiring(name)
            if wiring is None:
                continue
            source, target, options = self._ends(name)
            on_pre: str | None = "y_post += w"
            if name == "readout":
                code = equations.readout_synapses(net)
            else:
                code = equations.plastic(net, name, held=held)
                on_pre = equations.on_spike(net) if name == "recurrent" else None
            synapses = Synapses(source, target, code, on_pre=on_pre, name=name + "_synapses", **options)
            self._connect(synapses, name, wiring)
            self._accumulate(synapses.run_regularly, name)
            self.synapses[name] = synapses
            reset = "" if name == "readout" else equations.at_start(net, name, held=held)
            self._start(synapses, f"due = is_due(t) > 0\n{reset}")
        if net.feedback == "random":
            synapses = self.synapses["readout"]
            size = net.readout.scale / math.sqrt(len(synapses) / self.task.num_classes)
            drawn = size * normals(self.seed, Stream.THETA, 0, len(synapses), len(SETS))
            synapses.feedback = drawn if self._state is None else self._state["readout/feedback"]
        for group, kind in (
            (self.inputs, "inputs"),
            (self.neurons, "neurons"),
            (self.readout, "frame readout" if self.task.score == "frames" else "readout"),
        ):
            self._start(group, equations.at_start(net, kind, held=held))

    def _accumulate(self, run: Callable[..., Any], name: str) -> None:
        """Accumulate the gradient in each step, or before each update from what the neurons have accumulated."""
        if name == "input" and self._held:
            run(equations.UNIT_GRADIENT, when="start", order=-1)
            return
        step = equations.READOUT_GRADIENT if name == "readout" else equations.eligibility(self.net, name)
        run(step, when="after_groups")

    def _make_companion(self, name: str) -> Synapses:
        """Make synapses at all pairs, which integrate the gradient during the batch before an event that reads it."""
        net, held, (source, target, options) = self.net, self._held, self._ends(name)
        on_pre = equations.on_spike(net, weighted=False) if name == "recurrent" else None
        code = equations.companion(net, name, held=held)
        own = Synapses(source, target, code, on_pre=on_pre, name=f"{name}_companion", **options)
        pre, post = np.divmod(np.arange(len(source) * len(target)), len(target))
        allowed = pre != post if source is target else slice(None)
        own.connect(i=pre[allowed], j=post[allowed])
        self._start(own, "integrates = needed and is_learned(t) > 0")
        reset = "" if name == "readout" else equations.at_start(net, name, held=held)
        if reset:
            run_while(own, reset, "integrates", clock=self.sequence_clock, when="start", order=2)
        self._accumulate(partial(run_while, own, switch="integrates"), name)
        return own

    def _ends(self, name: str) -> tuple[NeuronGroup, NeuronGroup, dict[str, Any]]:
        """Return source, target and options of a set of synapses."""
        source = self.inputs if name == "input" else self.neurons
        target = {"input": self.driven, "recurrent": self.neurons, "readout": self.readout}[name]
        clock = self.sequence_clock if name == "input" and self._held else self.clock
        return source, target, self._options | {"clock": clock}

    def _start(self, group: Any, code: str) -> None:
        """Run code at the start of each sequence, after the update that the previous one has brought."""
        if code:
            group.run_regularly(code, clock=self.sequence_clock, when="start", order=1)

    def _connect(self, synapses: Synapses, name: str, wiring: Wiring) -> None:
        """Draw connections and initial weights, the same for all rules, or take those of the state."""
        # Soft rules take on a state later, since the number of their connections must be the same in all parts.
        if self._state is not None and not wiring.is_soft:
            synapses.connect(i=self._state[f"{name}/pre"], j=self._state[f"{name}/post"])
            self._set_theta(synapses, name, self._state[f"{name}/theta"])
            return
        num_pre, num_post = len(synapses.source), len(synapses.target)
        order: Any = slice(None)
        if name == "readout" and wiring.connectivity == 1:
            # By class: the sum of the learning signals then adds to one neuron after the other, which is faster.
            post, pre = np.divmod(np.arange(num_pre * num_post), num_pre)
            order = pre * num_post + post
            synapses.connect(i=pre, j=post)
        else:
            connect_exactly(synapses, connectivity=wiring.connectivity, seed=self._seed(name))
        size = wiring.scale / math.sqrt(len(synapses) / num_post)
        drawn = np.abs(normals(self.seed, Stream.THETA, 0, len(synapses), SETS.index(name)))
        self._set_theta(synapses, name, size * drawn[order])

    def _set_theta(self, synapses: Synapses, name: str, theta: NDArray[np.float64]) -> None:
        """Set the initial theta; a Rewiring is given positive values, which may have become negative by its rule."""
        self._theta[name] = theta
        synapses.theta = np.abs(theta)

    def _make_records(self) -> None:
        """Record at the end of each sequence what was right, and all the time how often each neuron fires."""
        group, variable = (self.readout, "votes") if self.score is None else (self.score, "correct")
        self.record = StateMonitor(
            group, variable, record=True, clock=self.sequence_clock, when="before_start", name="record"
        )
        self.spikes = SpikeMonitor(self.neurons, record=False, name="spikes")
        self._groups += [self.record, self.spikes]

    def _slots(self, name: str) -> dict[str, Any]:
        """Return the options of a Rewiring in which the number of connections varies."""
        wiring = self._wiring(name)
        return {"depth": wiring.depth, "capacity": wiring.capacity} if wiring.is_soft else {}

    def _wiring(self, name: str) -> Any:
        return getattr(self.net, name)

    def _seed(self, name: str) -> int:
        return (len(SETS) * self.seed + SETS.index(name)) % SEED_LIMIT

    def _take_on(self) -> None:
        """Set what goes on from one sequence to the next, also at the start, so that all parts have the same code."""
        start_at(self.network, float(self.first * self.duration))
        until = float(len(self.presentation.shown) * self.duration)
        is_due = bool(self.first and self.presentation.due[self.first - 1])
        for name, synapses in self.synapses.items():
            synapses.due = is_due
            projection = self.rewirings[name].projections[0]
            state = projection.connections.state() if self._state is None else _of(name, self._state)
            # Other rules do not use the theta of the connections.
            own = state if projection.has_theta else {**state, "theta": np.zeros(len(synapses))}
            projection.resume(own, until=until)
            number = len(state["pre"])
            lasting = {"theta": self._theta[name], "polarity": state["polarity"]}
            lasting["gradient"] = state.get("gradient", np.zeros(number))
            if self._wiring(name).is_soft:
                # Retracted connections follow those at the start.
                known = len(self._theta[name]) if self._state is None else 0
                lasting["theta"] = np.append(self._theta[name][:known], state["theta"][known:])
            for variable, values in lasting.items():
                # Slots without a connection come last.
                setattr(synapses, variable, np.append(values, np.zeros(len(synapses) - number)))
        for name, companion in self.companions.items():
            companion.integrates = self._state is not None and bool(self._state[f"integrates_{name}"])
        for name, (group, variable) in self._lasting().items():
            setattr(group, variable, np.zeros(len(group)) if self._state is None else self._state[name])

    def _lasting(self) -> dict[str, tuple[Any, str]]:
        """Return more variables that are not reset before the next sequence or the update before it."""
        lasting: dict[str, tuple[Any, str]] = {}
        if self.net.rate_penalty is not None:
            lasting["rate"] = self.neurons, "rate"
        if self._held:
            lasting |= {"x": (self.inputs, "x"), "unit_gradient": (self.neurons, "unit_gradient")}
        return lasting | {f"pairs_{name}": (companion, "gradient") for name, companion in self.companions.items()}

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that goes on from one sequence to the next: connections, weights, optimizers, firing rates."""
        state: dict[str, NDArray[Any]] = {}
        for name, synapses in self.synapses.items():
            own = self.rewirings[name].connections.state()
            number = len(own["pre"])
            names = ["theta", "gradient", *["feedback"] * (name == "readout" and self.net.feedback == "random")]
            own |= {variable: getattr(synapses, variable)[:][:number] for variable in names}
            state |= {f"{name}/{key}": np.array(values) for key, values in own.items()}
        for name, companion in self.companions.items():
            state[f"integrates_{name}"] = np.array(companion.integrates[:])
        return state | {key: np.array(getattr(*found)[:]) for key, found in self._lasting().items()}

    def scores(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each presented sequence how often it was right and how often it counts, in sequences or frames."""
        labels = self.task.labels[self.presentation.shown[self.first : self.last]]
        if self.task.score == "frames":
            return self._recorded("correct")[0].astype(np.int64), (labels >= 0).sum(axis=1)
        classes = labels if labels.ndim == 1 else labels.max(axis=1)
        right = self._recorded("votes").argmax(axis=0) == classes
        return right.astype(np.int64), (classes >= 0).astype(np.int64)

    def _recorded(self, variable: str) -> NDArray[np.float64]:
        """Return the values at the end of each sequence; the last ones may be recorded by the next part only."""
        group = self.readout if self.score is None else self.score
        found = [np.asarray(getattr(self.record, variable))[:, 1:], np.asarray(getattr(group, variable))[:, np.newaxis]]
        return np.concatenate(found, axis=1)[:, : self.last - self.first]


def _of(name: str, state: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the state of one set."""
    return {key.removeprefix(f"{name}/"): values for key, values in state.items() if key.startswith(f"{name}/")}
