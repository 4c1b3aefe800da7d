"""The one error that every layer of torkivity raises for input it cannot accept."""

from __future__ import annotations

__all__ = ["InputError"]


class InputError(ValueError):
    """Input that cannot be accepted.

    Parameters
    ----------
    key : str
        Name of the offending parameter as the user wrote it.
    value : object
        What was given.
    expected : str
        What would be right, as a phrase that completes ``"<key> = <value>: ..."``.
    """

    def __init__(self, key: str, value: object, expected: str) -> None:
        self.key = key
        self.value = value
        self.expected = expected
        super().__init__(f"{key} = {value!r}: {expected}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, object, str]]:
        return (type(self), (self.key, self.value, self.expected))
