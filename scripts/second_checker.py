#!/usr/bin/env python3
"""A second checker of dual certificates, in ball arithmetic (python-flint), written from docs/CERTIFICATE.md alone.

    python3 scripts/second_checker.py CERTIFICATE TEACHER [--method boxes|lagrange] [--seconds S]

TEACHER is a JSON file {"a": [...], "w": [[...], ...]}. Prints proved, refuted or inconclusive with the reason, and ends with 0, 1
or 2. It is small and slow: boxes for a handful of directions in space, Lagrange's bound for a dozen neurons. It shares no code with
crates/gradiometer-certify, and where it can it does things another way: the coefficients come from one linear system in
R^d in 212 bits, the largest eigenvalue from the trace of a power, and the sphere is covered in polar coordinates around each
direction.
"""
import argparse
import json
import math
import struct
import sys
import time

from flint import arb, arb_mat, ctx

ctx.prec = 212
ONE, ZERO, PI = arb(1), arb(0), arb.pi()
PIECES = (48, 160, 400)
TOLERANCE, ROUNDING = arb(2) ** -30, arb(2) ** -44


class Verdict(Exception):
    """Ends the check: the name, the exit code, the reason."""

    def __init__(self, name, code, reason):
        super().__init__(reason)
        self.name, self.code, self.reason = name, code, reason


def refuted(reason):
    return Verdict("refuted", 1, reason)


def inconclusive(reason):
    return Verdict("inconclusive", 2, reason)


def number(x, name, positive=False):
    if isinstance(x, bool) or not isinstance(x, (int, float)) or not math.isfinite(x):
        raise refuted(f"{name} is no finite number")
    if positive and not x > 0:
        raise refuted(f"{name} is not positive")
    return arb(x)


def dot(x, y):
    return sum((a * b for a, b in zip(x, y)), ZERO)


def length(x):
    return dot(x, x).sqrt()


def hull(x, y):
    return x.union(y)


def above(x):
    """The upper end of a ball, exact."""
    return x.upper()


def larger(x, y):
    """The larger of two exact balls."""
    return x if x >= y else y


def clip(t):
    """The part of a ball in [-1, 1]."""
    low, high = t.lower(), t.upper()
    low = -ONE if low < -1 else low
    high = ONE if high > 1 else high
    return hull(low, high)


class Kernel:
    """sum_k omega_k s_k^2 t^k over even k >= 2, with three derivatives."""

    def __init__(self, low, tail):
        self.tail = tail / (2 * PI)
        square, self.terms = 1 / (4 * PI), []
        for n, weight in enumerate(low):
            k = 2 * n + 2
            self.terms.append((k, square * (weight - tail)))
            square = square * (k - 1) ** 2 / ((k + 1) * (k + 2))

    def polynomial(self, t):
        out = [ZERO] * 4
        for k, c in self.terms:
            factor = c
            for order in range(4):
                if k - order >= 0 and not factor == 0:
                    out[order] = out[order] + factor * t ** (k - order)
                factor = factor * (k - order)
        return out

    def at(self, t):
        """At an exact t with |t| < 1."""
        root, angle = (1 - t * t).sqrt(), t.asin()
        closed = [root + t * angle - 1, angle, 1 / root, t / (root * root * root)]
        return [self.tail * x + p for x, p in zip(closed, self.polynomial(t))]

    def top(self):
        """K(1) and K'(1)."""
        p = self.polynomial(ONE)
        return self.tail * (PI / 2 - 1) + p[0], self.tail * PI / 2 + p[1]

    def over(self, t):
        """Over a ball inside (-1, 1): every derivative of even order is even and grows with |t|, the others are odd and grow."""
        t = clip(t)
        low, high = self.at(t.lower()), self.at(t.upper())
        out = [hull(a, b) for a, b in zip(low, high)]
        if t.contains(0):
            zero = self.at(ZERO)
            out[0], out[2] = hull(out[0], zero[0]), hull(out[2], zero[2])
        return out

    def radial(self, a):
        """(d/ds)^2 K(cos s) and the derivative of that, over a ball of angles."""
        s, c = a.sin(), a.cos()
        rest = PI / 2 - a
        _, p1, p2, p3 = self.polynomial(c)
        second = self.tail * (s - rest * c) + p2 * s * s - p1 * c
        third = self.tail * (2 * c + rest * s) - p3 * s**3 + 3 * p2 * s * c + p1 * s
        return second, third


