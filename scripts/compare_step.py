"""Times one exact step (loss and both gradients) of Gradiometer beside NumPy, JAX and PyTorch on the same arrays.

    python3 scripts/compare_step.py [--shapes 500x50,2000x100,4000x1000,8000x32,16000x8] [--peers numpy,jax,jax-ad,torch,torch-compiled] [--single]

Needs numpy; jax and torch are used if they can be imported. Builds the helper `time-step` first. Every contender computes
statements 3.2 and 3.3 of docs/CONFORMANCE.md in doubles, or with --single in singles from the same arrays rounded (Gradiometer also in
doubles, for the gain and for what is lost), on all cores: with a hand-written gradient, and JAX also with `value_and_grad` (jax-ad) and
PyTorch compiled (torch-compiled). Rounds alternate between them, so that noise
hits all alike; a turn is a pause, in which the threads of the contender before go to sleep, and steps for a twentieth of a second, at least one.
The medians and their ratios are printed, with the largest relative difference of loss and gradients' absolute sums from NumPy's in doubles and,
for Gradiometer and NumPy, each in a process of its own, the peak memory. The peers' m x m arrays limit them at large m.

The floor is what two cores need at least: 0.2 ns a pair for the kernel, in singles half of that, their vectors being twice as long, and 3 d operations a pair, since each pair's cosine and its part of
both gradients are needed once for both neurons, at the speed of NumPy's matrix product measured in the same run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
TAU = 2 * np.pi
PAUSE, TURN = 0.3, 0.05  # seconds: before a turn, and of steps in it
KERNEL = {np.float64: 0.2, np.float32: 0.1}  # nanoseconds a pair on two cores


def instance(m, d, seed=1):
    """A generic student and a teacher of five neurons with both signs."""
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((m, d)) / np.sqrt(d)
    a = rng.standard_normal(m) / np.sqrt(m)
    u = rng.standard_normal((5, d))
    return a, w, np.array([1.0, -1.0, 1.2, 0.8, -0.7]), u / np.linalg.norm(u, axis=1, keepdims=True)


def numpy_step(a, w, b, u):
    """In-place where that helps: four m x n arrays at most."""
    norms = np.linalg.norm(w, axis=1)
    units = w / norms[:, None]
    lengths = np.linalg.norm(u, axis=1)
    v = np.concatenate([units, u / lengths[:, None]])
    nu = np.concatenate([a * norms, -b * lengths])
    t = v @ v.T
    np.clip(t, -1, 1, out=t)
    angle = np.arcsin(t)
    root = np.sqrt((1 - t) * (1 + t))
    t *= angle
    t += root
    t -= 1
    e = t @ nu / TAU
    loss = nu @ e
    m = len(a)
    q = (root[:m] @ nu - nu.sum()) / TAU
    g = angle[:m] @ (nu[:, None] * v) / TAU
    return loss, 2 * norms * e[:m], 2 * a[:, None] * (q[:, None] * units + g)


def jax_step():
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    @jax.jit
    def step(a, w, b, u):
        norms = jnp.linalg.norm(w, axis=1)
        units = w / norms[:, None]
        lengths = jnp.linalg.norm(u, axis=1)
        v = jnp.concatenate([units, u / lengths[:, None]])
        nu = jnp.concatenate([a * norms, -b * lengths])
        t = jnp.clip(v @ v.T, -1, 1)
        angle = jnp.arcsin(t)
        root = jnp.sqrt((1 - t) * (1 + t))
        e = (root + t * angle - 1) @ nu / TAU
        m = len(a)
        q = (root[:m] - 1) @ nu / TAU
        g = angle[:m] @ (nu[:, None] * v) / TAU
        return nu @ e, 2 * norms * e[:m], 2 * a[:, None] * (q[:, None] * units + g)

    def run(*arrays):
        loss, ga, gw = jax.block_until_ready(step(*arrays))
        return loss, ga, gw

    return run, lambda x: jnp.asarray(x)


def jax_ad_step():
    """The loss alone is written down; the kernel's derivative, asin(t)/(2 pi), is given since its formula's is not finite at 1."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    @jax.custom_jvp
    def kernel(t):
        return (jnp.sqrt((1 - t) * (1 + t)) + t * jnp.arcsin(t) - 1) / TAU

    @kernel.defjvp
    def _(primals, tangents):
        (t,), (dt,) = primals, tangents
        return kernel(t), jnp.arcsin(t) / TAU * dt

    def loss(a, w, b, u):
        norms = jnp.linalg.norm(w, axis=1)
        lengths = jnp.linalg.norm(u, axis=1)
        v = jnp.concatenate([w / norms[:, None], u / lengths[:, None]])
        nu = jnp.concatenate([a * norms, -b * lengths])
        return nu @ (kernel(jnp.clip(v @ v.T, -1, 1)) @ nu)

    step = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))

    def run(*arrays):
        value, (ga, gw) = jax.block_until_ready(step(*arrays))
        return value, ga, gw

    return run, lambda x: jnp.asarray(x)


