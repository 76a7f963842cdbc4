"""Errors whose message is written for the person who runs the program."""


class HvaeError(ValueError):
    """What was wrong, where, and what to do: one line a user can act on. Pages and CLI show it without a traceback."""


class ConfigError(HvaeError):
    """A configuration (preset, override, config.json) that cannot be used."""


class DataError(HvaeError):
    """A data set or image that cannot be found, fetched or read."""


class CheckpointError(HvaeError):
    """A run folder or its weights that are missing, damaged or do not fit their config."""


class TableError(HvaeError):
    """A score or correlation table that is missing, damaged or of another schema."""


def first_line(error: BaseException) -> str:
    """What a library says of a damaged file, on a line that is never long: it may repeat the whole of the file."""
    said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return said[:300]
