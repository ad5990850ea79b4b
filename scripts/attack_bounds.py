#!/usr/bin/env python3
"""An attack on every bound that the program prints, by seed, in ball arithmetic of 400 bits.

    pip install python-flint
    cargo build --release
    scripts/attack_bounds.py --losses 20000 --certificates 500 --gaps 50 --nets 200 --jobs 2

Hostile networks (scales from the least subnormal number to the largest that fits, near copies, pairs
that cancel, zero neurons, decays from nothing to a thousand) go through `loss`: loss, objective, both
gradients, norm. Small ones go through `analyze`, for the interval of the gap; random points of the
plane through `net`; teachers through `certify` and `check-certificate`, against a solve of its own (all
tangents, another formulation) and a search of its own.

For each kind the worst ratio of error to bound is printed: above one is a false bound. For a
certificate the ratio is that of the proved rho to the least (1 - |eta|)/delta^2 met, and claims above
that value, by one part in a million and more, must not be proved. Exit 1 if anything is false.

The same for a few hundred losses without Python is crates/gradiometer-population/tests/attack.rs, which
the gate runs.
"""

import argparse
import json
import math
import multiprocessing
import pathlib
import random
import subprocess
import sys
import tempfile

try:
    from flint import arb, arb_mat, ctx
except ImportError:
    sys.exit("attack_bounds.py needs python-flint: pip install python-flint")

ctx.prec = 400
PI = arb.pi()
ROOT = pathlib.Path(__file__).resolve().parent.parent
MAX = sys.float_info.max


def dot(v, w):
    total = arb(0)
    for x, y in zip(v, w):
        total += x * y
    return total


def square(x):
    """x^2; as a power, balls around zero are not numbers in some versions of python-flint."""
    return x * x


def norm(v):
    return dot(v, v).nonnegative_part().sqrt()


def upper(x):
    """A double that is not below the ball; infinite where nothing is known."""
    if not x.is_finite():
        return math.inf
    return float(x.upper()) * (1.0 + 2.0**-50)


# Networks.


def decade(rng, low, high):
    return 10.0 ** rng.uniform(low, high)


def clamp(x):
    return max(-MAX, min(MAX, x))


def hostile(rng):
    """A teacher, a student, the lowest degree and the decay."""
    d = rng.randint(1, 8)
    n, m = rng.randint(1, 4), rng.randint(1, 8)
    if rng.random() < 0.01:
        d, m = 100, 40
    kind = rng.randrange(8)
    common = [decade(rng, -160, 70), decade(rng, -80, -70), 1.0, 1.0][rng.randrange(4)]
    neurons = []
    for _ in range(n + m):
        w = [rng.gauss(0, 1) for _ in range(d)]
        a = rng.gauss(0, 1)
        if neurons and rng.random() < 0.5:
            b, v = rng.choice(neurons)
            apart, sign = decade(rng, -18, -1), rng.choice([1, -1])
            w = [sign * (x + apart * y * abs(x)) for x, y in zip(v, w)]
            a = rng.choice([1, -1]) * b * (1 + decade(rng, -17, -1) * rng.gauss(0, 1))
        scale = {0: decade(rng, -140, 140), 1: decade(rng, -320, -290), 2: decade(rng, -12, 12)}.get(kind, 1.0)
        if rng.random() < 0.08:
            w = [0.0] * d
        if rng.random() < 0.2:
            w[0] *= decade(rng, -160, 0)
        w = [clamp(x * common * scale) for x in w]
        neurons.append((clamp(a * common / scale), w))
    for i in range(n):
        a, w = neurons[i]
        if all(a * x == 0.0 for x in w):
            neurons[i] = (1.0, [common] + [0.0] * (d - 1))
    teacher, student = neurons[:n], neurons[n:]
    skip = None
    if rng.random() < 0.3:
        size = common * common
        skip = (size * rng.gauss(0, 1), [size * rng.gauss(0, 1) for _ in range(d)])
    decay = rng.choice([0.0, decade(rng, -6, 6), decade(rng, -320, 3)])
    return teacher, student, skip, rng.choice([0, 2]), decay


