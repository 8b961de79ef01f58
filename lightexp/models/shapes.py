"""What a convolutional net asks of its input."""

from lightexp.errors import ConfigError


def image_shape(net: str, input_shape: tuple[int, ...], smallest: int = 1) -> tuple[int, int, int]:
    """`input_shape` as (channels, height, width), once it is known that `net` can take it.

    Raises:
        ConfigError: the input is no image, or its height or width is below `smallest`.
    """
    if len(input_shape) != 3:
        raise ConfigError(f"{net} takes images (channels, height, width), not shape {input_shape}: choose another net")
    channels, height, width = input_shape
    if min(height, width) < smallest:
        raise ConfigError(
            f"{net} takes images of {smallest}×{smallest} or larger, not {height}×{width}: enlarge them or choose another net"
        )
    return channels, height, width
