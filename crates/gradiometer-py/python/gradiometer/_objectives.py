"""Losses on arrays: values, gradients, Hessians, with what they may be off by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, final

import numpy as np

from . import _lib
from ._arrays import FloatArray, matrix, vector
from ._display import pairs
from ._errors import DataError
from ._networks import Network, Teacher
from ._results import Bounded


@dataclass(frozen=True)
class Evaluation:
    """A loss and its gradient at one student.

    Attributes
    ----------
    loss
        ``L`` with its error.
    a, w
        ``dL/da (m,)`` and ``dL/dW (m, d)``.
    a_error, w_error
        What every entry of them may be off by.
    path
        How they were computed.
    """

    loss: Bounded
    a: FloatArray = field(repr=False)
    w: FloatArray = field(repr=False)
    a_error: float
    w_error: float
    path: str

    def _repr_html_(self) -> str:
        norm = float(np.hypot(np.linalg.norm(self.a), np.linalg.norm(self.w)))
        values = {
            "loss": self.loss.value,
            "its error": self.loss.error,
            "|gradient|": norm,
            "error of an entry": max(self.a_error, self.w_error),
            "path": self.path,
        }
        return pairs(values)


@dataclass(frozen=True)
class Extreme:
    """An eigenvalue estimate: some eigenvalue lies within ``residual`` of ``value``."""

    value: float
    residual: float


@final
class Hessian:
    """The Hessian of the exact loss at one student, as an operator.

    ``scipy.sparse.linalg.aslinearoperator`` takes it as it is. Parameters are ``a`` and then ``W``
    row-major, ``n = m (d + 1)`` of them; of the first layer alone ``n = m d``.
    """

    __slots__ = ("_core", "shape")

    dtype = np.dtype(np.float64)

    def __init__(self, core: _lib.Hessian) -> None:
        self._core = core
        size = core.parameters()
        self.shape = (size, size)

    def matvec(self, x: Any) -> FloatArray:
        """Multiply with ``x (n,)`` or ``(n, 1)``; an array of the same shape."""
        given = np.asarray(x)
        column = given.ndim == 2 and given.shape[1] == 1
        product = self._core.matvec(vector(given[:, 0] if column else given, "x"))
        return product[:, np.newaxis] if column else product

    rmatvec = matvec

    def __matmul__(self, x: Any) -> FloatArray:
        return self.matvec(x)

    def dense(self) -> FloatArray:
        """Write out all entries ``(n, n)``, of at most 4096 parameters."""
        return self._core.dense()

    def extreme_eigenvalues(self) -> tuple[Extreme, Extreme]:
        """Estimate the smallest and the largest eigenvalue by Lanczos's method."""
        low, high = self._core.extreme_eigenvalues()
        return Extreme(*low), Extreme(*high)

    def __repr__(self) -> str:
        return f"Hessian(shape={self.shape})"


class _Objective:
    """What an exact and an empirical loss have in common."""

    __slots__ = ("__weakref__", "_core", "teacher")

    _core: _lib.Objective
    teacher: Teacher

    def value_and_grad(self, a: Any, w: Any) -> tuple[float, tuple[FloatArray, FloatArray]]:
        """Evaluate ``L`` and its gradient at ``a (m,)``, ``w (m, d)``.

        Doubles by the fast route, whose error is a few roundings of the square of the masses:
        :meth:`evaluate` says how large it is, and goes on where it is too large. Small calls stay
        in the caller's thread.
        """
        value, ga, gw = self._core.value_and_grad(vector(a, "a"), matrix(w, "w"))
        return value, (ga, gw)

    def evaluate(self, a: Any, w: Any = None, *, relative: float | None = 1e-10) -> Evaluation:
        """Evaluate ``L`` and its gradient with their errors.

        Parameters
        ----------
        a, w
            Second layer ``(m,)`` and first layer ``(m, d)``, or one :class:`Network`.
        relative
            Largest error of ``L`` relative to itself: where the fast evaluation does not reach it,
            loss and gradient are computed in arithmetic beyond doubles. ``None`` takes the fast
            evaluation.
        """
        student = a if isinstance(a, Network) else Network(a, w)
        return _evaluation(self._core.evaluate(student._core, relative, False))

    def loss(self, student: Network, *, relative: float = 1e-10) -> Bounded:
        """Evaluate ``L`` alone, with an error of at most ``relative`` times itself if it can be."""
        (value, error), path = self._core.loss(student._core, relative)
        return Bounded(value, error, "computed", path)


