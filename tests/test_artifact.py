"""The file: bit for bit there and back, every byte itemised, and nothing but an ArtifactError for whatever is damaged."""

import json
import random
import resource
import struct
import subprocess
import sys
import time
import zlib
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from torch import nn

from lightexp.artifact import container, decode, encode, load, parse
from lightexp.artifact.binary import Reader, unzigzag, varint, varints, zigzag
from lightexp.artifact.header import DICTIONARY, stored
from lightexp.errors import ArtifactError, ConfigError
from lightexp.models import MLP, LeNet5, ResNet, build, net_spec
from lightexp.reparam import Codebook, Scaled, layers, set_mask, set_quantizer
from lightexp.surgery import Widths, surgery_of

ABOUT = {"data": "digits", "mean": [0.3], "std": [0.4]}
SPECIAL = np.array([0, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00001, 0xFFFFFFFF, 1, 0x80000001], np.uint32).view(np.float32)
KINDS = ["plain", "masked", "zero", "lookup", "step", "steps"]


class Stranger(nn.Module):
    """A net that is not lightexp's."""

    def __init__(self, classes: int, kind: torch.dtype = torch.int64):
        super().__init__()
        self.fc = nn.Linear(3, classes)
        self.register_buffer("count", torch.tensor([1000], dtype=kind))


def packed(model: nn.Module, factory, input_shape: tuple[int, ...], classes: int) -> bytes:
    return encode(model, ABOUT | {"model": net_spec(factory, input_shape, classes)})


def constrain(layer: nn.Module, kind: str, masked: bool, rng: np.random.Generator) -> None:
    """Give a layer weights with every odd value there is, and the constraint of that kind."""
    shape, rows = layer.weight.shape, len(layer.weight)
    weight = rng.normal(size=shape).astype(np.float32)
    odd = rng.random(shape) < 0.2
    weight[odd] = rng.choice(SPECIAL, int(odd.sum()))
    layer.weight.data = torch.from_numpy(weight)
    if kind == "zero":
        nn.init.zeros_(layer.weight)
    if kind == "lookup":
        size = int(rng.integers(1, 300))
        codes = rng.integers(0, size + 1, shape) * (rng.random(shape) < rng.random())
        set_quantizer(
            layer, Codebook(torch.from_numpy(codes.astype(np.int32)), torch.from_numpy(rng.normal(size=size)).float())
        )
    if kind in ("step", "steps"):
        nn.init.normal_(layer.weight)
        steps = rng.uniform(0.01, 1, rows if kind == "steps" else 1).astype(np.float32)
        set_quantizer(layer, Scaled(torch.from_numpy(steps), bits=int(rng.integers(2, 17))))
    if masked or kind == "masked":
        set_mask(layer, torch.from_numpy(rng.random(shape) < rng.random()))


def effective(model: nn.Module) -> dict[str, bytes]:
    """The bits of all tensors that the net computes with, under the names of a plain net."""
    state = {name: tensor for name, tensor in model.state_dict().items() if ".parametrizations." not in name}
    state |= {f"{name}.weight": layer.weight for name, layer in layers(model).items()}
    return {name: tensor.detach().numpy().tobytes() for name, tensor in sorted(state.items())}


# There and back


@settings(max_examples=300)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=5),
    kinds=st.lists(st.tuples(st.sampled_from(KINDS), st.booleans()), min_size=4, max_size=4),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_net_comes_back_bit_for_bit(sizes, kinds, seed):
    rng, factory = np.random.default_rng(seed), partial(MLP, widths=sizes[1:-1])
    model = build(factory, (sizes[0],), sizes[-1])
    for layer, (kind, masked) in zip(layers(model).values(), kinds, strict=False):
        constrain(layer, kind, masked, rng)
    data = packed(model, factory, (sizes[0],), sizes[-1])
    decoded = decode(data)
    assert effective(decoded) == effective(model)
    assert not decoded.training
    assert sum(parse(data).bytes_of.values()) == len(data)
    assert parse(data).header["params"] == sum(parameter.numel() for parameter in decoded.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_convolutions_and_running_statistics_come_back_too(kind):
    rng, factory = np.random.default_rng(0), partial(ResNet, depth=8)
    model = build(factory, (3, 8, 8), 10)
    model(torch.randn(4, 3, 8, 8))
    model.norm.num_batches_tracked.fill_(2**40)
    for layer in layers(model).values():
        constrain(layer, kind, masked=True, rng=rng)
    assert effective(decode(packed(model, factory, (3, 8, 8), 10))) == effective(model)


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, float("nan"), float("-inf")])
def test_a_single_weight(value):
    factory = partial(MLP, widths=[])
    model = build(factory, (1,), 1)
    nn.init.constant_(model.layers[0].weight, value)
    assert effective(decode(packed(model, factory, (1,), 1))) == effective(model)


