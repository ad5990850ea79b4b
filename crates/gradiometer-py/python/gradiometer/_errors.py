"""The exceptions, by who can mend what is wrong."""

from __future__ import annotations


class GradiometerError(Exception):
    """Anything that goes wrong here."""


class DataError(GradiometerError, ValueError):
    """Numbers or a request that make no sense; the message names the field and the mend."""


class MissingError(GradiometerError, FileNotFoundError):
    """An input is not there or cannot be opened."""


class OccupiedError(GradiometerError, FileExistsError):
    """An output would replace what is there, or another process writes there."""


class WriteError(GradiometerError, OSError):
    """An output cannot be written."""


class NoCertificate(GradiometerError):
    """No dual certificate was found."""


class InternalError(GradiometerError, RuntimeError):
    """A defect of this library; please report it."""


class PrecisionWarning(UserWarning):
    """Single precision loses digits of the loss that the evaluation has."""
