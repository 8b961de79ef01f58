"""What a report cannot do."""

from lightexp.errors import LightexpError


class ReportError(LightexpError):
    """Nothing to report on, a name that no sweep has, a file that cannot be written in the form asked for."""
