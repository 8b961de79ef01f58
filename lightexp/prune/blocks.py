from typing import Annotated

from pydantic import Field
from torch import Tensor

from lightexp.errors import ConfigError
from lightexp.prune.structured import Structured, indices
from lightexp.spec import spec


@spec
class Blocks(Structured):
    """Tiles of rows × columns go whole, in the matrix of a layer: its outputs × (inputs · kernel) (Narang et al. 2017)."""

    rows: Annotated[int, Field(ge=1)] = 2
    columns: Annotated[int, Field(ge=1)] = 2

    def groups(self, name: str, weight: Tensor, is_last: bool) -> Tensor:
        matrix = indices(weight).flatten(1)
        height, width = matrix.shape
        if height % self.rows or width % self.columns:
            raise ConfigError(
                f"blocks of {self.rows} × {self.columns} do not tile layer {name}, a matrix of {height} × {width}: "
                "choose divisors of both"
            )
        tiles = matrix.reshape(height // self.rows, self.rows, width // self.columns, self.columns).transpose(1, 2)
        return tiles.reshape(-1, self.rows * self.columns)