def fnv(signs, directions):
    """FNV-1a of 64 bits over the signs as bytes and the entries as little-endian doubles."""
    data = struct.pack(f"{len(signs)}b", *signs)
    data += b"".join(struct.pack(f"<{len(row)}d", *row) for row in directions)
    state = 0xCBF29CE484222325
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 % 2**64
    return f"{state:016x}"


def read(certificate_path, teacher_path):
    with open(certificate_path, encoding="utf-8") as file:
        document = json.load(file)
    with open(teacher_path, encoding="utf-8") as file:
        teacher = json.load(file)
    if document.get("format") != "gradiometer-certificate" or document.get("version") not in (1, 2):
        raise refuted("not a certificate of version 1 or 2")
    named = document.get("teacher")
    if document["version"] == 2 and named is None:
        raise refuted("version 2 names its teacher")
    if named is not None and named["hash"] != fnv(named["signs"], named["directions"]):
        raise refuted("the teacher's hash is not that of the signs and directions")
    rows, a = teacher["w"], teacher["a"]
    m, d = len(rows), len(rows[0])
    low = [number(x, "a low weight") for x in document["low_weights"]]
    tail = number(document["tail_weight"], "tail_weight", True)
    if any(x < 0 for x in low):
        raise refuted("a weight is negative")
    first = next((2 * n + 2 for n, x in enumerate(low) if x > 0), 2 * len(low) + 2)
    if document["from_degree"] != first:
        raise refuted("from_degree is not that of the weights")
    values, gradients = document["values"], document["gradients"]
    if len(values) != m or len(gradients) != m or any(len(row) != d for row in gradients):
        raise refuted("the lists do not fit the teacher")
    values = [number(x, "a value") for x in values]
    gradients = [[number(x, "a gradient") for x in row] for row in gradients]
    rho, norm = number(document["rho"], "rho", True), number(document["p_norm"], "p_norm", True)
    units = []
    for row in rows:
        w = [number(x, "a weight of the teacher") for x in row]
        size = length(w)
        units.append([x / size for x in w])
    signs = [1 if x > 0 else -1 for x in a]
    return (low, tail, values, gradients, rho, norm), (units, signs)


def interpolate(units, signs, kernel):
    """A_i and B_i: values, B_i.u_i = 0, and gradients that are multiples lambda_i u_i."""
    m, d = len(units), len(units[0])
    n = m * (d + 2)
    matrix, right = [[ZERO] * n for _ in range(n)], [[ZERO] for _ in range(n)]
    at_one = list(kernel.top()) + [ZERO]
    slope = lambda k, x: m + k * d + x
    for i, u in enumerate(units):
        right[i][0] = arb(signs[i])
        for x in range(d):
            matrix[slope(i, x)][m + m * d + i] = -u[x]
            matrix[m + m * d + i][slope(i, x)] = u[x]
        for k, v in enumerate(units):
            k0, k1, k2 = at_one if i == k else kernel.over(dot(u, v))[:3]
            matrix[i][k] = k0
            for x in range(d):
                matrix[slope(i, x)][k] += k1 * v[x]
                matrix[slope(i, x)][slope(k, x)] += k1
                if i != k:
                    matrix[i][slope(k, x)] = k1 * u[x]
                    for y in range(d):
                        matrix[slope(i, x)][slope(k, y)] += k2 * v[x] * u[y]
    try:
        solution = arb_mat(matrix).solve(arb_mat(right))
    except ZeroDivisionError:
        raise inconclusive("the interpolation system could not be solved") from None
    entry = lambda row: solution[row, 0]
    return [entry(i) for i in range(m)], [[entry(slope(i, x)) for x in range(d)] for i in range(m)]


def compare(stored, exact):
    """The stored coefficients against the enclosed ones."""
    (values, gradients), (a, b) = stored, exact
    largest = max((abs(x).upper() for x in a + [x for row in b for x in row]), key=float)
    for i in range(len(a)):
        pairs = [(values[i], a[i], abs(a[i]))]
        pairs += [(x, y, length(b[i])) for x, y in zip(gradients[i], b[i])]
        for x, y, size in pairs:
            off, allowed = abs(x - y), TOLERANCE * size + ROUNDING * largest
            if off > allowed:
                raise refuted(f"a coefficient of neuron {i} is not that of the interpolant")
            if not off <= allowed:
                raise inconclusive("a coefficient cannot be told from the tolerance")


