"""What the extra `edge` installs, imported when it is needed."""

from importlib import import_module

from lightexp.errors import ConfigError


def need(*packages: str) -> None:
    """Make sure that these packages of the extra are there.

    Raises:
        ConfigError: one is not installed.
    """
    for package in packages:
        try:
            import_module(package)
        except ModuleNotFoundError as error:
            raise ConfigError(f"{error.name} is not installed: pip install 'lightexp[edge]'") from error