def document(neurons, skip=None):
    found = {"a": [a for a, _ in neurons], "w": [w for _, w in neurons]}
    if skip:
        found["alpha"], found["beta"] = skip
    return found


# The objective.


def pair(w, v, lengths):
    """The cosine and the sine of the angle between two vectors, the sine by Lagrange's identity."""
    minors = arb(0)
    for k in range(len(w)):
        for l in range(k):
            minors += square(w[k] * v[l] - w[l] * v[k])
    return dot(w, v) / lengths, minors.nonnegative_part().sqrt() / lengths


def objective(teacher, student, skip, degree, decay):
    """Loss, objective, both gradients."""
    atoms = [(arb(a), [arb(x) for x in w]) for a, w in student]
    atoms += [(-arb(a), [arb(x) for x in w]) for a, w in teacher]
    lengths = [norm(w) for _, w in atoms]
    zero = [all(x == 0 for x in w) for _, w in student + teacher]
    d, m = len(student[0][1]), len(student)
    loss, grad_a, grad_w = arb(0), [], []
    n = len(atoms)
    angles = {}
    for j in range(n):
        for b in range(j):
            if not (zero[j] or zero[b]):
                t, root = pair(atoms[j][1], atoms[b][1], lengths[j] * lengths[b])
                angles[j, b] = angles[b, j] = (t, root, arb.atan2(t, root))
        angles[j, j] = (arb(1), arb(0), PI / 2)
    for j in range(n):
        a, w = atoms[j]
        potential, radial, along = arb(0), arb(0), [arb(0)] * d
        if not zero[j]:
            for b in range(n):
                if zero[b]:
                    continue
                c, v = atoms[b]
                t, root, angle = angles[j, b]
                mass = c * lengths[b]
                potential += mass * (t * angle + root - 1)
                if j < m:
                    radial += mass * (root - 1)
                    along = [g + c * angle * x for g, x in zip(along, v)]
            loss += a * lengths[j] * potential / (2 * PI)
        if j < m:
            grad_a.append(lengths[j] * potential / PI)
            if zero[j]:
                grad_w.append([arb(0)] * d)
            else:
                grad_w.append([a * (radial * x / lengths[j] + g) / PI for x, g in zip(w, along)])
    if degree == 0:
        root = (2 * PI).sqrt()
        constant = sum((a * length for (a, _), length in zip(atoms, lengths)), arb(0)) / root
        linear = [sum((a * w[k] for a, w in atoms), arb(0)) / 2 for k in range(d)]
        if skip:
            constant += arb(skip[0])
            linear = [x + arb(b) for x, b in zip(linear, skip[1])]
        loss += square(constant) + dot(linear, linear)
        for j in range(m):
            a, w = atoms[j]
            if not zero[j]:
                grad_a[j] += 2 * constant * lengths[j] / root + dot(linear, w)
                grad_w[j] = [
                    g + a * (2 * constant * x / (root * lengths[j]) + s)
                    for g, x, s in zip(grad_w[j], w, linear)
                ]
    decay = arb(decay)
    squares = dot([a for a, _ in atoms[:m]], [a for a, _ in atoms[:m]])
    for j in range(m):
        a, w = atoms[j]
        squares += dot(w, w)
        grad_a[j] += decay * a
        grad_w[j] = [g + decay * x for g, x in zip(grad_w[j], w)]
    return loss, loss + decay * squares / 2, grad_a, grad_w


def over_bound(value, error, exact):
    """Error over bound; none where the program claims nothing."""
    if value is None or error is None:
        # A number without an error claims too much.
        return None if value is None and error is None else math.inf
    off = abs(arb(value) - exact) * SHRUNK
    if error == 0:
        # Certainly off, or not to be told from exact.
        return math.inf if off > 0 else 0.0
    return upper(off / arb(error))


# The program.

PROGRAM = None
# What errors are multiplied by: one, but for the control.
SHRUNK = 1