def test_one_weight_among_a_million():
    factory = partial(MLP, widths=[])
    model = build(factory, (2**20,), 1)
    model.layers[0].weight.data = torch.zeros(1, 2**20).index_fill(1, torch.tensor([777_777]), -3)
    data = packed(model, factory, (2**20,), 1)
    assert effective(decode(data)) == effective(model)
    assert parse(data).bytes_of["positions"] < 10


def test_the_codes_cost_no_more_than_their_entropy_says():
    # 10,000 positions at 1/10: 10,000 · H(0.1) = 4,690 bits. 1,000 equally frequent codes out of 4: 2,000 bits.
    factory = partial(MLP, widths=[])
    model = build(factory, (100,), 100)
    codes = torch.zeros(10_000, dtype=torch.uint8)
    codes[torch.randperm(10_000)[:1000]] = torch.arange(1000, dtype=torch.uint8) % 4 + 1
    set_quantizer(model.layers[0], Codebook(codes.reshape(100, 100), torch.tensor([-2.0, -1.0, 1.0, 2.0])))
    sizes = parse(packed(model, factory, (100,), 100)).bytes_of
    assert 4690 / 8 * 0.97 < sizes["positions"] < 4690 / 8 * 1.03
    assert 2000 / 8 * 0.97 < sizes["values"] < 2000 / 8 * 1.05
    assert sizes["tables"] <= 1 + 1 + 4  # how many, how long, unit, width and four small numbers
    assert 4 * 100 <= sizes["dense"] <= 4 * 100 + 4  # the biases


def test_equal_tables_are_kept_once():
    factory = partial(MLP, widths=[4, 4])
    model = build(factory, (4,), 4)
    for layer in layers(model).values():
        set_quantizer(layer, Scaled(torch.tensor([0.25]), bits=4))
    parsed = parse(packed(model, factory, (4,), 4))
    assert ([layer.table for layer in parsed.layers], len(parsed.tables)) == ([0, 0, 0], 1)


def test_equal_nets_make_equal_files():
    one, other = (small("lookup") for _ in range(2))
    assert one == other


def test_what_cannot_be_kept_exactly_is_refused():
    factory = partial(MLP, widths=[])
    model = build(factory, (2,), 2)
    model.layers[0].bias.data = model.layers[0].bias.data.double()
    with pytest.raises(ArtifactError, match="float64 cannot be written"):
        packed(model, factory, (2,), 2)


MODELS = sorted((Path(__file__).parents[1] / "conf" / "model").glob("*.yaml"))


@pytest.mark.parametrize("input_shape", [(1, 28, 28), (3, 32, 32)], ids=["grey", "colour"])
@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_headers_stay_small(path, input_shape):
    config = OmegaConf.load(path)
    if OmegaConf.is_missing(config, "_target_"):
        pytest.skip("a class of the user's own")
    factory = instantiate(config, _convert_="all")
    try:
        model = build(factory, input_shape, 100)
    except ConfigError as error:
        pytest.skip(str(error))
    about = {"data": "fashion_mnist", "mean": [0.5071, 0.4865, 0.4409], "std": [0.2673, 0.2564, 0.2762]}
    about["model"] = net_spec(factory, input_shape, 100)
    assert parse(encode(model, about)).bytes_of["header"] <= 175
    for layer in layers(model).values():
        set_quantizer(layer, Codebook(torch.randint(16, layer.weight.shape, dtype=torch.uint8), torch.randn(15)))
    data = encode(model, about)
    assert parse(data).bytes_of["header"] <= 175