def torch_compiled_step():
    import torch

    run, convert = torch_step()
    compiled = torch.compile(run)
    small = [convert(x) for x in instance(64, 4)]
    compiled(*small)  # fails here where there is no compiler
    return compiled, convert


def torch_step():
    import torch

    torch.set_num_threads(os.cpu_count())

    def run(a, w, b, u):
        with torch.no_grad():
            norms = torch.linalg.norm(w, dim=1)
            units = w / norms[:, None]
            lengths = torch.linalg.norm(u, dim=1)
            v = torch.cat([units, u / lengths[:, None]])
            nu = torch.cat([a * norms, -b * lengths])
            t = (v @ v.T).clamp_(-1, 1)
            angle = torch.asin(t)
            root = torch.sqrt((1 - t).mul_(1 + t))
            kernel = t.mul_(angle).add_(root).sub_(1)
            e = kernel @ nu / TAU
            m = len(a)
            q = (root[:m] @ nu - nu.sum()) / TAU
            g = angle[:m] @ (nu[:, None] * v) / TAU
            return nu @ e, 2 * norms * e[:m], 2 * a[:, None] * (q[:, None] * units + g)

    return run, lambda x: torch.from_numpy(np.ascontiguousarray(x))


class Ours:
    """The helper process: it reads the arrays once, then takes the steps of every line it is sent."""

    def __init__(self, program, student, teacher, *others):
        self.process = subprocess.Popen(
            [program, teacher, student, *others], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, steps=1):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def product_speed(dtype, n=2048, rounds=5):
    """Operations a nanosecond of NumPy's matrix product."""
    x = np.random.default_rng(0).standard_normal((n, n)).astype(dtype)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        x @ x
        times.append(time.perf_counter() - start)
    return 2 * n**3 / min(times) * 1e-9


def sums(result):
    """The loss and the sums of the gradients' moduli, which the helper prints too."""
    loss, *gradients = [np.asarray(x, dtype=np.float64) for x in result]
    return [float(loss), *(float(np.abs(g).sum()) for g in gradients)]


def difference(found, exact):
    return max(abs(x / y - 1) for x, y in zip(found, exact))


def peak_of_numpy(shape):
    """Peak memory of one NumPy step in a process of its own, in MiB."""
    command = [sys.executable, __file__, "--numpy-peak", shape]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def timed(step, arrays):
    start = time.perf_counter()
    step(*arrays)
    return time.perf_counter() - start


