#!/usr/bin/env python3
"""Times steps of online gradient descent: Gradiometer's exact chain of the overlap beside the same descent in d dimensions in NumPy.

    python3 scripts/compare_chain.py [--dimension 1000] [--rounds 9]

Needs numpy. Builds the helper `time-chain` first. One h_2 neuron on the sphere against h_2, correlation loss, step 0.5/d, from the
overlap 0.3, on one core. NumPy draws its normals ahead, a block of samples at a time, and takes one product, one scaled addition and
one norm a step. Times are those of the processor, so that a busy machine changes little. Rounds alternate between the two, so that noise hits both alike; the medians and their ratio are printed.

Both are the same process: the mean overlap after d steps over the rounds agrees within its errors, and that of a control with a
tenth of the step does not.
"""

import argparse
import json
import os
import statistics
import subprocess
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
DELTA, START = 0.5, 0.3
CHAIN_STEPS = 4_000_000  # a timed turn
RUNS = 64  # for the means
BLOCK = 256


def descend(rng, d, steps, delta, start):
    """The overlap of the neuron with the first axis after steps."""
    w = np.zeros(d)
    w[0], w[1] = start, np.sqrt(1 - start * start)
    eta = delta / d
    step = np.empty(d)
    for begin in range(0, steps, BLOCK):
        for x in rng.standard_normal((min(BLOCK, steps - begin), d)):
            a, z = w @ x, x[0]
            # -y sigma(a): y sigma'(a), y = (z^2 - 1)/sqrt 2, sigma' = sqrt 2 a; the part of x orthogonal to w.
            force = eta * (z * z - 1) * a
            np.multiply(x, force, out=step)
            w *= 1 - force * a
            w += step
            w /= np.sqrt(w @ w)
    return w[0]


class Chain:
    """The helper, a turn a line."""

    def __init__(self, d, delta):
        program = ROOT / "target" / "release" / "time-chain"
        arguments = [str(program), str(d), str(delta), str(START)]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def mean(values):
    return statistics.mean(values), statistics.stdev(values) / len(values) ** 0.5


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--dimension", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    d = options.dimension
    subprocess.run(["cargo", "build", "--release", "-q", "-p", "gradiometer-benches", "--bin", "time-chain"], cwd=ROOT, check=True)
    chain, rng = Chain(d, DELTA), np.random.default_rng(1)
    times = {"chain": [], "numpy": []}
    numpy_steps = 20 * BLOCK
    for _ in range(options.rounds):
        times["chain"].append(CHAIN_STEPS / chain(CHAIN_STEPS)["seconds"])
        clock = time.process_time()
        descend(rng, d, numpy_steps, DELTA, START)
        times["numpy"].append(numpy_steps / (time.process_time() - clock))
    ratios = [a / b for a, b in zip(times["chain"], times["numpy"], strict=True)]
    print(f"steps a second on one core, d = {d}, median of {options.rounds} alternating rounds")
    for name, values in times.items():
        print(f"  {name:6} {statistics.median(values):12.4g}   from {min(values):.4g} to {max(values):.4g}")
    print(f"  ratio  {statistics.median(ratios):12.4g}   from {min(ratios):.4g} to {max(ratios):.4g}")
    slow = Chain(d, DELTA / 10)
    means = {
        "chain": mean([chain(d)["overlap"] for _ in range(RUNS)]),
        "numpy": mean([descend(rng, d, d, DELTA, START) for _ in range(RUNS)]),
        "control": mean([slow(d)["overlap"] for _ in range(RUNS)]),
    }
    print(f"overlap after {d} steps, mean of {RUNS} runs with its standard error")
    for name, (value, error) in means.items():
        print(f"  {name:8} {value:.4f} +- {error:.4f}")

    def apart(name):
        (x, e), (y, f) = means[name], means["numpy"]
        return abs(x - y) / (e * e + f * f) ** 0.5

    print(f"  chain and numpy {apart('chain'):.1f} errors apart, the control {apart('control'):.1f}")
    raise SystemExit(0 if apart("chain") <= 4 < apart("control") else 1)


if __name__ == "__main__":
    main()
