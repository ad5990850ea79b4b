"""How gradient descent learns features: exact losses, training, certificates, lemmas.

A teacher is a two-layer ReLU network, a student learns it by gradient descent on Gaussian inputs,
and every expectation that this needs is computed in closed form with a known error.
"""

from __future__ import annotations

import platform

import numpy as _np

from . import _lib
from ._conjectures import Evaluated, Tested, test
from ._display import Figure
from ._errors import (
    DataError,
    GradiometerError,
    InternalError,
    MissingError,
    NoCertificate,
    OccupiedError,
    PrecisionWarning,
    WriteError,
)
from ._networks import Clusters, Complexity, Network, Recovery, Separation, Teacher, match
from ._objectives import Empirical, Evaluation, Extreme, Flat, Hessian, Population, loss
from ._results import Bounded, Verdict
from ._sweeps import Sweep
from ._theory import (
    Analysis,
    Certificate,
    Check,
    Claim,
    Claims,
    Covering,
    Exponent,
    Findings,
    Instance,
    Quantities,
    Report,
    Statement,
    Verification,
    Verified,
    Written,
    analyze,
    certify,
    check_certificate,
    check_net,
    claim,
    net,
    report,
    statements,
    studies,
    study,
    verify,
)
from ._training import Look, Record, Run, Running, train

__version__ = _lib.versions()[0]

__all__ = [
    "Analysis",
    "Bounded",
    "Certificate",
    "Check",
    "Claim",
    "Claims",
    "Clusters",
    "Complexity",
    "Covering",
    "DataError",
    "Empirical",
    "Evaluated",
    "Evaluation",
    "Exponent",
    "Extreme",
    "Figure",
    "Findings",
    "Flat",
    "GradiometerError",
    "Hessian",
    "Instance",
    "InternalError",
    "Look",
    "MissingError",
    "Network",
    "NoCertificate",
    "OccupiedError",
    "Population",
    "PrecisionWarning",
    "Quantities",
    "Record",
    "Recovery",
    "Report",
    "Run",
    "Running",
    "Separation",
    "Statement",
    "Sweep",
    "Teacher",
    "Tested",
    "Verdict",
    "Verification",
    "Verified",
    "WriteError",
    "Written",
    "analyze",
    "certify",
    "check_certificate",
    "check_net",
    "claim",
    "get_num_threads",
    "loss",
    "match",
    "net",
    "report",
    "set_num_threads",
    "statements",
    "studies",
    "study",
    "test",
    "train",
    "verify",
    "versions",
]


def get_num_threads() -> int:
    """Tell how many threads computations use.

    By default as many as this process may run on, or ``GRADIOMETER_NUM_THREADS``. No result
    depends on it.
    """
    return _lib.get_num_threads()


def set_num_threads(threads: int) -> None:
    """Set the number of threads that computations use from now on."""
    _lib.set_num_threads(threads)


def versions() -> dict[str, str]:
    """Tell what made a number: versions, the vector unit, the threads."""
    version, unit = _lib.versions()
    return {
        "gradiometer": version,
        "instruction set": unit,
        "threads": str(get_num_threads()),
        "numpy": _np.__version__,
        "python": platform.python_version(),
    }