def turn(seconds_of_a_step):
    """The times of a contender's steps in a turn."""
    time.sleep(PAUSE)
    times = [seconds_of_a_step()]
    while sum(times) < TURN:
        times.append(seconds_of_a_step())
    return times


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shapes", default="500x50,2000x100,4000x1000,8000x32,16000x8")
    parser.add_argument("--peers", default="numpy,jax,jax-ad,torch,torch-compiled")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--single", action="store_true")
    parser.add_argument("--numpy-peak")
    options = parser.parse_args()
    if options.numpy_peak:
        m, d = map(int, options.numpy_peak.split("x"))
        numpy_step(*instance(m, d))
        # Not getrusage: its maximum is inherited from the process that started this one.
        status = Path("/proc/self/status").read_text()
        print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
        return
    build = ["cargo", "build", "--release", "-p", "gradiometer-benches", "--bin", "time-step"]
    subprocess.run(build, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = str(target / "release" / "time-step")
    known = {
        "numpy": lambda: (numpy_step, lambda x: x),
        "jax": jax_step,
        "jax-ad": jax_ad_step,
        "torch": torch_step,
        "torch-compiled": torch_compiled_step,
    }
    peers = {}
    for name in options.peers.split(","):
        try:
            peers[name] = known[name]()
        except Exception as error:
            print(f"{name} is left out: {type(error).__name__}", file=sys.stderr)
    dtype = np.float32 if options.single else np.float64
    speed = product_speed(dtype)
    print(f"NumPy's matrix product: {speed:.1f} operations a nanosecond")
    print("medians in seconds; ns a pair of m^2; ratio = the peer's median over ours")
    logs = []
    for shape in options.shapes.split(","):
        m, d = map(int, shape.split("x"))
        arrays = instance(m, d)
        with tempfile.TemporaryDirectory() as folder:
            np.savez(f"{folder}/student.npz", a=arrays[0], w=arrays[1])
            np.savez(f"{folder}/teacher.npz", a=arrays[2], w=arrays[3])
            files = [f"{folder}/student.npz", f"{folder}/teacher.npz"]
            ours = {"gradiometer": Ours(program, *files, *["single"] * options.single)}
            if options.single:
                ours["doubles"] = Ours(program, *files)
            first = {name: step() for name, step in ours.items()}
            rounded = [x.astype(dtype) for x in arrays]
            given = {name: [convert(x) for x in rounded] for name, (_, convert) in peers.items()}
            # The first call of a peer compiles or warms up.
            results = {name: step(*given[name]) for name, (step, _) in peers.items()}
            exact = sums(numpy_step(*arrays))
            times = {name: [] for name in [*ours, *peers]}
            for _ in range(options.rounds):
                for name, step in ours.items():
                    times[name] += turn(lambda: step()["seconds"])
                for name, (step, _) in peers.items():
                    times[name] += turn(lambda: timed(step, given[name]))
            for step in ours.values():
                step.close()
        medians = {name: statistics.median(values) for name, values in times.items()}
        mine = medians["gradiometer"]
        floor = KERNEL[dtype] + 3 * d / speed
        share = floor / (mine / m**2 * 1e9)
        line = f"m={m:6d} d={d:5d}  gradiometer {mine:.4f} s ({mine / m**2 * 1e9:.2f} ns, floor {floor:.2f} ns, {share:.0%} of it)"
        for name in [*ours, *peers][1:]:
            ratio = medians[name] / mine
            line += f"  {name} {medians[name]:.4f} s ({medians[name] / m**2 * 1e9:.1f} ns, {ratio:.1f}x)"
        fastest = min(medians[name] for name in peers) / mine
        logs.append(np.log(fastest))
        print(line, f" fastest peer {fastest:.1f}x", flush=True)
        found = {name: [r["loss"], r["second_layer_sum"], r["first_layer_sum"]] for name, r in first.items()}
        found |= {name: sums(result) for name, result in results.items()}
        print("    off by", ", ".join(f"{name} {difference(x, exact):.1e}" for name, x in found.items()), end="")
        peak = first["gradiometer"]["peak_mib"]
        print(f"; peak memory {peak:.0f} MiB, NumPy in doubles {peak_of_numpy(shape):.0f} MiB", flush=True)
    print(f"geometric mean over the fastest peer: {np.exp(np.mean(logs)):.1f}x")


if __name__ == "__main__":
    main()
