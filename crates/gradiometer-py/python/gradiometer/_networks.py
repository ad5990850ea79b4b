"""Networks and teachers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn, final

import numpy as np

from . import _convert, _lib
from ._arrays import Columns, FloatArray, frozen, matrix, transposed, vector
from ._display import pairs, table
from ._errors import DataError

_CLUSTER = ("neurons", "mass", "opposing_mass", "spread")
_SHOWN = (
    "dimension",
    "neurons",
    "rank",
    "separation",
    "condition",
    "smallest_eigenvalue",
    "total_mass",
    "smallest_amplitude",
    "largest_amplitude",
    "information_exponent",
    "preprocessed_exponent",
    "mean",
    "evidence",
)
_FEATURE = (
    "amplitude",
    "learned",
    "neurons",
    "mass",
    "share_within",
    "mass_beyond",
    "opposing_mass",
    "average_angle",
    "nearest_angle",
)


class _Layers:
    """Two layers, read-only."""

    __slots__ = ("_core", "a", "constant", "linear", "w")

    a: FloatArray
    w: FloatArray
    constant: float
    linear: FloatArray | None

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} does not change; make another one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} does not change; make another one")

    def _fill(self, network: _lib.Network, core: Any) -> None:
        skip = network.skip()
        values = {
            "_core": core,
            "a": frozen(network.a()),
            "w": frozen(network.w()),
            "constant": 0.0 if skip is None else skip[0],
            "linear": None if skip is None else frozen(skip[1]),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def neurons(self) -> int:
        """Number of neurons ``m``."""
        return int(self.w.shape[0])

    @property
    def dimension(self) -> int:
        """Input dimension ``d``."""
        return int(self.w.shape[1])

    def __call__(self, x: Any) -> FloatArray:
        """Evaluate the function at inputs ``x (n, d)``: an array ``(n,)``."""
        points = matrix(x, "x")
        if points.shape[1] != self.dimension:
            raise DataError(f"x has {points.shape[1]} columns; the dimension is {self.dimension}")
        values = np.maximum(points @ self.w.T, 0.0) @ self.a + self.constant
        if self.linear is not None:
            values = values + points @ self.linear
        return np.asarray(values, dtype=np.float64)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return _state(self) == _state(other)

    def __hash__(self) -> int:
        return hash((type(self), _state(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(neurons={self.neurons}, dimension={self.dimension})"


def _state(of: _Layers) -> tuple[Any, ...]:
    # Zeros of both signs are one number.
    linear = np.zeros(of.dimension) if of.linear is None else of.linear
    layers = (of.a + 0.0, of.w + 0.0, linear + 0.0)
    return (of.w.shape, of.constant, *(layer.tobytes() for layer in layers))


@final
class Network(_Layers):
    r"""A two-layer network :math:`f(x) = \sum_j a_j \max(w_j\cdot x, 0) + \alpha + \beta\cdot x`.

    It does not change: its arrays are read-only copies. It compares, hashes and pickles by its
    numbers. A zero neuron is allowed; NaN is refused with its place.

    Parameters
    ----------
    a
        Second layer, ``(m,)``.
    w
        First layer, ``(m, d)``: neurons are rows. Lists, integers and single precision are widened
        to doubles, which is exact.
    constant, linear
        The affine part, a number and ``(d,)``; none by default.

    Raises
    ------
    DataError
        For shapes that do not fit and entries that are not finite.
    TypeError
        For entries that are no real numbers of at most 64 bits.
    """

    __slots__ = ()
    _core: _lib.Network

    def __init__(self, a: Any, w: Any, *, constant: float = 0.0, linear: Any = None) -> None:
        beta = None if linear is None else vector(linear, "linear")
        core = _lib.Network(vector(a, "a"), matrix(w, "w"), float(constant), beta)
        self._fill(core, core)

    @classmethod
    def _of(cls, core: _lib.Network) -> Network:
        made = cls.__new__(cls)
        made._fill(core, core)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_network, (self.a, self.w, self.constant, self.linear)

    @property
    def masses(self) -> FloatArray:
        """The masses ``a_j |w_j|``, ``(m,)``."""
        return self._core.masses()

    def balanced(self) -> Network:
        """Balance the norms: the same function with ``|a_j| = |w_j|``."""
        return Network._of(self._core.balanced())

    def save(self, path: str | Path) -> None:
        """Write ``.json``, ``.toml``, ``.safetensors`` or ``.npz``; every double comes back."""
        self._core.save(Path(path))

    @classmethod
    def load(
        cls, path: str | Path, *, first: str | None = None, second: str | None = None
    ) -> Network:
        """Read a file of any of these formats.

        ``first`` and ``second`` name the tensors of the layers where the file does not have the
        usual names (``fc1.weight`` and ``fc2.weight``, ``0.weight`` and ``2.weight``, ``w`` and
        ``a``, ...).
        """
        return cls._of(_lib.Network.load(Path(path), first, second))

    @classmethod
    def gaussian(
        cls, *, neurons: int, dimension: int, scale: float = 1.0, second: float = 1.0, seed: int = 0
    ) -> Network:
        """Draw a network with ``w_j ~ N(0, scale^2 I/d)`` and ``a_j ~ N(0, second^2/m)``."""
        return cls._of(_lib.Network.gaussian(neurons, dimension, scale, second, seed))

    @classmethod
    def symmetric(
        cls, *, neurons: int, dimension: int, scale: float | None = None, seed: int = 0
    ) -> Network:
        """Draw the start of Algorithm 1: unit neurons in pairs of ``a = +-scale``, so ``f = 0``."""
        size = neurons**-0.5 if scale is None and neurons > 0 else (scale or 0.0)
        return cls._of(_lib.Network.symmetric(neurons, dimension, size, seed))

    @classmethod
    def near(
        cls,
        teacher: Teacher,
        *,
        angle: float,
        per_neuron: int = 1,
        defect: float = 0.0,
        seed: int = 0,
    ) -> Network:
        """Draw balanced neurons around each of a teacher's, about ``angle`` radians from it.

        Their masses sum to the teacher's times ``1 + defect``.
        """
        return cls._of(_lib.Network.near(teacher._core, per_neuron, angle, defect, seed))

    @classmethod
    def from_torch(
        cls, module: Any, *, first: str | None = None, second: str | None = None
    ) -> Network:
        """Take the layers of a PyTorch module or its ``state_dict``.

        Two linear layers are found by their shapes ``(m, d)`` and ``(1, m)``; ``first`` and
        ``second`` name their weights where shapes do not decide.
        """
        return cls(**_convert.from_torch(module, first, second))

    @classmethod
    def from_equinox(cls, mlp: Any) -> Network:
        """Take the two linear layers of an equinox ``MLP`` or a list of layers."""
        return cls(**_convert.from_equinox(mlp))

    @classmethod
    def from_flax(cls, state: Any) -> Network:
        """Take the two kernels of a flax state, module or dict of parameters, transposed."""
        return cls(**_convert.from_flax(state))

    def clusters(self, *, angle: float = 0.1, most: int = 16) -> Clusters:
        """Group the neurons by direction, the heaviest first, within ``angle`` radians."""
        found = json.loads(_lib.clusters(self._core, angle, most))
        return Clusters(
            columns={name: np.asarray(found["clusters"][name]) for name in _CLUSTER},
            directions=np.asarray(found["directions"], dtype=np.float64).reshape(
                -1, self.dimension
            ),
            total_mass=found["total_mass"],
            rest_mass=found["rest_mass"],
            rest_neurons=found["rest_neurons"],
        )

    def _repr_html_(self) -> str:
        found = self.clusters(most=8)
        caption = f"{self!r}, total mass {found.total_mass:.6g}"
        rows = zip(*found.columns.values(), strict=True)
        return table(tuple(found.columns), [[_plain(x) for x in row] for row in rows], caption)


def _plain(x: Any) -> Any:
    return x.item() if isinstance(x, np.generic) else x


def _rebuild_network(a: FloatArray, w: FloatArray, constant: float, linear: Any) -> Network:
    return Network(a, w, constant=constant, linear=linear)


@dataclass(frozen=True)
class Clusters:
    """The directions on which a network's mass sits.

    Attributes
    ----------
    columns
        For each cluster ``neurons``, ``mass``, ``opposing_mass`` and ``spread`` in radians.
    directions
        Unit vectors ``(k, d)``.
    total_mass, rest_mass, rest_neurons
        The mass of all, and what is in no cluster.
    """

    columns: Columns
    directions: FloatArray = field(repr=False)
    total_mass: float
    rest_mass: float
    rest_neurons: int

    def _repr_html_(self) -> str:
        rows = zip(*self.columns.values(), strict=True)
        return table(tuple(self.columns), [[_plain(x) for x in row] for row in rows])


@dataclass(frozen=True)
class Separation:
    """The smallest angle between two of a teacher's directions, radians, and which two."""

    angle: float
    error: float
    pair: tuple[int, int]