def norm_of(units, a, b, squared):
    total, at_one = ZERO, list(squared.top()) + [ZERO]
    for i, u in enumerate(units):
        for k, v in enumerate(units):
            k0, k1, k2 = at_one if i == k else squared.over(dot(u, v))[:3]
            along, back = (ZERO, ZERO) if i == k else (dot(b[i], v), dot(b[k], u))
            total += a[i] * a[k] * k0 + 2 * a[k] * along * k1 + along * back * k2 + dot(b[i], b[k]) * k1
    return total.sqrt()


class View:
    """A direction u and all others as it sees them: g = u.u_k, the parts orthogonal to u."""

    def __init__(self, units, a, b, signs, kernel, i):
        u = units[i]
        self.kernel, self.sign, self.a, self.slope, self.unit = kernel, signs[i], a[i], b[i], u
        self.others = []
        for k, v in enumerate(units):
            if k != i:
                g, beta = dot(u, v), dot(b[k], u)
                part = [x - g * y for x, y in zip(v, u)]
                rest = [x - beta * y for x, y in zip(b[k], u)]
                self.others.append((g, a[k], beta, part, rest))
        self.top = kernel.top()

    def summand(self, other, angle, y, across):
        """A_k K(t) + K'(t) B_k.w at a ball of angles, with v.u_k in y and v.B_k in across."""
        g, a, beta, _, _ = other
        c, s = angle.cos(), angle.sin()
        k0, k1, _, _ = self.kernel.over(c * g + s * y)
        return a * k0 + k1 * (beta * c + s * across)

    def bend(self, other, angle, y, across):
        """Its second derivative along the angle."""
        g, a, beta, _, _ = other
        c, s = angle.cos(), angle.sin()
        t, turn = clip(c * g + s * y), c * y - s * g
        _, k1, k2, k3 = self.kernel.over(t)
        b, b_turn = c * beta + s * across, c * across - s * beta
        return a * (k2 * turn**2 - k1 * t) + b * (k3 * turn**2 - k2 * t - k1) + 2 * k2 * turn * b_turn

    def own(self, angle, along):
        """The summand of u itself and its second derivative, with v.B in along."""
        c, s = angle.cos(), angle.sin()
        kappa, turn = self.kernel.radial(angle)
        return self.a, c, s, along, self.a * kappa - turn * along


def own_value(view, angle, along):
    """A K(cos) + K'(cos) sin B.v at an exact angle."""
    c, s = angle.cos(), angle.sin()
    k0, k1, _, _ = view.kernel.over(c)
    return view.a * k0 + k1 * s * along


def faces(n):
    """The sphere of R^n as the faces of a cube: centre, half widths, the fixed axis."""
    for axis in range(n):
        for side in (1.0, -1.0):
            centre = [0.0] * n
            centre[axis] = side
            yield centre, [0.0 if x == axis else 1.0 for x in range(n)]


def halves(box):
    centre, widths = box
    axis = max(range(len(widths)), key=lambda x: widths[x])
    for side in (-0.5, 0.5):
        moved, less = list(centre), list(widths)
        moved[axis] += side * widths[axis]
        less[axis] *= 0.5
        yield moved, less


def boxes(view, rho, basis, deadline):
    """The bound around u by boxes of tangents v and intervals of the angle."""
    extra = int(len(basis) + 1 < len(view.slope))
    n = len(basis) + extra
    if n == 0:
        return
    open_boxes = [(box, (0.0, math.nextafter(math.pi / 2, 2))) for box in faces(n)]
    parts = [coordinates(part, basis, extra) for _, _, _, part, _ in view.others]
    rests = [coordinates(rest, basis, extra) for _, _, _, _, rest in view.others]
    slope = coordinates(view.slope, basis, extra)
    while open_boxes:
        if time.monotonic() > deadline:
            raise inconclusive("the time is up")
        box, (low, high) = open_boxes.pop()
        centre = [arb(x) for x in box[0]]
        size = length(centre)
        middle = [x / size for x in centre]
        # Points of a face have length at least 1, so that their directions are no farther apart than they are.
        radius = length([arb(x) for x in box[1]])
        ball = arb(0, float(above(radius)) * (1 + 1e-12))
        reach = lambda x: dot(middle, x[0]) + ball * sum((r.abs_upper() ** 2 for r in x[0]), ZERO).sqrt() + hull(-x[1], x[1])
        ys, acrosses, along = [reach(x) for x in parts], [reach(x) for x in rests], reach(slope)
        if shown(view, rho, arb(low), arb(high), ys, acrosses, along):
            continue
        width = 2 * max(box[1], default=0.0)
        if high - low < 1e-4 and width < 1e-4:
            raise inconclusive(f"a box {low:.4f} rad from a direction became too small")
        if width > 1.5 * (high - low) and n > 1:
            open_boxes += [(half, (low, high)) for half in halves(box)]
        else:
            cut = 0.5 * (low + high) if low > 0 else high / 8 if high > 0.5 else high / 2
            open_boxes += [(box, (low, cut)), (box, (cut, high))]