def _evaluation(found: Any) -> Evaluation:
    (value, error), (a, w), (a_error, w_error), path = found
    return Evaluation(Bounded(value, error, "computed", path), a, w, a_error, w_error, path)


def _from_degree(from_degree: int) -> bool:
    if from_degree not in (0, 2):
        raise DataError(f"from_degree is {from_degree}; give 2 (after preprocessing) or 0 (raw)")
    return from_degree == 2


@final
class Population(_Objective):
    r"""The exact population loss :math:`L(a, W) = E\,(f(x) - f^*(x))^2` for :math:`x\sim N(0, I)`.

    Parameters
    ----------
    teacher
        The teacher.
    from_degree
        2, the default, leaves out the degrees 0 and 1, as preprocessing does; 0 keeps all of the
        raw networks.
    """

    __slots__ = ("from_degree",)

    from_degree: Literal[0, 2]

    def __init__(self, teacher: Teacher, *, from_degree: Literal[0, 2] = 2) -> None:
        self._core = _lib.Objective.exact(teacher._core, _from_degree(from_degree))
        self.teacher = teacher
        self.from_degree = from_degree

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_population, (self.teacher, self.from_degree)

    def __repr__(self) -> str:
        return f"Population({self.teacher!r}, from_degree={self.from_degree})"

    def fast(
        self, a: Any, w: Any = None, *, precision: Literal["double", "single"] = "double"
    ) -> Evaluation:
        """Evaluate by the fast route, with its errors; single precision takes half of the time."""
        if precision not in ("double", "single"):
            raise DataError(f'precision is {precision!r}; give "double" or "single"')
        student = a if isinstance(a, Network) else Network(a, w)
        return _evaluation(self._core.evaluate(student._core, None, precision == "single"))

    def affine_fit(self, a: Any, w: Any = None) -> tuple[float, FloatArray]:
        """Find the affine part ``(alpha, beta (d,))`` that makes the raw loss least."""
        student = a if isinstance(a, Network) else Network(a, w)
        return self._core.affine_fit(student._core)

    def hessian(
        self, a: Any, w: Any = None, *, layers: Literal["both", "first"] = "both"
    ) -> Hessian:
        """Take the Hessian at a student, in both layers or in the first one alone."""
        if layers not in ("both", "first"):
            raise DataError(f'layers is {layers!r}; give "both" or "first"')
        if isinstance(a, Network):
            a, w = a.a, a.w
        core = self._core.hessian(vector(a, "a"), matrix(w, "w"), layers == "first")
        return Hessian(core)

    def flat(self, *, weight_decay: float = 0.0) -> Flat:
        """Take the loss as a function of one vector, for ``scipy.optimize``."""
        return Flat(self, weight_decay)


def _rebuild_population(teacher: Teacher, from_degree: Literal[0, 2]) -> Population:
    return Population(teacher, from_degree=from_degree)