@final
class Teacher(_Layers):
    r"""A teacher :math:`f^*(x) = \sum_i a^*_i \max(w^*_i\cdot x, 0)`.

    It has no zero neuron and no affine part; signs are free.

    Parameters
    ----------
    a
        Second layer, ``(m,)``, of both signs; or a :class:`Network`, and no ``w``.
    w
        First layer, ``(m, d)``: neurons are rows.

    Raises
    ------
    DataError
        As for :class:`Network`, and for a zero neuron or an affine part.
    """

    __slots__ = ()
    _core: _lib.Teacher

    def __init__(self, a: Any, w: Any = None) -> None:
        network = a if isinstance(a, Network) and w is None else Network(a, w)
        self._fill(network._core, _lib.Teacher(network._core))

    @classmethod
    def _of(cls, core: _lib.Teacher) -> Teacher:
        made = cls.__new__(cls)
        made._fill(core.network(), core)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Teacher, (self.a, self.w)

    @classmethod
    def generate(
        cls,
        *,
        dimension: int,
        neurons: int,
        rank: int | None = None,
        signs: Literal["positive", "mixed"] | Sequence[int] = "mixed",
        separation: float = 0.0,
        smallest_eigenvalue: float = 0.0,
        amplitudes: tuple[float, float] = (1.0, 1.0),
        seed: int = 0,
    ) -> Teacher:
        """Draw a teacher with unit neurons that meets bounds.

        Parameters
        ----------
        dimension, neurons, rank
            Sizes ``d``, ``m`` and the rank of the directions, by default the largest.
        signs
            Of the amplitudes: ``"positive"``, ``"mixed"`` or a list of 1 and -1.
        separation
            Least angle between two directions, radians.
        smallest_eigenvalue
            Least modulus of the eigenvalues of the teacher's second degree on its span.
        amplitudes
            Least and largest modulus of the amplitudes.
        seed
            One request and one seed give one teacher.

        Raises
        ------
        DataError
            For a request that no teacher meets, or that none was found for.
        """
        given = [] if isinstance(signs, str) else [bool(sign > 0) for sign in signs]
        if not isinstance(signs, str) and any(sign not in (1, -1) for sign in signs):
            raise DataError(f"signs is {list(signs)}; give 1 or -1 for each neuron")
        core = _lib.Teacher.generate(
            dimension,
            min(dimension, neurons) if rank is None else rank,
            neurons,
            separation,
            smallest_eigenvalue,
            signs if isinstance(signs, str) else "given",
            given,
            amplitudes,
            seed,
        )
        return cls._of(core)

    @classmethod
    def load(
        cls, path: str | Path, *, first: str | None = None, second: str | None = None
    ) -> Teacher:
        """Read a network file, as :meth:`Network.load` does."""
        return cls(Network.load(path, first=first, second=second))

    def save(self, path: str | Path) -> None:
        """Write it, as :meth:`Network.save` does."""
        self.network.save(path)

    @property
    def network(self) -> Network:
        """The network itself."""
        return Network._of(self._core.network())

    @property
    def amplitudes(self) -> FloatArray:
        """Signed masses ``a_i |w_i|``, ``(m,)``."""
        return self._core.amplitudes()

    @property
    def directions(self) -> FloatArray:
        """Unit vectors ``w_i/|w_i|``, ``(m, d)``."""
        return self._core.directions()

    @property
    def separation(self) -> Separation | None:
        """The two closest directions; none for one neuron."""
        found = self._core.separation()
        return found and Separation(found[0], found[1], (found[2], found[3]))

    def inspect(self) -> Complexity:
        """Do the theory's assumptions hold, and with which constants?"""
        return Complexity(json.loads(_lib.inspect(self._core)))

    def _repr_html_(self) -> str:
        rows = [
            (i, float(c), " ".join(f"{x:.4g}" for x in u[:6]) + (" ..." if len(u) > 6 else ""))
            for i, (c, u) in enumerate(zip(self.amplitudes[:12], self.directions, strict=False))
        ]
        return table(("neuron", "amplitude", "direction"), rows, repr(self))