def test_a_slimmed_lenet5_tells_its_sizes_once():
    model = Widths("", (1, 3, 0, 5, 135, -56, 0, -78)).apply(build(LeNet5, (1, 28, 28), 10))
    about = {"data": "mnist", "mean": [0.1306], "std": [0.3081], "model": net_spec(LeNet5, (1, 28, 28), 10, surgery_of(model))}
    for layer in layers(model).values():
        set_quantizer(layer, Codebook(torch.randint(4, layer.weight.shape, dtype=torch.uint8), torch.randn(4)))
    parsed = parse(encode(model, about))
    assert parsed.bytes_of["header"] <= 40
    assert parsed.header["model"] == json.loads(json.dumps(about["model"]))


# Damage


def small(kind: str) -> bytes:
    factory = partial(MLP, widths=[5])
    torch.manual_seed(0)
    model, rng = build(factory, (6,), 3), np.random.default_rng(1)
    for layer in layers(model).values():
        constrain(layer, kind, masked=kind != "plain", rng=rng)
    return packed(model, factory, (6,), 3)


def repaired(data: bytes) -> bytes:
    """With the checksum that fits, so that the parser is reached."""
    return data[:4] + struct.pack("<I", zlib.crc32(data[8:])) + data[8:]


def test_every_flipped_bit_is_noticed():
    data = small("lookup")
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ArtifactError):
            parse(bytes(flipped))


@pytest.mark.parametrize("repair", [bytes, repaired])
def test_every_truncation_is_noticed(repair):
    # The last section is the end of a coded stream: what is cut off there and has its checksum mended says something else.
    data = small("steps")
    for length in range(len(data) - (parse(data).bytes_of["dense"] if repair is repaired else 0)):
        with pytest.raises(ArtifactError):
            decode(repair(data[:length]) if length >= 8 else data[:length])


def mutated(data: bytes, dice: random.Random) -> bytes:
    """A few bytes changed, lost, put in or flipped behind the checksum."""
    changed = bytearray(data)
    for _ in range(dice.choice([1, 1, 1, 2, 3, 8])):
        at = dice.randrange(8, max(9, len(changed)))
        match dice.randrange(4):
            case 0:
                changed[at : at + 1] = dice.randbytes(1)
            case 1:
                del changed[at : at + dice.randrange(1, 5)]
            case 2:
                changed[at:at] = dice.randbytes(dice.randrange(1, 5))
            case 3:
                changed[at : at + 1] = bytes(byte ^ 1 << dice.randrange(8) for byte in changed[at : at + 1])
    return bytes(changed)


def another(value, dice: random.Random):
    """A header with one value somewhere in it made another, of the same or a different kind."""
    if isinstance(value, (dict, list)) and value and dice.random() < 0.9:
        key = dice.choice(list(value)) if isinstance(value, dict) else dice.randrange(len(value))
        copy = value.copy()
        copy[key] = another(value[key], dice)
        if dice.random() < 0.05:
            del copy[key]
        return copy
    numbers = [0, 1, 2, -1, 2.5, 7, 2**20, 2**31, 2**64, 10**30, 1e308]
    return dice.choice([*numbers, True, None, "", "3", "layers.1", [], [1], [[]], {}, {"a": 1}, value, [value], [value] * 3])


def deflated(header: Any) -> bytes:
    """As `pack_header` does it, but of anything."""
    with suppress(TypeError, ValueError, KeyError, IndexError, AttributeError):
        header = stored(header)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=DICTIONARY)
    return deflate.compress(json.dumps(header).encode()) + deflate.flush()


def with_header(header: dict, data: bytes) -> bytes:
    """The file with another header, its sections as they are."""
    sizes = list(parse(data).bytes_of.values())
    text = deflated(header)
    return repaired(data[:8] + varint(0) + varints([len(text), *sizes[1:-1]]) + text + data[sizes[0] :])


def survives(data: bytes) -> bool:
    began = time.monotonic()
    try:
        decode(data)
    except ArtifactError:
        return False
    finally:
        assert time.monotonic() - began < 5
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_bytes_say_it_is_a_net_or_the_files_fault(kind):
    data, dice = small(kind), random.Random(kind)
    header = parse(data).header
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    whole = sum(survives(repaired(mutated(data, dice))) for _ in range(500))
    whole += sum(survives(with_header(another(header, dice), data)) for _ in range(500))
    assert whole > 50  # the parser was reached
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 2**20  # KiB


