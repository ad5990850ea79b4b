"""Times the conditional engine (11.5.1) and the first step of many neurons (11.0.1) of Gradiometer beside NumPy.

    python3 scripts/compare_mechanisms.py [--size 300] [--neurons 10000] [--dimension 300] [--rounds 15]

Needs numpy. Builds the helper `time-mechanisms` first. Both sides compute the same instance by the same formulas to the same
accuracy, on all cores: the engine with 11 nodes, spikes of 1 and one penalty, to leverages that change by less than 1e-10; the step on every term of three coordinates
up to degree 4. Turns alternate, so that noise hits both alike; after a warm-up the medians are printed with the median of
the ratios of neighbouring turns, its range, and the relative difference of the results.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PHI0 = 1 / math.sqrt(2 * math.pi)
PAUSE = 0.2  # seconds before a turn, in which the threads of the one before go to sleep


def wave(count):
    """The helper's irregular sequence."""
    return np.sin(12.9898 * np.arange(1.0, count + 1))


def rows(count, dimension):
    w = wave(count * dimension).reshape(count, dimension)
    return w / np.linalg.norm(w, axis=1, keepdims=True)


def engine_instance(size):
    w = rows(size, size)
    w[:, 0] = 1.0
    v, u = np.zeros(size), np.zeros(size)
    v[0], u[0], u[1] = 1.0, 0.8, 0.6
    x, p = np.polynomial.hermite_e.hermegauss(11)
    return w, v, u, np.array([0.6, 0.5]), x, p / p.sum()


def label(g, along, x):
    """Mean, variance and first two coefficients of g_1 h_1(u.x) + g_2 h_2(u.x) given v.x = x."""
    across = math.sqrt((1 - along) * (1 + along))
    h2 = (x * x - 1) / math.sqrt(2)
    mean = g[0] * along * x + g[1] * along**2 * h2
    first = g[0] * across + g[1] * math.sqrt(2) * along * across * x
    second = np.full_like(x, g[1] * across**2)
    return mean, first**2 + second**2, first, second


ERF = np.vectorize(math.erf)


def engine(w, v, u, g, x, p, penalty=0.1, change=1e-10):
    m, n = len(w), 2 * w.shape[1]
    rho = w @ v
    outside = w - np.outer(rho, v)
    r = np.linalg.norm(outside, axis=1)
    along = u @ v
    rest = u - along * v
    rest /= np.linalg.norm(rest)
    towards = outside @ rest / r
    cosines = outside @ outside.T / np.outer(r, r)
    ybar, vy, b1, b2 = label(g, along, x)
    shift = np.outer(x, rho)
    z = shift / r
    inside, edge = 0.5 * (1 + ERF(z / math.sqrt(2))), PHI0 * np.exp(-0.5 * z * z)
    mean = shift * inside + r * edge
    a1, a2 = r * inside, r * edge / math.sqrt(2)
    cov = a1[:, :, None] * a1[:, None, :] * cosines + a2[:, :, None] * a2[:, None, :] * cosines**2
    diagonal = np.arange(m)
    cov[:, diagonal, diagonal] = (shift**2 + r * r) * inside + shift * r * edge - mean**2
    cross = a1 * b1[:, None] * towards + a2 * b2[:, None] * towards**2
    bordered = np.concatenate([np.ones((len(x), 1)), mean], axis=1)
    second = bordered[:, :, None] * bordered[:, None, :]
    second[:, 1:, 1:] += cov
    flat = second.reshape(len(x), -1)
    lam = np.diag(np.concatenate([[0.0], np.full(m, penalty)]))
    leverage, moved = np.ones(len(x)), math.inf
    while moved > change:
        total = lam + ((p / (1 + leverage)) @ flat).reshape(m + 1, m + 1)
        q = np.linalg.inv(total)
        following = flat @ q.ravel() / n
        moved = np.abs((following - leverage) / following).max()
        leverage = following
    om = 1 / (1 + leverage)
    border_cross = np.concatenate([np.zeros((len(x), 1)), cross], axis=1)
    weights = q @ ((p * om) @ (bordered * ybar[:, None] + border_cross))
    own = weights[1:]
    base = (ybar - bordered @ weights) ** 2 + vy - 2 * cross @ own + (cov @ own) @ own
    b = second @ q
    k = b.reshape(len(x), -1) @ b.transpose(0, 2, 1).reshape(len(x), -1).T / n
    errors = np.linalg.solve(np.eye(len(x)) - k * (p * om**2), base)
    return float(p @ errors)