def program(*arguments):
    found = subprocess.run([PROGRAM, *map(str, arguments), "--json", "--quiet"], capture_output=True, text=True)
    return found.returncode, json.loads(found.stdout) if found.stdout else None


def folder():
    shm = pathlib.Path("/dev/shm")
    return tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None)


def write(path, value):
    path.write_text(json.dumps(value))
    return path


def attack_loss(seed):
    rng = random.Random(seed)
    teacher, student, skip, degree, decay = hostile(rng)
    with folder() as name:
        base = pathlib.Path(name)
        files = write(base / "t.json", document(teacher)), write(base / "s.json", document(student, skip))
        code, found = program(
            "loss", "--teacher", files[0], "--student", files[1],
            f"--from-degree={degree}", f"--lambda={decay!r}", "--gradient",
        )
    if code == 65:
        return {}, 1
    if code != 0:
        return {f"exit {code}": math.inf}, 0
    loss, whole, grad_a, grad_w = objective(teacher, student, skip, degree, decay)
    entries = grad_a + [g for row in grad_w for g in row]
    rows = [
        ("loss", found["loss"], found["loss_error"], loss),
        ("objective", found["objective"], found["objective_error"], whole),
        ("norm", found["gradient_norm"], found["gradient_norm_error"], norm(entries)),
    ]
    rows += [("grad a", x, found["grad_a_error"], g) for x, g in zip(found["grad_a"], grad_a)]
    for printed, exact in zip(found["grad_w"], grad_w):
        rows += [("grad w", x, found["grad_w_error"], g) for x, g in zip(printed, exact)]
    worst = {}
    for kind, value, error, exact in rows:
        # An entry that overflows is null; then so is the error of its layer, but not every entry.
        if kind.startswith("grad") and error is None:
            continue
        ratio = over_bound(value, error, exact)
        if ratio is not None:
            worst[kind] = max(worst.get(kind, 0.0), ratio)
    return worst, 0


def attack_gap(seed):
    rng = random.Random(seed)
    d = rng.randint(2, 3)
    teacher = [(rng.choice([1, -1]) * rng.uniform(0.5, 2), [rng.gauss(0, 1) for _ in range(d)]) for _ in range(2)]
    spread = decade(rng, -6, 0)
    student = [
        (a / 2 + spread * rng.gauss(0, 1), [x + spread * rng.gauss(0, 1) for x in w])
        for a, w in teacher for _ in range(2)
    ]
    decay = decade(rng, -6, -1)
    with folder() as name:
        base = pathlib.Path(name)
        files = write(base / "t.json", document(teacher)), write(base / "s.json", document(student))
        _, found = program("analyze", "--teacher", files[0], "--student", files[1], f"--lambda={decay!r}")
    if found is None:
        return {}, 1
    _, whole, _, _ = objective(teacher, student, None, 2, decay)
    mass = sum((abs(arb(a)) * norm([arb(x) for x in w]) for a, w in teacher), arb(0))
    zeta = whole - arb(decay) * mass
    gap = found["gap"]["by_certificate"]
    top = zeta + square(arb(decay) * arb(found["certificate"]["p_norm"])) / 4
    worst = {}
    low = arb(gap["lower"])
    # The gap is at least zeta+ and at least zero: the lower end may not be above both.
    false = (low > zeta and low > 0) or arb(gap["upper"]) < top
    worst["gap by certificate"] = math.inf if false else 0.0
    # The narrower interval may not lie below zeta+, a lower end of the gap.
    worst["gap"] = math.inf if arb(found["gap"]["upper"]) < zeta else 0.0
    return worst, 0


