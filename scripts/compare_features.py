"""Times two mechanisms of the literature beside peers in the same run, on the same numbers.

    python3 scripts/compare_features.py [--samples 4000] [--rounds 5]

Needs numpy and torch. Builds the helper `time-features` first.

The right side of the order-parameter equations of ReLU students (statement 11.13.3) stands beside a NumPy version with the same
formulas and the same 48-node quadrature, all quadruples of fields at once; ours takes the minors in double-double, the peer in doubles.
A recursive feature machine (11.10.7) stands beside a PyTorch version in doubles on all cores: distances by `cdist`, Cholesky,
gradients by one matrix product. Rounds alternate, so that noise hits both alike; medians, ratio and the largest relative difference of
what both find are printed.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
NODES = 48


class Ours:
    """The helper program on one problem."""

    def __init__(self, problem, times=1):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump(problem, self.file)
        self.file.flush()
        program = [ROOT / "target/release/time-features", self.file.name]
        self.program = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.times = times

    def __call__(self):
        self.program.stdin.write(f"{self.times}\n")
        self.program.stdin.flush()
        report = json.loads(self.program.stdout.readline())
        return report["seconds"], np.array(report["found"])


def pair(r):
    return 0.25 + np.arcsin(np.clip(r, -1, 1)) / (2 * np.pi)


class Rates:
    """The equations with every average over all tuples of fields at once."""

    def __init__(self, problem):
        self.p = {k: np.array(v, dtype=float) for k, v in problem.items()}
        self.m = len(problem["teacher_second_layer"])
        self.k = len(problem["second_layer"])
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        self.nodes, self.weights = 0.5 * (nodes + 1), 0.5 * weights

    def orthants(self, c, quadruples):
        """P_4 of quadruples of distinct fields by Plackett, across the split of the smallest canonical correlation."""
        r = c / np.sqrt(np.outer(np.diag(c), np.diag(c)))
        splits = [((i,), tuple(x for x in range(4) if x != i)) for i in range(4)]
        splits += [((0, i), tuple(x for x in (1, 2, 3) if x != i)) for i in (1, 2, 3)]
        found = np.empty(len(quadruples))
        for at, q in enumerate(quadruples):
            s = r[np.ix_(q, q)]
            best = None
            for a, b in splits:
                inner = np.linalg.solve(s[np.ix_(b, b)], s[np.ix_(b, a)])
                squares = np.linalg.eigvals(np.linalg.solve(s[np.ix_(a, a)], s[np.ix_(a, b)] @ inner))
                kappa = np.sqrt(max(squares.real))
                if best is None or kappa < best[0]:
                    best = (kappa, a, b)
            found[at] = self.plackett(s, *best)
        return found

    def plackett(self, s, kappa, a, b):
        def block(part):
            if len(part) == 1:
                return 0.5
            if len(part) == 2:
                return pair(s[part])
            i, j, k = part
            return 0.125 + (np.arcsin(s[i, j]) + np.arcsin(s[i, k]) + np.arcsin(s[j, k])) / (4 * np.pi)

        top = np.arcsin(min(kappa, 1.0))
        x = top * self.nodes
        t = np.sin(x) / kappa
        scale = top * self.weights * np.cos(x) / kappa
        sum_ = np.zeros_like(t)
        across = np.zeros((4, 4), dtype=bool)
        across[np.ix_(a, b)] = across[np.ix_(b, a)] = True
        at = np.where(across[None], t[:, None, None] * s[None], s[None])
        for i, j in itertools.product(a, b):
            k, l = (x for x in range(4) if x not in (i, j))
            cij, det = at[:, i, j], 1 - at[:, i, j] ** 2

            def rest(u, v):
                mixed = at[:, u, i] * at[:, v, i] + at[:, u, j] * at[:, v, j]
                crossed = at[:, u, i] * at[:, v, j] + at[:, u, j] * at[:, v, i]
                return at[:, u, v] * det - mixed + cij * crossed

            rho = rest(k, l) / np.sqrt(rest(k, k) * rest(l, l))
            sum_ += s[i, j] / (2 * np.pi * np.sqrt(det)) * pair(rho)
        return block(a) * block(b) + scale @ sum_

    def fourth(self, c, p4, u, v, w, z):
        """E[theta_u theta_v x_w+ x_z+], coincidences included."""
        s = sorted({u, v, w, z})
        sd = np.sqrt(np.diag(c))

        def orthant(fields):
            if len(fields) == 1:
                return 0.5
            r = c[np.ix_(fields, fields)] / np.outer(sd[fields], sd[fields])
            if len(fields) == 2:
                return pair(r[0, 1])
            if len(fields) == 3:
                return 0.125 + (np.arcsin(r[0, 1]) + np.arcsin(r[0, 2]) + np.arcsin(r[1, 2])) / (4 * np.pi)
            return p4[tuple(fields)]

        total = c[w, z] * orthant(s)
        for b in s:
            if b == z:
                continue
            for e in s:
                if e == b:
                    continue
                delta = c[b, b] * c[e, e] - c[b, e] ** 2
                weight = c[w, b] * (c[z, e] - c[z, b] * c[b, e] / c[b, b]) / (2 * np.pi * np.sqrt(delta))
                rest = [f for f in s if f not in (b, e)]
                if not rest:
                    total += weight
                elif len(rest) == 1:
                    total += 0.5 * weight
                else:

                    def d(k, l):
                        mixed = c[e, e] * c[k, b] * c[l, b] + c[b, b] * c[k, e] * c[l, e]
                        crossed = c[k, b] * c[l, e] + c[k, e] * c[l, b]
                        return c[k, l] * delta - mixed + c[b, e] * crossed

                    k, l = rest
                    total += weight * pair(d(k, l) / np.sqrt(d(k, k) * d(l, l)))
        return total

    def __call__(self):
        p, k, m = self.p, self.k, self.m
        q, r, t = p["student"].reshape(k, k), p["overlap"].reshape(k, m), p["teacher"].reshape(m, m)
        a, v = p["second_layer"], p["teacher_second_layer"]
        n = k + m
        c = np.block([[q, r], [r.T, t]])
        weight = np.concatenate([a, -v])
        sd = np.sqrt(np.diag(c))
        rho = np.clip(c / np.outer(sd, sd), -1, 1)
        delta = np.sqrt(np.maximum(np.outer(np.diag(c), np.diag(c)) - c**2, 0))
        second = (delta + c * (np.pi - np.arccos(rho))) / (2 * np.pi)
        np.fill_diagonal(second, np.diag(c) / 2)
        p2 = pair(rho)
        np.fill_diagonal(p2, 0.5)
        # I3(u; v, w) over all u, v, w.
        third = (
            c[:, :, None] * (delta / np.diag(c)[:, None])[:, None, :] / (2 * np.pi)
            + c[None] * p2[:, None, :]
        )
        for u in range(n):
            third[u, :, u] = c[u] / 2
        x = np.einsum("b,ijb->ij", weight, third[:k, :k, :])
        xr = np.einsum("b,inb->in", weight, third[:k, k:, :])
        s = second[:k] @ weight
        quadruples = list(itertools.combinations(range(n), 4))
        p4 = dict(zip(quadruples, self.orthants(c, quadruples), strict=True))
        j = np.zeros((k, k))
        for i, l in itertools.combinations_with_replacement(range(k), 2):
            for b, e in itertools.combinations_with_replacement(range(n), 2):
                one = weight[b] * weight[e] * self.fourth(c, p4, i, l, b, e)
                j[i, l] += one if b == e else 2 * one
            j[l, i] = j[i, l]
        eta, rate, decay = p["rate"], p["second_layer_rate"], p["decay"]
        aa = np.outer(a, a)
        dq = -2 * eta * decay * q - 2 * eta * (a[:, None] * x + a[None] * x.T)
        dq += 4 * eta**2 * aa * (j + p["noise_variance"] * p2[:k, :k])
        dr = -eta * decay * r - 2 * eta * a[:, None] * xr
        da = -rate * decay * a - 2 * rate * s
        return np.concatenate([dq.ravel(), dr.ravel(), da])


class Machine:
    """A recursive feature machine as one writes it with PyTorch."""

    def __init__(self, problem):
        self.p = problem
        self.x = torch.tensor(problem["inputs"], dtype=torch.float64).reshape(-1, problem["dimension"])
        self.y = torch.tensor(problem["labels"], dtype=torch.float64)

    def __call__(self):
        p, x, y = self.p, self.x, self.y
        n, d = x.shape
        metric = torch.eye(d, dtype=torch.float64)
        for round_ in range(p["updates"] + 1):
            values, vectors = torch.linalg.eigh(metric)
            root = vectors * values.clamp(min=0).sqrt()
            distance = torch.cdist(x @ root, x @ root)
            kernel = torch.exp(-distance / p["bandwidth"])
            ridged = kernel + p["ridge"] * torch.eye(n, dtype=torch.float64)
            alpha = torch.cholesky_solve(y[:, None], torch.linalg.cholesky(ridged))[:, 0]
            if round_ == p["updates"]:
                break
            weights = kernel * alpha[None] / (p["bandwidth"] * distance)
            weights[distance < 1e-10] = 0.0
            turned = x @ metric
            gradients = weights @ turned - weights.sum(1, keepdim=True) * turned
            metric = gradients.T @ gradients / n
        return metric.numpy().ravel()


def compare(name, ours, peer, rounds, inner=1):
    seconds = {"ours": [], "peer": []}
    for _ in range(rounds):
        time_, found = ours()
        seconds["ours"].append(time_)
        start = time.perf_counter()
        for _ in range(inner):
            expected = peer()
        seconds["peer"].append((time.perf_counter() - start) / inner)
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    mine, theirs = (statistics.median(seconds[k]) for k in ("ours", "peer"))
    print(f"{name:48} {mine:10.3g} s {theirs:10.3g} s  ratio {theirs / mine:7.1f}  difference {difference:.1e}")


def rates_problem(k, m, seed=1):
    rng = np.random.default_rng(seed)
    w, u = rng.standard_normal((k, 8)) / 3, np.linalg.qr(rng.standard_normal((8, m)))[0].T
    return {
        "teacher": (u @ u.T).ravel().tolist(),
        "teacher_second_layer": np.ones(m).tolist(),
        "rate": 0.2,
        "second_layer_rate": 0.1,
        "decay": 0.02,
        "noise_variance": 0.09,
        "student": (w @ w.T).ravel().tolist(),
        "overlap": (w @ u.T).ravel().tolist(),
        "second_layer": (0.5 * np.ones(k)).tolist(),
    }


def machine_problem(n, d=20, seed=0):
    rng = np.random.default_rng(seed)
    x = 0.5 * rng.standard_normal((n, d))
    y = np.where(x[:, 5] > 0, x[:, 0] * x[:, 1], 0.0)
    return {
        "inputs": x.ravel().tolist(),
        "labels": y.tolist(),
        "dimension": d,
        "bandwidth": 10.0,
        "ridge": 1e-3,
        "updates": 5,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    build = ["cargo", "build", "--release", "-p", "gradiometer-benches", "--bin", "time-features"]
    subprocess.run(build, cwd=ROOT, check=True)
    print(f"{'':48} {'ours':>12} {'peer':>12}")
    for k, m in [(2, 2), (3, 2), (4, 4)]:
        problem = rates_problem(k, m)
        name = f"equations of {k} students and {m} teachers (NumPy)"
        ours = Ours({"rates": problem}, times=1000)
        compare(name, ours, Rates(problem), 3 * arguments.rounds, inner=3)
    problem = machine_problem(arguments.samples)
    name = f"feature machine, n = {arguments.samples}, 5 updates (PyTorch)"
    compare(name, Ours({"machine": problem}), Machine(problem), arguments.rounds)


if __name__ == "__main__":
    main()
