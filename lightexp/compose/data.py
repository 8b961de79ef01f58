"""A data set by its config."""

from typing import Any

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from lightexp.compose.errors import explain
from lightexp.compose.resolvers import conf_folder, register
from lightexp.data import Splits
from lightexp.errors import DataError


def load_data(node: Any, overrides: list[str]) -> Splits:
    """The data set of a config node, or of the whole config under `overrides` if there is no node.

    Raises:
        DataError: what is wrong with either.
    """
    register()
    try:
        if node is None:
            with initialize_config_dir(str(conf_folder()), version_base="1.3"):
                node = compose("config", overrides).data
        return instantiate(node, _convert_="all").load()
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        raise DataError(f"{line}; name the data set with data=") from error
