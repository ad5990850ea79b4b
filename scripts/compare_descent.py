"""Times Algorithm 1 of scripts/descent.toml, start to end, beside the same steps in one jitted JAX loop from the same start.

    python3 scripts/compare_descent.py [--experiment scripts/descent.toml] [--program target/release/gradiometer]

Needs jax and numpy, and builds the program unless one is given. `gradiometer train` runs first, start-up, records and checkpoints included, into a temporary folder; its page (`gradiometer report`: a
proved certificate, every statement at the end, figures), to which nothing on the other side corresponds, is timed by itself. JAX reads teacher and start from there and takes the same steps in doubles: the large step, the ridge fit by a Cholesky factor, the balancing, and every epoch of descent as one
`fori_loop` with the hand-written gradient, all compiled beforehand. Compiling is not counted. Prints both times, their ratio and both final losses.
"""

import argparse
import json
import resource
import struct
import subprocess
import tempfile
import time
import tomllib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
ROOT = Path(__file__).resolve().parent.parent
TAU = 2 * np.pi


def read_safetensors(path):
    data = Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F64":
            begin, end = entry["data_offsets"]
            arrays[name] = np.frombuffer(data[8 + size :][begin:end], "<f8").reshape(entry["shape"])
    return arrays


def gradients(a, w, b, u):
    """Statements 3.2 and 3.3: the loss and its gradients."""
    norms = jnp.linalg.norm(w, axis=1)
    safe = jnp.where(norms > 0, norms, 1)
    units = w / safe[:, None]
    lengths = jnp.linalg.norm(u, axis=1)
    v = jnp.concatenate([units, u / lengths[:, None]])
    nu = jnp.concatenate([a * norms, -b * lengths])
    t = jnp.clip(units @ v.T, -1, 1)
    angle, root = jnp.arcsin(t), jnp.sqrt((1 - t) * (1 + t))
    e = (root + t * angle - 1) @ nu / TAU
    q = (root - 1) @ nu / TAU
    return 2 * norms * e, 2 * a[:, None] * (q[:, None] * units + angle @ (nu[:, None] * v) / TAU)


def kernel(u, v):
    t = jnp.clip(u @ v.T, -1, 1)
    return (jnp.sqrt((1 - t) * (1 + t)) + t * jnp.arcsin(t) - 1) / TAU


def algorithm(step_size, ridge, size, lambda_0, epochs, steps):
    @jax.jit
    def run(a, w, b, u):
        w = -step_size * gradients(a, w, b, u)[1]
        norms = jnp.linalg.norm(w, axis=1)
        units = w / norms[:, None]
        lengths = jnp.linalg.norm(u, axis=1)
        gram = norms[:, None] * kernel(units, units) * norms
        target = norms * (kernel(units, u / lengths[:, None]) @ (b * lengths))
        a = jax.scipy.linalg.solve(2 * gram + ridge * jnp.eye(len(a)), 2 * target, assume_a="pos")
        scale = jnp.sqrt(jnp.abs(a) * norms)
        a, w = jnp.sign(a) * scale, scale[:, None] * units

        def step(_, carry):
            a, w, decay = carry
            ga, gw = gradients(a, w, b, u)
            return a - size * (ga + decay * a), w - size * (gw + decay * w), decay

        def epoch(k, carry):
            a, w = carry
            decay = lambda_0 * 0.5 ** k.astype(float)
            a, w, _ = jax.lax.fori_loop(0, steps, step, (a, w, decay))
            return a, w

        a, w = jax.lax.fori_loop(0, epochs, epoch, (a, w))
        return a, w

    return run


def loss(a, w, b, u):
    norms, lengths = np.linalg.norm(w, axis=1), np.linalg.norm(u, axis=1)
    v = np.concatenate([w / np.where(norms > 0, norms, 1)[:, None], u / lengths[:, None]])
    nu = np.concatenate([a * norms, -b * lengths])
    return float(nu @ np.asarray(kernel(v, v)) @ nu)


def processor_time(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def timed(command):
    """What a program prints, its time, and its processor time."""
    start, before = time.perf_counter(), processor_time(resource.RUSAGE_CHILDREN)
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return printed, time.perf_counter() - start, processor_time(resource.RUSAGE_CHILDREN) - before


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--experiment", default=str(ROOT / "scripts" / "descent.toml"))
    parser.add_argument("--program")
    options = parser.parse_args()
    experiment = tomllib.loads(Path(options.experiment).read_text())
    program = options.program or str(ROOT / "target" / "release" / "gradiometer")
    if not options.program:
        build = ["cargo", "build", "--release", "-p", "gradiometer-cli"]
        subprocess.run(build, cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/run"
        printed, ours, our_work = timed([program, "train", options.experiment, "--no-report", "--out", out])
        _, page, page_work = timed([program, "report", out])
        teacher = json.loads(Path(f"{out}/teacher.json").read_text())
        given = read_safetensors(f"{out}/checkpoints/start.safetensors")
    print(*[line for line in printed.splitlines() if line.startswith("stage")][-1:], sep="\n")
    b, u = jnp.asarray(teacher["a"], float), jnp.asarray(teacher["w"], float)
    w = jnp.asarray(next(x for x in given.values() if x.ndim == 2 and x.shape[0] > 1))
    a = jnp.asarray(next(x for x in given.values() if x.size == len(w))).reshape(-1)
    stage3 = experiment["stage3"]
    run = algorithm(
        experiment["stage1"]["step_size"],
        experiment["stage2"]["lambda"],
        stage3["step_size"],
        stage3["lambda"],
        stage3["epochs"],
        stage3["steps"],
    )
    compiled = run.lower(a, w, b, u).compile()
    start, before = time.perf_counter(), processor_time(resource.RUSAGE_SELF)
    final = jax.block_until_ready(compiled(a, w, b, u))
    theirs, their_work = time.perf_counter() - start, processor_time(resource.RUSAGE_SELF) - before
    print(f"JAX ends at L = {loss(*map(np.asarray, final), np.asarray(b), np.asarray(u)):.3e}")
    print(f"elapsed: gradiometer train {ours:.2f} s, JAX {theirs:.2f} s: {theirs / ours:.1f}x")
    print(f"processor: gradiometer train {our_work:.2f} s, JAX {their_work:.2f} s: {their_work / our_work:.1f}x")
    whole, whole_work = ours + page, our_work + page_work
    print(f"with the page: {whole:.2f} s, {theirs / whole:.1f}x; processor {whole_work:.2f} s, {their_work / whole_work:.1f}x")


if __name__ == "__main__":
    main()