class Complexity:
    """The quantities through which the theory's constants depend on a teacher.

    All of :attr:`values` are attributes: ``dimension``, ``neurons``, ``rank``, ``separation``,
    ``condition``, ``total_mass``, ``information_exponent``, ``eigenvalues``,
    ``smallest_eigenvalue``, ``mean``, ``first_coefficient``, each with its error where it has one,
    and the verdicts ``is_separated`` and ``is_non_degenerate``.
    """

    __slots__ = ("values",)

    values: dict[str, Any]

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    @property
    def is_separated(self) -> bool:
        """Whether no two neurons are parallel (Assumption 2)."""
        return bool(self.values["assumption_2"])

    @property
    def is_non_degenerate(self) -> bool:
        """Whether the second degree has full rank on the span (Assumption 3)."""
        return bool(self.values["assumption_3"])

    def __getattr__(self, name: str) -> Any:
        if name == "values":
            raise AttributeError(name)
        try:
            value = self.values[name]
        except KeyError:
            names = ", ".join(self.values)
            raise AttributeError(f"there is no {name}; there are {names}") from None
        return np.asarray(value) if isinstance(value, list) and name != "closest_pair" else value

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.values]

    def __repr__(self) -> str:
        return (
            f"Complexity(rank={self.values['rank']}, separation={self.values['separation']}, "
            f"is_separated={self.is_separated}, is_non_degenerate={self.is_non_degenerate})"
        )

    def _repr_html_(self) -> str:
        shown: dict[str, Any] = {"separated": self.is_separated}
        shown["non-degenerate"] = self.values["assumption_3_verdict"]
        shown.update((name.replace("_", " "), self.values[name]) for name in _SHOWN)
        return pairs({name: "-" if value is None else value for name, value in shown.items()})


