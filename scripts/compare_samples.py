"""Times one full-batch step on samples (loss and both gradients) of Gradiometer beside PyTorch on the same arrays.

    python3 scripts/compare_samples.py [--shapes 20000x500x100] [--rounds 15]

Needs numpy and torch. Builds the helper `time-samples` first. A shape is samples x neurons x dimension. Both contenders compute
the empirical loss of a preprocessed ReLU student (statement 4.1 of docs/CONFORMANCE.md, least squares on (1, x) done before) and its
gradient in doubles on all cores: PyTorch once by hand-written gradients into buffers that it keeps and once by autograd. Rounds
alternate between them, so that noise hits all alike; the medians, their ratios and the largest relative difference of the results are
printed, and the operations per second beside those of PyTorch's matrix product of the same shapes: the roofline of a step
are its two products, 4 n m d operations.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from compare_step import Ours, difference

ROOT = Path(__file__).resolve().parent.parent
ROOT_2_PI = float(np.sqrt(2 * np.pi))


def instance(n, m, d, seed=1):
    """A generic student, a teacher of five neurons with both signs, and samples with a little noise."""
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((m, d)) / np.sqrt(d)
    a = rng.standard_normal(m) / np.sqrt(m)
    u = rng.standard_normal((5, d))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    b = np.array([1.0, -1.0, 1.2, 0.8, -0.7])
    x = rng.standard_normal((n, d))
    y = np.maximum(x @ u.T, 0) @ b + 0.1 * rng.standard_normal(n)
    return a, w, b, u, x, y


def preprocessed(x, y):
    design = np.concatenate([np.ones((len(x), 1)), x], axis=1)
    return y - design @ np.linalg.lstsq(design, y, rcond=None)[0]


class ByHand:
    """Two matrix products and three passes, all into buffers that are kept."""

    def __init__(self, n, m):
        self.z = torch.empty((n, m), dtype=torch.float64)
        self.s = torch.empty((n, m), dtype=torch.float64)

    def __call__(self, a, w, x, y):
        with torch.no_grad():
            n, norms = len(y), torch.linalg.norm(w, dim=1)
            torch.mm(x, w.T, out=self.z)
            torch.sign(self.z, out=self.s)
            self.z.abs_()
            r = self.z @ (a / 2) - (a @ norms) / ROOT_2_PI - y
            total = r.sum()
            ga = (self.z.T @ r - norms * (2 / ROOT_2_PI) * total) / n
            self.s.mul_(r[:, None])
            gw = a[:, None] * (self.s.T @ x - w / norms[:, None] * (2 / ROOT_2_PI) * total) / n
            return r @ r / n, ga, gw


def by_autograd(a, w, x, y):
    a, w = a.clone().requires_grad_(), w.clone().requires_grad_()
    f = (x @ w.T).abs() @ a / 2 - (a @ torch.linalg.norm(w, dim=1)) / ROOT_2_PI
    loss = ((f - y) ** 2).mean()
    loss.backward()
    return loss.detach(), a.grad, w.grad


def timed(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shapes", default="20000x500x100")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    build = ["cargo", "build", "--release", "-p", "gradiometer-benches", "--bin", "time-samples"]
    subprocess.run(build, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    torch.set_num_threads(os.cpu_count())
    print("medians in seconds; ratio = PyTorch's median over ours")
    for shape in options.shapes.split(","):
        n, m, d = map(int, shape.split("x"))
        a, w, b, u, x, y = instance(n, m, d)
        given = [torch.from_numpy(v) for v in (a, w, x, preprocessed(x, y))]
        with tempfile.TemporaryDirectory() as folder:
            np.savez(f"{folder}/student.npz", a=a, w=w)
            np.savez(f"{folder}/teacher.npz", a=b, w=u)
            np.savez(f"{folder}/samples.npz", x=x, y=y)
            program = [str(target / "release" / "time-samples"), f"{folder}/samples.npz"]
            ours = Ours(program[0], f"{folder}/student.npz", f"{folder}/teacher.npz", program[1])
            last = ours()
            by_hand = ByHand(n, m)
            times = {"gradiometer": [], "by hand": [], "autograd": [], "products": []}
            for _ in range(options.rounds):
                times["gradiometer"].append(ours()["seconds"])
                seconds, exact = timed(lambda: by_hand(*given))
                times["by hand"].append(seconds)
                times["autograd"].append(timed(lambda: by_autograd(*given))[0])
                products = lambda: (torch.mm(given[2], given[1].T, out=by_hand.z), by_hand.z.T @ given[2])
                times["products"].append(timed(products)[0])
            ours.close()
        medians = {name: statistics.median(values[1:] or values) for name, values in times.items()}
        mine, flops = medians["gradiometer"], 4 * n * m * d
        print(f"n={n} m={m} d={d}  gradiometer {mine:.4f} s ({flops / mine / 1e9:.1f} Gflop/s, {last['instruction_set']})", end="")
        for name in ("by hand", "autograd"):
            print(f"  torch {name} {medians[name]:.4f} s ({medians[name] / mine:.2f}x)", end="")
        bare = medians["products"]
        print(f"  torch's two products alone {bare:.4f} s ({flops / bare / 1e9:.1f} Gflop/s): we take {mine / bare:.2f} of that")
        sums = [float(exact[0]), float(exact[1].abs().sum()), float(exact[2].abs().sum())]
        found = [last["loss"], last["second_layer_sum"], last["first_layer_sum"]]
        print(f"    agreement {difference(found, sums):.1e}", flush=True)


if __name__ == "__main__":
    main()
