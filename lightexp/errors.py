"""Errors that are meant for a person: one line that says what was wrong, where, and what to do."""


class LightexpError(Exception):
    """Anything the user can mend. The command line prints its text alone, without a traceback."""


class ConfigError(LightexpError):
    """A config that cannot run: an unknown name, an impossible value, stages that do not fit together."""


class DataError(LightexpError):
    """A data set that is absent, damaged or of the wrong shape."""


class ArtifactError(LightexpError):
    """Bytes that are not a whole, unaltered artifact of a version that this lightexp reads."""


class StoreError(LightexpError):
    """A stage store that cannot be read or written."""


class TrackingError(LightexpError):
    """A tracking server or store that does not answer."""


class TrainingError(LightexpError):
    """A training that went wrong, such as a loss that became NaN."""


class Hopeless(LightexpError):
    """A run that was given up because many others were better by then in every objective of the search."""


class JobError(LightexpError):
    """A job of a sweep that did not come to its end."""


class JobsFailed(LightexpError):
    """A sweep of which not all jobs came to their end; the text says which, a line for each."""