def attack_net(seed):
    """In the plane the covering radius is half of the largest gap between directions."""
    rng = random.Random(seed)
    count = rng.randint(1, 40)
    points = [[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(count)]
    for _ in range(rng.randrange(4)):
        x, y = rng.choice(points)
        points.append([-x * (1 + decade(rng, -17, -3)), -y])
    scale = decade(rng, -200, 200)
    points = [[x * scale, y * scale] for x, y in points]
    with folder() as name:
        code, found = program("net", write(pathlib.Path(name) / "p.json", points))
    if code != 0:
        return {f"net exit {code}": math.inf}, 0
    angles = [arb.atan2(arb(y), arb(x)) for x, y in points]
    angles = sorted((a if a >= 0 else a + PI for a in angles), key=lambda a: float(a.mid()))
    gaps = [b - a for a, b in zip(angles, angles[1:])] + [angles[0] + PI - angles[-1]]
    largest = gaps[0]
    for gap in gaps[1:]:
        largest = largest.max(gap)
    radius = largest / 2
    ends = found["covering_radius"]
    false = radius > arb(ends["upper"]) or radius < arb(ends["lower"])
    return {"net": math.inf if false else 0.0}, 0


# Certificates.


class Kernel:
    """K(t) = sum over even k of omega_k s_k^2 t^k with its derivatives, in balls and in doubles."""

    def __init__(self, low, tail):
        self.tail = arb(tail)
        # The weight of a low degree, less that of the tail.
        self.low = [(k, (arb(w) - self.tail) * self.square(k)) for k, w in zip(range(2, 10**6, 2), low)]
        self.coarse = (tail, [(k, float(c.mid())) for k, c in self.low])

    @staticmethod
    def square(k):
        double = arb(1)
        for j in range(k - 3, 0, -2):
            double *= j
        return double**2 / (2 * PI * math.factorial(k))

    def at(self, t):
        root = (1 - t * t).nonnegative_part().sqrt()
        angle = arb.atan2(t, root)
        value = self.tail * (t * angle + root - 1) / (2 * PI)
        first = self.tail * angle / (2 * PI)
        for k, c in self.low:
            value += c * t**k
            first += k * c * t ** (k - 1)
        return value, first

    def second(self, t):
        value = self.tail / (2 * PI * (1 - t * t).sqrt())
        for k, c in self.low:
            value += k * (k - 1) * c * (t ** (k - 2) if k > 2 else 1)
        return value

    def coarsely(self, t):
        t = max(-1.0, min(1.0, t))
        tail, low = self.coarse
        value = tail * (t * math.asin(t) + math.sqrt(1 - t * t) - 1) / (2 * math.pi)
        first = tail * math.asin(t) / (2 * math.pi)
        for k, c in low:
            value += c * t**k
            first += k * c * t ** (k - 1)
        return value, first


def tangents(u):
    """An orthonormal basis of what is orthogonal to a unit vector."""
    d = len(u)
    basis = [u]
    order = sorted(range(d), key=lambda k: abs(float(u[k].mid())))
    for k in order[: d - 1]:
        e = [arb(1 if l == k else 0) for l in range(d)]
        for q in basis:
            c = dot(q, e)
            e = [x - c * y for x, y in zip(e, q)]
        length = norm(e)
        basis.append([x / length for x in e])
    return basis[1:]


class Interpolant:
    def __init__(self, teacher, kernel):
        self.kernel = kernel
        self.directions, self.signs = [], []
        for a, w in teacher:
            w = [arb(x) for x in w]
            length = norm(w)
            self.directions.append([x / length for x in w])
            self.signs.append(1 if a > 0 else -1)
        bases = [tangents(u) for u in self.directions]
        m, d = len(teacher), len(teacher[0][1])
        rows, right = [], []
        one, slope = kernel.at(arb(1))
        for j, u in enumerate(self.directions):
            row = []
            for i, v in enumerate(self.directions):
                t = dot(u, v)
                value, first = (one, slope) if i == j else kernel.at(t)
                row.append(value)
                row += [first * dot(e, u) for e in bases[i]]
            rows.append(row)
            right.append([arb(self.signs[j])])
            for e in bases[j]:
                row = []
                for i, v in enumerate(self.directions):
                    t = dot(u, v)
                    _, first = (one, slope) if i == j else kernel.at(t)
                    along = arb(0) if i == j else dot(v, e)
                    row.append(first * along)
                    for f in bases[i]:
                        entry = first * dot(f, e)
                        if i != j:
                            entry += kernel.second(t) * along * dot(f, u)
                        row.append(entry)
                rows.append(row)
                right.append([arb(0)])
        solution = arb_mat(rows).solve(arb_mat(right))
        self.values, self.gradients = [], []
        for i in range(m):
            start = i * d
            self.values.append(solution[start, 0])
            b = [arb(0)] * d
            for k, e in enumerate(bases[i]):
                b = [x + solution[start + 1 + k, 0] * y for x, y in zip(b, e)]
            self.gradients.append(b)
        middle = lambda rows: [[float(x.mid()) for x in row] for row in rows]
        self.coarse = middle(self.directions), [float(x.mid()) for x in self.values], middle(self.gradients)

    def quotient(self, w):
        """(1 - |eta|)/delta^2 as a ball."""
        w = [arb(x) for x in w]
        length = norm(w)
        w = [x / length for x in w]
        eta, near = arb(0), arb(0)
        for u, a, b in zip(self.directions, self.values, self.gradients):
            t = dot(u, w)
            value, first = self.kernel.at(t)
            eta += a * value + first * dot(b, w)
            near = near.max(abs(t))
        return (1 - abs(eta)) / near.acos() ** 2

    def coarsely(self, w):
        length = math.sqrt(sum(x * x for x in w))
        w = [x / length for x in w]
        eta, near = 0.0, 0.0
        for u, a, b in zip(*self.coarse):
            t = sum(x * y for x, y in zip(u, w))
            value, first = self.kernel.coarsely(t)
            eta += a * value + first * sum(x * y for x, y in zip(b, w))
            near = max(near, abs(t))
        delta = math.acos(min(1.0, near))
        return (1 - abs(eta)) / delta**2 if delta > 1e-3 else math.inf

    def least(self, rng):
        """The least quotient met, rounded up, by descents from the best of random directions."""
        d = len(self.directions[0])
        starts = []
        for k in range(400):
            e = [rng.gauss(0, 1) for _ in range(d)]
            if k % 2:
                u = rng.choice(self.coarse[0])
                size = decade(rng, -2.5, 0)
                e = [x + size * y for x, y in zip(u, e)]
            starts.append((self.coarsely(e), e))
        starts.sort(key=lambda s: s[0])
        best = starts[0]
        for value, w in starts[:6]:
            step = 0.1
            length = math.hypot(*w)
            w = [x / length for x in w]
            # Of unit vectors: a vector that grows would move less and less and never stop. A search may end early.
            for _ in range(500):
                if step <= 1e-8:
                    break
                moved = False
                for k in range(d):
                    for shift in (step, -step):
                        other = list(w)
                        other[k] += shift
                        found = self.coarsely(other)
                        # Less by more than rounding, which would lead it on for ever.
                        if found < value - 1e-12 * abs(value):
                            value, w, moved = found, other, True
                length = math.hypot(*w)
                w = [x / length for x in w]
                if not moved:
                    step /= 2
            if value < best[0]:
                best = value, w
        return upper(self.quotient(best[1]))


def attack_certificate(seed):
    rng = random.Random(seed)
    d = rng.choice([2, 2, 2, 3, 3, 4])
    rank = min(d, rng.choice([2, 2, 2, 3]))
    m = rng.randint(1, 4)
    while True:
        rows = [[rng.gauss(0, 1) if k < rank else 0.0 for k in range(d)] for _ in range(m)]
        if rng.random() < 0.2 and m > 1:
            rows[1] = [x + 0.1 * rng.gauss(0, 1) if k < rank else x for k, x in enumerate(rows[0])]
        unit = [[x / math.hypot(*row) for x in row] for row in rows]
        cosines = [abs(sum(x * y for x, y in zip(unit[i], unit[j]))) for i in range(m) for j in range(i)]
        if all(c < 0.999 for c in cosines):
            break
    scale = rng.choice([1.0, decade(rng, -100, 100)])
    teacher = [(rng.choice([1, -1]) * rng.uniform(0.3, 3), [scale * x for x in row]) for row in rows]
    limits = ["--threads", 1, "--time-limit", 10]
    with folder() as name:
        base = pathlib.Path(name)
        file, out = write(base / "t.json", document(teacher)), base / "c.json"
        code, found = program("certify", file, "--out", out, *limits)
        if found is None or not out.exists():
            return {}, 1
        certificate = json.loads(out.read_text())
        kernel = Kernel(certificate["low_weights"], certificate["tail_weight"])
        eta = Interpolant(teacher, kernel)
        met = eta.least(rng)
        worst = {}
        if found["verdict"] == "proved":
            worst["proved rho over the least met"] = found["rho"] / met
            # |p|^2 = sum_i A_i sign_i needs the pairing of another kernel; the coefficients are compared instead.
            for i, (a, b) in enumerate(zip(eta.values, eta.gradients)):
                size = abs(a).max(norm(b))
                off = [abs(arb(certificate["values"][i]) - a)]
                off += [abs(arb(x) - y) for x, y in zip(certificate["gradients"][i], b)]
                for x in off:
                    worst["coefficient, off by billionths"] = max(
                        worst.get("coefficient, off by billionths", 0.0), upper(x / size) * 1e9
                    )
        above = rng.choice([1e-6, 1e-4, 1e-2])
        certificate["rho"] = met * (1 + above)
        _, checked = program("check-certificate", write(base / "above.json", certificate), "--teacher", file, *limits)
        proved = checked is not None and checked["verdict"] == "proved"
        worst["claims above the truth that are proved"] = math.inf if proved else 0.0
        if checked is not None:
            certified = checked["evidence"] == "certified"
            worst["evidence of what is not proved"] = math.inf if certified != proved else 0.0
    return worst, 0 if found["verdict"] == "proved" else 1


def guarded(task):
    attack, seed = task
    try:
        return task, *attack(seed)
    except Exception as error:  # A failure of the attack itself is shown, not counted.
        return task, {f"attack failed: {error!r}": math.nan}, 0


def run(name, attack, count, seed, pool):
    worst, refused, false = {}, 0, []
    for (_, one), ratios, gone in pool.imap_unordered(guarded, ((attack, seed + i) for i in range(count)), 16):
        refused += gone
        for kind, ratio in ratios.items():
            if ratio > worst.get(kind, (-1.0, 0))[0] or kind not in worst:
                worst[kind] = ratio, one
            if ratio > 1.0:
                false.append((kind, one, ratio))
    print(f"{name}: {count} instances, {refused} refused or inconclusive")
    for kind, (ratio, one) in sorted(worst.items()):
        print(f"  {kind}: worst {ratio:.6g} (seed {one})")
    for kind, one, ratio in false[:20]:
        print(f"  FALSE: {kind} at seed {one}: {ratio:.6g}")
    sys.stdout.flush()
    return false


def main():
    global PROGRAM, SHRUNK
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "target/release/gradiometer", help="the program under attack")
    parser.add_argument("--losses", type=int, default=400)
    parser.add_argument("--certificates", type=int, default=10)
    parser.add_argument("--gaps", type=int, default=5)
    parser.add_argument("--nets", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="takes bounds for a hundredth: must find false ones")
    arguments = parser.parse_args()
    PROGRAM = str(arguments.program)
    SHRUNK = 100 if arguments.control else 1
    if not pathlib.Path(PROGRAM).is_file():
        sys.exit(f"{PROGRAM} is not there: cargo build --release, or --program FILE")
    false = []
    with multiprocessing.get_context("fork").Pool(arguments.jobs) as pool:
        for name, attack in [
            ("losses", attack_loss), ("nets", attack_net),
            ("certificates", attack_certificate), ("gaps", attack_gap),
        ]:
            false += run(name, attack, getattr(arguments, name), arguments.seed, pool)
    print("no bound is false" if not false else f"{len(false)} bounds are false")
    return 1 if false else 0


if __name__ == "__main__":
    sys.exit(main())