def shown(view, rho, low, high, ys, acrosses, along):
    """Whether |eta| <= 1 - rho delta^2 on a box of tangents and angles."""
    angles = hull(low, high)
    seen = low.cos() * ONE
    for (g, *_), y in zip(view.others, ys):
        # Farther from u than from another direction already at the smaller angle.
        if abs(low.cos() * g + low.sin() * y) > seen:
            return True
        if not abs(angles.cos() * g + angles.sin() * y) < 1:
            return False
    bend = view.own(angles, along)[-1]
    for other, y, across in zip(view.others, ys, acrosses):
        bend += view.bend(other, angles, y, across)
    sign, eighth = view.sign, (high - low) ** 2 / 8
    if low == 0:
        # eta = sign and d eta = 0 at u.
        return sign * bend <= -2 * rho and (abs(bend) / 2 + rho) * high**2 <= 2

    def value(angle):
        total = own_value(view, angle, along)
        for other, y, across in zip(view.others, ys, acrosses):
            total += view.summand(other, angle, y, across)
        return total

    ends = [(angle, value(angle)) for angle in (low, high)]
    for side in (1, -1):
        most = None
        for angle, eta in ends:
            x = above(side * eta + rho * angle**2)
            most = x if most is None else larger(most, x)
        excess = above(-side * bend - 2 * rho)
        if not most + eighth * larger(excess, ZERO) <= 1:
            return False
    return True


def largest_eigenvalue(parts):
    """From the trace of the 64th power of the Gram matrix."""
    if not parts:
        return ZERO
    gram = arb_mat([[dot(x, y) for y in parts] for x in parts])
    for _ in range(6):
        gram = gram * gram
    return sum((gram[k, k] for k in range(len(parts))), ZERO).root(64)


def least_spread(u, parts):
    """A lower bound of sum_k (v.P u_k)^2 over unit vectors v orthogonal to u, from the trace of the 64th power of the inverse of
    sum_k P u_k u_k^T P + m u u^T; zero where the directions do not span the space."""
    d, m = len(u), len(parts) + 1
    if m < d:
        return ZERO
    matrix = arb_mat([[sum((p[x] * p[y] for p in parts), m * u[x] * u[y]) for y in range(d)] for x in range(d)])
    try:
        inverse = matrix.inv()
    except ZeroDivisionError:
        return ZERO
    for _ in range(6):
        inverse = inverse * inverse
    least = (1 / sum((inverse[k, k] for k in range(d)), ZERO).root(64)).lower()
    return least if least > 0 else ZERO


def lagrange(view, rho, deadline):
    """The bound around u by theory 6.4, with more pieces of the y_k where fewer do not do."""
    for pieces in PIECES:
        try:
            return by_angles(view, rho, deadline, pieces)
        except Verdict as verdict:
            if verdict.code != 2 or pieces == PIECES[-1]:
                raise


