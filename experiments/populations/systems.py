"""Random systems by number of units and seed, with their equations of motion in NumPy."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import osciprop
from osciprop.equilibria import AbstractRelaxation, LimitedNewton
from osciprop.networks import (
    GROUND,
    AdaptiveNeuron,
    DetunedStuartLandauNetwork,
    FitzHughNagumoNetwork,
    KuramotoNetwork,
    PhaseError,
    ResistiveCircuit,
    StuartLandauNetwork,
    balanced_network,
)

Velocity = Callable[[np.ndarray], np.ndarray]
THERMAL = 0.1


class Drawn(NamedTuple):
    """A system, what it moves by, and how it is settled."""

    network: Any
    velocity: Velocity
    relaxation: AbstractRelaxation = osciprop.Settling()
    x: Any = np.zeros((1, 1))
    on_circles: bool = False
    """Whether states that are whole turns apart are the same."""


def phase_oscillators(units: int, seed: int) -> Drawn:
    """With fields; they begin within reach of a stable equilibrium."""
    rng = np.random.default_rng(seed)
    upper = rng.normal(size=(units, units)) / np.sqrt(units) * np.triu(np.ones((units, units)), 1)
    omega, h = 0.3 * rng.normal(size=units), rng.uniform(0.5, 1.5, size=units)
    psi, second = rng.uniform(-np.pi, np.pi, size=units), rng.uniform(0, 0.3, size=units)
    network = KuramotoNetwork(
        upper,
        frequencies=omega,
        fields=h,
        field_phases=psi,
        second_harmonic=second,
        start=rng.uniform(-np.pi, np.pi, size=units),
        readout=PhaseError(),
    )

    def velocity(theta: np.ndarray) -> np.ndarray:
        pull = np.sum((upper + upper.T) * np.sin(theta[:, None] - theta[None]), axis=1)
        return omega - pull - h * np.sin(theta - psi) - second * np.sin(2 * theta)

    return Drawn(network, velocity, on_circles=True)


def amplitude_oscillators(units: int, seed: int, *, detuning: float = 0.0) -> Drawn:
    rng = np.random.default_rng(seed)
    growth = rng.uniform(-0.5, 1.0, size=units)
    upper = np.triu(0.5 * rng.normal(size=(units, units)) / np.sqrt(units), 1)
    forces = rng.normal(size=(2, units))
    start = 0.5 * rng.normal(size=(2, units))
    detunings = detuning * rng.normal(size=units)
    network: Any = StuartLandauNetwork(growth, upper, forces=forces, start=start)
    if detuning:
        network = DetunedStuartLandauNetwork(network, detunings)

    def velocity(state: np.ndarray) -> np.ndarray:
        x, y = np.split(state, 2)
        z = x + 1j * y
        moved = (growth + 1j * detunings - np.abs(z) ** 2) * z + (upper + upper.T) @ z
        moved += forces[0] + 1j * forces[1]
        return np.concatenate([moved.real, moved.imag])

    return Drawn(network, velocity)


def detuned_oscillators(units: int, seed: int) -> Drawn:
    return amplitude_oscillators(units, seed, detuning=0.1)


def excitable_cells(units: int, seed: int) -> Drawn:
    """Below the current at which they fire."""
    rng = np.random.default_rng(seed)
    currents = rng.uniform(-0.5, 0.2, size=units)
    both = [np.triu(rng.uniform(0, 1 / units, size=(units, units)), 1) for _ in range(2)]
    time = rng.uniform(2, 12)
    network = FitzHughNagumoNetwork(
        currents, both[0], recovery_diffusion=both[1], recovery_time=time
    )
    spread, recovery_spread = (np.diag((d + d.T).sum(axis=0)) - d - d.T for d in both)

    def velocity(state: np.ndarray) -> np.ndarray:
        u, w = np.split(state, 2)
        fast = u - u**3 / 3 - w + currents - spread @ u
        return np.concatenate([fast, (u + 0.7 - 0.8 * w - recovery_spread @ w) / time])

    return Drawn(network, velocity)


def adapting_neurons(units: int, seed: int) -> Drawn:
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.normal(size=(units, units)), 1) * 1.2 / np.sqrt(units)
    bias, strength = rng.normal(size=units), rng.uniform(0, 1, units)
    times = rng.uniform(0.5, 3, units), rng.uniform(0.5, 3, units)
    neuron = AdaptiveNeuron(
        osciprop.Tanh(), times[0], adaptation=strength, adaptation_time=times[1]
    )
    still = osciprop.Directed(np.zeros((1, units)), osciprop.INPUT, 0)
    network = osciprop.Network(
        (osciprop.Population(neuron, jnp.asarray(bias)),),
        (still, osciprop.Reciprocal(upper, 0, 0)),
        osciprop.SquaredError(),
    )

    def velocity(state: np.ndarray) -> np.ndarray:
        u, a = np.split(state, 2)  # of the adaptation the network holds sqrt(strength) a
        s, root = np.tanh(u), np.sqrt(strength)
        current = (upper + upper.T) @ s + bias - root * a
        return np.concatenate([(current - u) / times[0], (root * s - a) / times[1]])

    return Drawn(network, velocity)


def circuits(units: int, seed: int) -> Drawn:
    """All nodes joined, in part by conductances of zero; a diode at every node."""
    rng = np.random.default_rng(seed)
    sources = [units, units + 1, units + 2]  # two inputs, a constant
    pairs = [*itertools.combinations(range(units), 2)]
    pairs += [(node, GROUND) for node in range(units)]
    pairs += [(node, source) for node in range(units) for source in sources]
    g = rng.uniform(0.1, 2, len(pairs)) * (rng.random(len(pairs)) < 0.4)
    g[units * (units - 1) // 2 :][:units] = rng.uniform(0.05, 0.5, units)
    diodes = [(node, GROUND) if node % 2 else (GROUND, node) for node in range(units)]
    voltages, currents = rng.normal(size=1), rng.normal(size=units)
    size, scale = rng.uniform(1e-4, 0.05, units), THERMAL * rng.uniform(0.5, 2, units)
    parts: Any = {
        "voltages": voltages,
        "currents": currents,
        "diodes": diodes,
        "saturation_current": size,
        "thermal_voltage": scale,
    }
    resistors: Any = (pairs, g)
    network = ResistiveCircuit(*resistors, nodes=units, inputs=2, outputs=(units - 1,), **parts)
    x = rng.normal(size=(1, 2))
    held = np.concatenate([x[0], voltages, [0.0]])

    def incidence(branches: list[tuple[int, int]]) -> np.ndarray:
        matrix = np.zeros((len(branches), units + len(held)))
        for row, (a, b) in enumerate(branches):
            matrix[row, a] += 1
            matrix[row, b] -= 1
        return matrix

    r, d = incidence(pairs), incidence(diodes)

    def velocity(v: np.ndarray) -> np.ndarray:
        every = np.concatenate([v, held])
        out = r.T @ (g * (r @ every)) + d.T @ (size * np.expm1(d @ every / scale))
        return np.asarray(currents - out[:units])

    return Drawn(network, velocity, LimitedNewton(THERMAL / 2), x)


def excitation_inhibition(units: int, seed: int) -> Drawn:
    """A fifth of the neurons inhibits, and inhibition dominates."""
    inhibitory = max(units // 5, 1)
    sizes = [1, units - inhibitory, inhibitory, 1]
    network = balanced_network(sizes, key=jax.random.key(1000 * units + seed), connectivity=0.5)
    inside: Any = network.network
    biases = [np.asarray(population.bias) for population in inside.populations]
    joined = [
        (synapse.source, synapse.target, np.asarray(synapse.weight))
        for synapse in inside.synapses
        if synapse.source != osciprop.INPUT
    ]

    def velocity(state: np.ndarray) -> np.ndarray:
        u = np.split(state, [inhibitory])
        rates = [np.logaddexp(0.0, 4 * part) / 4 for part in u]
        moved = [bias - part for bias, part in zip(biases, u, strict=True)]
        for source, target, weight in joined:
            moved[target] = moved[target] + rates[source] @ weight
        return np.concatenate(moved)

    return Drawn(network, velocity)


SYSTEMS: dict[str, Callable[[int, int], Drawn]] = {
    "phase oscillators": phase_oscillators,
    "amplitude oscillators": amplitude_oscillators,
    "detuned oscillators": detuned_oscillators,
    "excitable cells": excitable_cells,
    "adapting neurons": adapting_neurons,
    "excitation and inhibition": excitation_inhibition,
    "circuits": circuits,
}