@final
class Flat:
    r"""A population loss as a function of one vector ``x (n,)``: ``a``, then ``W`` row-major.

    Calling it gives :math:`L + \frac\lambda2|x|^2` and its gradient ``(n,)``;
    :meth:`hessp` its Hessian times a vector.

    Examples
    --------
    ``minimize(fun, fun.pack(a, w), jac=True, hessp=fun.hessp, method="trust-krylov")``
    """

    __slots__ = ("_hessian", "population", "weight_decay")

    def __init__(self, population: Population, weight_decay: float) -> None:
        self.population = population
        self.weight_decay = float(weight_decay)
        self._hessian: tuple[bytes, Hessian] | None = None

    def pack(self, a: Any, w: Any) -> FloatArray:
        """Put ``a (m,)`` and ``w (m, d)`` into one vector."""
        return np.concatenate([vector(a, "a"), matrix(w, "w").ravel()])

    def unpack(self, x: Any) -> tuple[FloatArray, FloatArray]:
        """Take one vector apart: ``a (m,)`` and ``w (m, d)``, copies."""
        flat, d = vector(x, "x"), self.population.teacher.dimension
        m, rest = divmod(flat.size, d + 1)
        if rest or not m:
            raise DataError(f"x has {flat.size} entries; give m (d + 1) of them, d = {d}")
        return flat[:m].copy(), flat[m:].reshape(m, d).copy()

    def __call__(self, x: Any) -> tuple[float, FloatArray]:
        flat = vector(x, "x")
        a, w = self.unpack(flat)
        value, (ga, gw) = self.population.value_and_grad(a, w)
        decay = self.weight_decay
        gradient = self.pack(ga, gw) + decay * flat
        return value + 0.5 * decay * float(flat @ flat), gradient

    def hessp(self, x: Any, p: Any) -> FloatArray:
        """Multiply the Hessian at ``x`` with ``p``."""
        flat, along = vector(x, "x"), vector(p, "p")
        key = flat.tobytes()
        kept = self._hessian
        if kept is None or kept[0] != key:
            kept = (key, self.population.hessian(*self.unpack(flat)))
            self._hessian = kept
        return np.asarray(kept[1].matvec(along) + self.weight_decay * along)


@final
class Empirical(_Objective):
    r"""The average :math:`\frac1n\sum_i (f(x_i) - y_i)^2` over samples in place of the expectation.

    Parameters
    ----------
    teacher
        The teacher to compare with.
    x, y
        Inputs ``(n, d)`` and labels ``(n,)``.
    preprocess
        Whether labels and student lose their degrees 0 and 1, the labels by least squares.

    Raises
    ------
    DataError
        For arrays that do not fit, too few samples, or inputs that leave the fit open.
    """

    __slots__ = ("_samples", "preprocess")

    preprocess: bool

    def __init__(self, teacher: Teacher, x: Any, y: Any, *, preprocess: bool = True) -> None:
        points, labels = matrix(x, "x"), vector(y, "y")
        self._samples = (points.copy(), labels.copy())
        self._core = _lib.Objective.sampled(teacher._core, points, labels, preprocess)
        self.teacher = teacher
        self.preprocess = preprocess

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_empirical, (self.teacher, *self._samples, self.preprocess)

    def __repr__(self) -> str:
        return f"Empirical({self.teacher!r}, samples={self._samples[1].size})"


def _rebuild_empirical(teacher: Teacher, x: Any, y: Any, preprocess: bool) -> Empirical:
    return Empirical(teacher, x, y, preprocess=preprocess)


def loss(
    teacher: Teacher,
    student: Network,
    *,
    from_degree: Literal[0, 2] = 2,
    relative: float = 1e-10,
) -> Bounded:
    r"""Evaluate the exact loss :math:`E\,(f(x) - f^*(x))^2` with its error.

    Parameters
    ----------
    teacher, student
        Of one dimension.
    from_degree
        2 leaves out the degrees 0 and 1; 0 keeps all of the raw networks.
    relative
        Largest error relative to the loss; arithmetic beyond doubles is used where that takes it.

    Raises
    ------
    DataError
        For other dimensions, or squares of masses that exceed the range of doubles.
    """
    return Population(teacher, from_degree=from_degree).loss(student, relative=relative)