@dataclass(frozen=True)
class Recovery:
    """Which of a teacher's features a student has learned.

    Attributes
    ----------
    learned
        ``"fully"``, ``"partly"`` or ``"not"``.
    angle
        Radians within which a neuron counts as being at a teacher neuron.
    features
        One row a teacher neuron: ``amplitude``, ``mass``, ``share_within``, ``average_angle``, ...
    total_mass, mass_away, mean_angle, worst_angle
        Of the whole student; angles in radians.
    """

    learned: str
    angle: float
    total_mass: float
    mass_away: float
    mean_angle: float
    worst_angle: float
    features: Columns = field(repr=False)

    def _repr_html_(self) -> str:
        rows = zip(*self.features.values(), strict=True)
        caption = f"learned {self.learned}, worst angle {self.worst_angle:.4g} rad"
        return table(tuple(self.features), [[_plain(x) for x in row] for row in rows], caption)


def match(teacher: Teacher, student: Network, *, angle: float = 0.1) -> Recovery:
    """Tell which of the teacher's features a student has learned, within ``angle`` radians."""
    found = json.loads(_lib.recovery(teacher._core, student._core, angle))
    of = found.pop("features")
    rows = zip(*(of[name] for name in _FEATURE), strict=True)
    features = transposed([dict(zip(_FEATURE, row, strict=True)) for row in rows])
    return Recovery(features=features, **found)