def step_instance(neurons, dimension):
    degrees = [(a, b, c) for a in range(5) for b in range(5 - a) for c in range(5 - a - b)]
    return rows(neurons, dimension), np.array(degrees), wave(len(degrees))


def tau(k):
    """E[1{z > 0} h_k(z)]."""
    if k == 0:
        return 0.5
    if k % 2 == 0:
        return 0.0
    j = (k - 1) // 2
    double = math.prod(range(2 * j - 1, 0, -2))
    return PHI0 * (-1) ** j * double / math.sqrt(math.factorial(2 * j)) / math.sqrt(k)


def first_step(w, degrees, coefficients):
    """11.0.1, every term at once by tables of powers."""
    rank = degrees.shape[1]
    p = w[:, :rank] / np.linalg.norm(w, axis=1, keepdims=True)
    powers = p[None] ** np.arange(degrees.max() + 1)[:, None, None]
    inside, along = np.zeros((len(w), rank)), np.zeros(len(w))
    for alpha, c in zip(degrees, coefficients):
        k = int(alpha.sum())
        size = math.prod(math.factorial(a) for a in alpha)
        factor = c * math.sqrt(k + 1) * tau(k + 1) * math.sqrt(math.factorial(k) / size)
        if factor:
            along += factor * math.prod(powers[a, :, i] for i, a in enumerate(alpha))
        factor = c * tau(k - 1) * math.sqrt(math.factorial(k - 1) / size) if k else 0.0
        for i, a in enumerate(alpha):
            if factor and a:
                lower = [powers[b - (l == i), :, l] for l, b in enumerate(alpha)]
                inside[:, i] += factor * a * math.prod(lower)
    steps = along[:, None] * w
    steps[:, :rank] += inside
    return steps


class Ours:
    """The helper process."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def compared(name, ours, line, peer, number, rounds):
    """Alternating turns of both; `number` makes of the peer's result what the helper prints."""
    mine, theirs, found = [], [], None
    for turn in range(rounds + 1):
        time.sleep(PAUSE)
        found = ours(line)
        time.sleep(PAUSE)
        start = time.perf_counter()
        result = peer()
        seconds = time.perf_counter() - start
        if turn:  # the first is a warm-up
            mine.append(found["seconds"])
            theirs.append(seconds)
    value = number(result)
    ratios = [b / a for a, b in zip(mine, theirs)]
    print(
        f"{name}: gradiometer {statistics.median(mine):.4f} s, NumPy {statistics.median(theirs):.4f} s, "
        f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f} over {rounds} pairs), "
        f"results differ by {abs(found['value'] / value - 1):.1e}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--neurons", type=int, default=10_000)
    parser.add_argument("--dimension", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    build = ["cargo", "build", "--release", "-p", "gradiometer-benches", "--bin", "time-mechanisms"]
    subprocess.run(build, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    ours = Ours(str(target / "release" / "time-mechanisms"))
    given = engine_instance(options.size)
    name = f"the conditional engine at d = N = {options.size}"
    compared(name, ours, f"engine {options.size}", lambda: engine(*given), float, options.rounds)
    arrays = step_instance(options.neurons, options.dimension)
    name = f"the step of {options.neurons} neurons in {options.dimension} dimensions"
    line = f"step {options.neurons} {options.dimension}"
    compared(name, ours, line, lambda: first_step(*arrays), np.linalg.norm, options.rounds)


if __name__ == "__main__":
    main()