def by_angles(view, rho, deadline, pieces):
    """Over intervals of the angle."""
    most = largest_eigenvalue([part for *_, part, _ in view.others])
    least = least_spread(view.unit, [part for *_, part, _ in view.others])
    slope = length(view.slope)
    reaches = [(1 - g * g).sqrt() for g, *_ in view.others]
    spreads = [length(rest) for *_, rest in view.others]

    def cuts(k, low):
        """Intervals of y_k for points nearest to u at the angle low."""
        g, reach = view.others[k][0], reaches[k]
        left, right = -above(reach), above(reach)
        if low > 0:
            cot = low.cos() / low.sin()
            left, right = larger(left, -above(cot * (1 + g))), -larger(-right, -above(cot * (1 - g)))
        step = (right - left) / pieces
        ends = [left + step * n for n in range(pieces)] + [right]
        return [hull(x.mid(), y.mid()) for x, y in zip(ends, ends[1:])]

    def coupled(table):
        """min over mu of mu most + sum_k max over pieces of [F - mu y^2], and for mu < 0 with the least sum of the squares."""
        floats = [[(float(f), float(y.abs_lower()), float(y.abs_upper())) for f, y in row] for row in table]

        def rough(mu):
            # For mu < 0 the largest y counts, for mu > 0 the smallest.
            side, square = (1, float(most)) if mu > 0 else (2, float(least))
            return mu * square + sum(max(row[0] - mu * row[side] ** 2 for row in rows) for rows in floats)

        def searched(sign):
            low, high = -16.0, 12.0
            for _ in range(40):
                x, y = low + 0.382 * (high - low), low + 0.618 * (high - low)
                low, high = (low, y) if rough(sign * math.exp(x)) < rough(sign * math.exp(y)) else (x, high)
            return arb(sign * math.exp(0.5 * (low + high)))

        best = None
        for mu in [arb(0), searched(1), *([searched(-1)] if least > 0 else [])]:
            total = mu * (most if mu >= 0 else least)
            for row in table:
                top = None
                for f, y in row:
                    x = above(f - mu * (y.abs_lower() if mu >= 0 else y.abs_upper()) ** 2)
                    top = x if top is None else larger(top, x)
                total += top
            best = above(total) if best is None or above(total) < best else best
        return best

    def bends(angles, low):
        return [
            [
                (y, view.bend(other, angles, y, hull(-spreads[k], spreads[k])))
                for y in cuts(k, low)
            ]
            for k, other in enumerate(view.others)
        ]

    def bound(angle, low):
        """Of eta and -eta at an exact angle."""
        c, s = angle.cos(), angle.sin()
        k0, k1, _, _ = view.kernel.over(c)
        tables = {(form, side): [] for form in (0, 1) for side in (1, -1)}
        for k, (g, a, beta, _, _) in enumerate(view.others):
            g0, g1, g2, _ = view.kernel.over(g)
            rows = {key: [] for key in tables}
            for y in cuts(k, low):
                at = y.mid()
                j0, j1, _, _ = view.kernel.over(c * g + s * at)
                i0, i1, i2, i3 = view.kernel.over(c * g + s * y)
                half = (y - at) * s
                whole = a * j0 + beta * c * j1 + half * (a * i1 + beta * c * i2)
                rest = a * (j0 - g0 - s * g1 * at) + beta * (c * j1 - g1 - s * g2 * at)
                rest += half * (a * (i1 - g1) + beta * (c * i2 - g2))
                for side in (1, -1):
                    rows[0, side].append((above(side * whole + s * spreads[k] * abs(i1)), y))
                    rows[1, side].append((above(side * rest + s * spreads[k] * abs(i1 - g1)), y))
            for key, row in rows.items():
                tables[key].append(row)
        out = {}
        for side in (1, -1):
            far = side * view.a * k0 + abs(k1) * s * slope + coupled(tables[0, side])
            near = side * (view.sign + view.a * (k0 - view.top[0]))
            near += abs(k1 - view.top[1]) * s * slope + coupled(tables[1, side])
            out[side] = far if above(far) < above(near) else near
        return out

    radius = next((x for x in (0.25, 0.125, 0.0625, 0.03125, 0.015625) if cap(view, rho, x, bends, coupled, slope)), None)
    if radius is None:
        raise inconclusive("no cap was proved")
    low, end, step = arb(0), arb(math.nextafter(math.pi / 2, 2)), radius
    before = {view.sign: None, -view.sign: -ONE}
    while low < end:
        if time.monotonic() > deadline:
            raise inconclusive("the time is up")
        high = low + step
        high = end if high > end else high
        angles = hull(low, high)
        kappa, turn = view.kernel.radial(angles)
        sums = {side: -side * view.a * kappa + abs(turn) * slope for side in (1, -1)}
        for row in bends(angles, low):
            for side in sums:
                top = None
                for _, x in row:
                    x = above(-side * x)
                    top = x if top is None else larger(top, x)
                sums[side] += top
        after = bound(high, low)
        holds = True
        for side in (1, -1):
            if before[side] is None:
                continue
            ends = larger(above(before[side] + rho * low**2), above(after[side] + rho * high**2))
            excess = larger(above(sums[side] - 2 * rho), ZERO)
            holds = holds and ends + (high - low) ** 2 / 8 * excess <= 1
        if holds:
            low, before, step = high, after, step * 1.5
        elif step < 1e-3:
            raise inconclusive(f"Lagrange's bound fails {float(high):.4f} rad from a direction")
        else:
            step *= 0.5