def layered(**changes) -> dict:
    base = {"model": net_spec(partial(MLP, widths=[]), (4,), 4), "params": 20}
    return base | {"layers": [["layers.0", [4, 4], 0, 32, 0]]} | changes


LARGE = {"model": {"net": "lightexp.models.MLP", "args": {"widths": []}, "input_shape": [2**20], "classes": 4096}}


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (layered(**LARGE, layers=[["layers.0", [4096, 2**20], 0, 32, 0]]), "far too large for the size of the file"),
        (layered(**LARGE, layers=[]), "more weights than the file"),
        (layered(layers=[["layers.0", [4, 4], 0, 32, 0]] * 2), "twice"),
        (layered(layers=[["layers.0", [4, 2**62], 0, 32, 0]]), "shape of a layer"),
        (layered(layers=[["layers.9", [4, 4], 0, 32, 0]]), "no weight layers.9"),
        (layered(layers=[["layers.0", [4, 5], 0, 32, 0]]), "no weight layers.0.weight of shape"),
        (layered(layers=[["layers.0", [4, 4], 2, 4, 0]]), "a table that is not there"),
        (layered(model=None), "damaged"),
        (layered(text="a" * 2**21), "longer than 1 MiB"),
        ([], "not a mapping"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_crafted_file_is_told_apart(header, says):
    text = deflated(header)
    with pytest.raises(ArtifactError, match=says):
        decode(repaired(container.MAGIC + bytes(4) + varints([0, len(text), 2, 1, 1]) + text + bytes(20)))


@pytest.mark.parametrize(("start", "says"), [([0, 2**62], "ends too early"), ([3], "coder that this lightexp")])
def test_crafted_lengths_and_coders_are_told_apart(start, says):
    with pytest.raises(ArtifactError, match=says):
        decode(repaired(container.MAGIC + bytes(4) + varints(start) + bytes(40)))


def test_steps_must_be_one_or_one_a_row():
    data = small("steps")
    header = parse(data).header
    for layer, entry in enumerate(header["layers"]):
        entry[4] = 1 - layer  # the other's table
    with pytest.raises(ArtifactError, match="neither one step nor one a row"):
        parse(with_header(header, data))


@given(st.binary(max_size=60))
def test_no_other_file_is_mistaken_for_one(data):
    with pytest.raises(ArtifactError):
        parse(data)
    with pytest.raises(ArtifactError):
        parse(repaired(container.MAGIC + bytes(4) + data))


def test_another_version_says_so():
    with pytest.raises(ArtifactError, match="version 01.*reads 07: read it with the lightexp that wrote it"):
        parse(b"LXP\x01" + small("plain")[4:])


@given(st.integers(0, 2**63 - 1), st.integers(-(2**62), 2**62))
def test_numbers_of_variable_length(value, signed):
    assert Reader(varint(value)).varint() == value
    assert unzigzag(zigzag(signed)) == signed
    assert len(varint(zigzag(signed))) == max(1, -(-zigzag(signed).bit_length() // 7))


# Who may read it


def test_a_strangers_class_is_not_made_unasked(tmp_path):
    model = Stranger(2)
    path = tmp_path / "model.lxp"
    path.write_bytes(packed(model, Stranger, (3,), 2))
    with pytest.raises(ArtifactError, match=r"model\.lxp: the file's net is .*Stranger, which is not lightexp's"):
        load(path)
    assert effective(load(path, net=Stranger)) == effective(load(path, trust=True)) == effective(model)
    with pytest.raises(ArtifactError, match="cannot be made as the file describes it"):
        load(path, net=partial(Stranger, kind=torch.int8))  # its count cannot be 1000
    with pytest.raises(ArtifactError, match="missing.lxp cannot be read: No such file"):
        load(tmp_path / "missing.lxp")


def test_looking_into_a_file_needs_no_torch(tmp_path):
    (tmp_path / "model.lxp").write_bytes(small("lookup"))
    code = "import sys; from lightexp.artifact import parse, read; print(parse(read(sys.argv[1])).layers[0].name, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "model.lxp"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["layers.0", "False"]
