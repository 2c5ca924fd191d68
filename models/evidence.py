"""Accumulation of evidence: a network decides on which side there were more cues (Bellec et al. 2020, Fig. 3).

Seven cues appear one after the other, each of them on the left or on the right: 50 ms of silence, then 100 ms in which
the ten input neurons of that side are active. After a delay of 1050 ms, ten other neurons ask for the decision, for
150 ms; the readout is taught only then. Ten more neurons are noise. All numbers are those of the code that the authors
published with their article (Nature Communications 11:3625): active neurons emit 40 spikes per second and noisy ones
10, as Bernoulli trials of 1 ms, and a cue is on the preferred side of its trial, which is left or right with equal
probability, with probability 0.7.

Trials are generated rather than stored. A trial is a pure function of the seed and its number.
"""

from __future__ import annotations

import numpy as np

from models.sequences import NOT_TAUGHT, Labelled, Sequences, split_tail
from synaptic_sampling.randomness import Stream, uniforms

__all__ = ["make_evidence", "make_trials"]

NUM_CUES = 7
#: Durations in steps of 1 ms.
SILENCE, CUE, DELAY, RECALL = 50, 100, 1050, 150
STEPS = NUM_CUES * (SILENCE + CUE) + DELAY + RECALL
#: Order of the input neurons, ten of each population; left and right are the two classes.
LEFT, RIGHT, ASKING, NOISE = range(4)
POPULATION = 10
#: Spikes per step.
ACTIVE, NOISY = 0.04, 0.01
#: Probability that a cue is on the preferred side of its trial.
PREFERENCE = 0.7

#: Numbers of the first trials for validation and for the test.
FIRST_VALIDATION, FIRST_TEST = 2**30, 2**31
#: Which random numbers of a trial determine its cues, and which its spikes.
CUES, SPIKES = 0, 1


def make_evidence(
    num_train: int = 3200, num_validation: int = 512, num_test: int = 1024, *, seed: int = 1, validation: bool = True
) -> Sequences:
    """Return generated trials.

    Parameters
    ----------
    num_train, num_validation, num_test : int
        How many trials. A number does not influence the other trials. In the publication no trial is used twice, and
        training takes some 200 to 500 batches of 64 trials; a trial takes 90 kB.
    seed : int
        All parts depend on it.
    validation : bool
        If False, the validation trials are the last ones of the training trials.

    Returns
    -------
    Sequences
        Inputs of shape (n, 2250, 40), uint8 spikes by population: left, right, recall, noise. Labels of shape
        (n, 2250): 0 for left and 1 for right in the last 150 steps, otherwise `NOT_TAUGHT`.
    """
    train, held_out, test = (
        make_trials(first, count, seed=seed)
        for first, count in ((0, num_train), (FIRST_VALIDATION, num_validation), (FIRST_TEST, num_test))
    )
    both = np.concatenate([train[0], held_out[0]]), np.concatenate([train[1], held_out[1]])
    return Sequences(*split_tail(both, num_validation, validation=validation), test, STEPS, num_classes=2)


def make_trials(first: int, count: int, *, seed: int = 1) -> Labelled:
    """Return the trials ``first`` to ``first + count - 1``.

    Parameters
    ----------
    first : int
        Number of the first trial, at least 0; the last number must be below 2**32.
    count : int
        How many.
    seed : int
        Determines all trials.

    Returns
    -------
    spikes : ndarray of uint8, shape (count, 2250, 40)
        Input.
    labels : ndarray of int32, shape (count, 2250)
        0 or 1 in the last 150 steps, otherwise `NOT_TAUGHT`.
    """
    spikes = np.empty((count, STEPS, 4 * POPULATION), np.uint8)
    labels = np.full((count, STEPS), NOT_TAUGHT, np.int32)
    for n in range(count):
        side, *draws = uniforms(seed, Stream.DATA, first + n, 1 + NUM_CUES, CUES)
        cues = np.array(draws) < (PREFERENCE if side < 0.5 else 1 - PREFERENCE)  # True: right
        probability = np.zeros((STEPS, 4))
        for k, is_right in enumerate(cues):
            start = k * (SILENCE + CUE) + SILENCE
            probability[start : start + CUE, RIGHT if is_right else LEFT] = ACTIVE
        probability[-RECALL:, ASKING] = ACTIVE
        probability[:, NOISE] = NOISY
        draw = uniforms(seed, Stream.DATA, first + n, spikes[n].size, SPIKES).reshape(spikes[n].shape)
        spikes[n] = draw < probability.repeat(POPULATION, axis=1)
        labels[n, -RECALL:] = cues.sum() > NUM_CUES / 2
    return spikes, labels