def cap(view, rho, radius, bends, coupled, slope):
    """Whether sign eta'' <= -2 rho up to an angle."""
    angles = hull(ZERO, arb(radius))
    kappa, turn = view.kernel.radial(angles)
    own = above(view.sign * view.a * kappa + abs(turn) * slope)
    table = [[(above(view.sign * x), y) for y, x in row] for row in bends(angles, ZERO)]
    return own + coupled(table) <= -2 * rho


def span(units, i):
    """An orthonormal basis of what the other directions span beside u_i, up to 1e-9: any choice will do, for what is left of a
    vector is counted as an uncertainty."""
    basis, u = [], units[i]
    for v in (v for k, v in enumerate(units) if k != i):
        rest = [x - dot(v, u) * y for x, y in zip(v, u)]
        for e in basis:
            along = dot(rest, e)
            rest = [x - along * y for x, y in zip(rest, e)]
        size = length(rest)
        if size > 1e-9:
            basis.append([x / size for x in rest])
    return basis


def coordinates(x, basis, beside):
    """In the basis, with a zero for the direction beside it, and the length of what is left."""
    inside = [dot(e, x) for e in basis]
    rest = list(x)
    for along, e in zip(inside, basis):
        rest = [r - along * y for r, y in zip(rest, e)]
    return inside + [ZERO] * beside, above(sum((r.abs_upper() ** 2 for r in rest), ZERO).sqrt())


def beside(units, i, basis):
    """A unit vector orthogonal to all directions, nearly, or None."""
    d = len(units[0])
    for axis in range(d):
        rest = [arb(int(axis == y)) for y in range(d)]
        for e in [units[i], *basis]:
            along = dot(rest, e)
            rest = [x - along * y for x, y in zip(rest, e)]
        if length(rest) > 0.1 / math.sqrt(d):
            return [x / length(rest) for x in rest]
    return None


def check(certificate_path, teacher_path, method, seconds):
    (low, tail, values, gradients, rho, claimed), (units, signs) = read(certificate_path, teacher_path)
    kernel = Kernel(low, tail)
    exact = interpolate(units, signs, kernel)
    compare((values, gradients), exact)
    a, b = exact
    norm = norm_of(units, a, b, Kernel([x * x for x in low], tail * tail))
    if norm > claimed:
        raise refuted("|p| is larger than claimed")
    if not norm <= claimed:
        raise inconclusive("|p| cannot be told from the claim")
    d, deadline = len(units[0]), time.monotonic() + seconds
    if method is None:
        method = "boxes" if min(d - 1, len(span(units, 0)) + 1) <= 2 else "lagrange"
    witness(units, signs, a, b, kernel, rho)
    for i in range(len(units)):
        view = View(units, a, b, signs, kernel, i)
        if d == 1:
            continue
        if method == "boxes":
            boxes(view, rho, span(units, i), deadline)
        else:
            lagrange(view, rho, deadline)
    return method


def witness(units, signs, a, b, kernel, rho):
    """Looks for a violation: beside the span, and on great circles through pairs of directions."""
    d = len(units[0])
    points = []
    for i in range(len(units)):
        basis = span(units, i)
        other = beside(units, i, basis)
        for e in basis + ([other] if other else []):
            for n in range(1, 33):
                angle = arb(n) * PI / 64
                points.append([angle.cos() * x + angle.sin() * y for x, y in zip(units[i], e)])
    for w in points[: 4000 * 3 // max(d, 1)]:
        cosines = [clip(dot(w, u)) for u in units]
        if any(not abs(t) < 0.999999 for t in cosines):
            continue
        eta = ZERO
        for k, t in enumerate(cosines):
            k0, k1, _, _ = kernel.over(t)
            eta += a[k] * k0 + k1 * dot(b[k], w)
        nearest = max((abs(t) for t in cosines), key=float)
        if abs(eta) > 1 - rho * nearest.acos() ** 2 and all(abs(t) <= nearest or abs(t).overlaps(nearest) for t in cosines):
            raise refuted("eta is too large at a point")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("certificate")
    parser.add_argument("teacher")
    parser.add_argument("--method", choices=["boxes", "lagrange"])
    parser.add_argument("--seconds", type=float, default=120.0)
    arguments = parser.parse_args()
    try:
        method = check(arguments.certificate, arguments.teacher, arguments.method, arguments.seconds)
    except Verdict as verdict:
        print(f"{verdict.name}: {verdict.reason}")
        return verdict.code
    print(f"proved by {method}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
