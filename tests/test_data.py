"""Data sets: splitting, content addresses, augmentations, and one clear line for everything that can be wrong with them."""

import ast
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lightexp.compose.resolvers import register
from lightexp.data import MNIST, Arrays, Crop, Digits, FashionMNIST, Flip, ImageFolder, Shift, split
from lightexp.data.splits import stratify
from lightexp.errors import DataError

REPO = Path(__file__).parents[1]
REAL_DATA = REPO.parent / "shared" / "data"


def arrays(shape: tuple[int, ...] = (6, 6), dtype: str = "uint8", train: int = 60, test: int = 20, classes: int = 3) -> dict:
    random = np.random.default_rng(1)
    return {
        "x_train": random.integers(0, 256, (train, *shape)).astype(dtype),
        "y_train": np.arange(train) % classes,
        "x_test": random.integers(0, 256, (test, *shape)).astype(dtype),
        "y_test": np.arange(test) % classes,
    }


def made(name: str = "made", validation: float = 0.2, augment: tuple = (), **changed):
    return split(name, **(arrays() | changed), validation=validation, augment=augment)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# Splitting


@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=200), fraction=st.floats(0.01, 0.99))
@settings(deadline=None)
def test_stratify_holds_out_the_fraction_of_every_class(labels, fraction):
    y = np.array(labels)
    kept, held = stratify(y, fraction)
    assert sorted([*kept, *held]) == list(range(len(y)))
    for label in set(labels):
        size, part = (y == label).sum(), (y[held] == label).sum()
        assert part <= size - 1
        assert abs(part - fraction * size) <= 0.5 or part == size - 1
    assert all(np.array_equal(a, b) for a, b in zip(stratify(y, fraction), (kept, held), strict=True))


@given(validation=st.floats(0.05, 0.9))
@settings(deadline=None, max_examples=30)
def test_train_and_val_are_disjoint_and_make_up_the_given_samples(validation):
    x = np.arange(60, dtype=np.uint8)[:, None]
    parts = made(validation=validation, x_train=x, x_test=x[:20])
    values = torch.cat([parts.train.x, parts.val.x]).flatten()
    assert sorted(values.tolist()) == list(range(60))
    for part in (parts.train, parts.val):
        assert torch.equal(part.x.flatten() % 3, part.y)  # each sample kept its own label
    assert len(parts.train) + len(parts.val) == 60
    assert len(parts.val) == 3 * round(validation * 20)


def test_a_lone_sample_of_a_class_stays_in_train():
    labels = np.array([2] + [0, 1] * 29 + [0])
    parts = made(y_train=labels, validation=0.9)
    assert (parts.train.y == 2).sum() == 1
    assert not (parts.val.y == 2).any()
    assert parts.classes == 3


@pytest.mark.parametrize(
    ("stored", "loaded"),
    [((5, 7), (1, 5, 7)), ((5, 7, 3), (3, 5, 7)), ((5, 7, 1), (1, 5, 7)), ((3, 5, 7), (3, 5, 7)), ((9,), (9,))],
)
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_arrays_come_back_from_an_npz_in_one_layout(tmp_path, stored, loaded, dtype):
    given = arrays(stored, dtype)
    np.savez(tmp_path / "mine.npz", **given)
    parts = Arrays(tmp_path / "mine.npz", validation=0.25).load()
    assert (parts.name, parts.input_shape, parts.classes) == ("mine", loaded, 3)
    assert parts.train.x.dtype == (torch.uint8 if dtype == "uint8" else torch.float32)
    assert parts.test.x.is_contiguous()
    pixels = np.moveaxis(given["x_test"], -1, 1) if len(stored) == 3 and loaded != stored else given["x_test"]
    assert np.array_equal(parts.test.x.numpy().reshape(pixels.shape), pixels)
    assert np.array_equal(parts.test.y, given["y_test"])


# Statistics and batches


def test_batches_are_normalised_by_the_train_part_alone():
    parts = made(x_train=arrays((4, 4, 3))["x_train"], x_test=np.full((20, 4, 4, 3), 255, np.uint8))
    pixels = parts.train.x.double() / 255
    assert parts.mean == pytest.approx(pixels.mean((0, 2, 3)).tolist(), abs=5e-5)
    assert parts.std == pytest.approx(pixels.std((0, 2, 3), correction=0).tolist(), abs=5e-5)
    index = torch.tensor([5, 0, 5])
    x, y = parts.batch(parts.train, index)
    by_hand = (pixels[index] - torch.tensor(parts.mean).view(3, 1, 1)) / torch.tensor(parts.std).view(3, 1, 1)
    assert x.dtype == torch.float32 and y.dtype == torch.int64
    torch.testing.assert_close(x, by_hand.float(), atol=1e-5, rtol=1e-5)
    assert torch.equal(y, parts.train.y[index])


def test_features_share_one_mean_and_normalising_leaves_the_samples_alone():
    x = np.linspace(-5, 20, 60 * 4, dtype=np.float32).reshape(60, 4)
    parts = made(x_train=x, x_test=x[:20])
    assert len(parts.mean) == len(parts.std) == 1
    before = parts.train.x.clone()
    normal = parts.normalise(parts.train.x)
    assert torch.equal(parts.train.x, before)
    assert abs(normal.mean()) < 1e-3 and abs(normal.std() - 1) < 1e-2


def test_a_constant_channel_is_not_divided_by_zero():
    constant = np.full((60, 4), 7.0)
    parts = made(x_train=constant, x_test=constant[:20])
    assert (parts.mean, parts.std) == ((7.0,), (1.0,))
    assert not parts.normalise(parts.test.x).any()


def test_moving_to_a_device_keeps_everything():
    parts = made()
    moved = parts.to("cpu")
    assert moved.fingerprint == parts.fingerprint
    assert torch.equal(moved.normalise(moved.val.x), parts.normalise(parts.val.x))


# Content addresses


def test_the_fingerprint_is_that_of_the_bytes_and_not_of_the_place(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    np.savez(tmp_path / "a.npz", **arrays())
    np.savez_compressed(tmp_path / "elsewhere" / "b.npz", **arrays())
    first, second = (Arrays(tmp_path / path).load() for path in ("a.npz", "elsewhere/b.npz"))
    assert first.name != second.name
    assert first.fingerprint == second.fingerprint
    assert len(first.fingerprint) == 64


@given(key=st.sampled_from(["x_train", "x_test", "y_train", "y_test"]), place=st.integers(0, 19))
@settings(deadline=None, max_examples=20)
def test_one_changed_value_changes_the_fingerprint(key, place):
    changed = arrays()[key]
    changed[place] = (changed[place] + 1) % 3
    assert made(**{key: changed}).fingerprint != made().fingerprint


def test_the_fingerprint_covers_validation_augmentation_and_dtype():
    floats = {key: arrays()[key].astype("float32") for key in ("x_train", "x_test")}
    steps = Flip(), Shift(1)
    variants = [made(), made(validation=0.3), made(augment=steps), made(augment=steps[::-1]), made(**floats)]
    assert len({variant.fingerprint for variant in variants}) == len(variants)


# Augmentations


def test_shift_gives_each_of_the_nine_places_by_hand():
    image = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]], dtype=torch.uint8)
    by_hand = {
        (1, 2, 3, 4, 5, 6, 7, 8, 9),
        (4, 5, 6, 7, 8, 9, 0, 0, 0),  # up
        (0, 0, 0, 1, 2, 3, 4, 5, 6),  # down
        (2, 3, 0, 5, 6, 0, 8, 9, 0),  # left
        (0, 1, 2, 0, 4, 5, 0, 7, 8),  # right
        (5, 6, 0, 8, 9, 0, 0, 0, 0),
        (0, 4, 5, 0, 7, 8, 0, 0, 0),
        (0, 0, 0, 2, 3, 0, 5, 6, 0),
        (0, 0, 0, 0, 1, 2, 0, 4, 5),
    }
    shifted = Shift(1)(image.expand(200, 2, 3, 3), seeded())
    assert torch.equal(shifted[:, 0], shifted[:, 1])  # the channels of an image move together
    assert {tuple(one.flatten().tolist()) for one in shifted[:, 0]} == by_hand


def test_crop_mirrors_at_the_edges():
    row = torch.tensor([1.0, 2.0, 3.0])
    cropped = Crop(1)(row.expand(100, 1, 3, 3), seeded())
    assert {tuple(one[0, 0].tolist()) for one in cropped} == {(2, 1, 2), (1, 2, 3), (2, 3, 2)}


def test_flip_mirrors_about_half_of_the_images():
    image = torch.tensor([[1, 2], [3, 4]], dtype=torch.uint8)
    flipped = Flip()(image.expand(400, 1, 2, 2), seeded())
    mirrored = (flipped == image.flip(-1)).all(-1).all(-1).flatten()
    assert ((flipped == image).all(-1).all(-1).flatten() ^ mirrored).all()
    assert 150 < mirrored.sum() < 250


@given(
    step=st.sampled_from([Shift(0), Shift(2), Shift(9), Flip(), Crop(0), Crop(3)]),
    shape=st.tuples(st.integers(1, 9), st.sampled_from([1, 3]), st.integers(4, 7), st.integers(4, 7)),
    dtype=st.sampled_from([torch.uint8, torch.float32]),
    seed=st.integers(0, 99),
)
@settings(deadline=None)
def test_augmentations_keep_shape_and_dtype_and_follow_the_generator(step, shape, dtype, seed):
    x = torch.randint(0, 256, shape, generator=seeded()).to(dtype)
    before = x.clone()
    first, again = step(x, seeded(seed)), step(x, seeded(seed))
    assert torch.equal(first, again) and torch.equal(x, before)
    assert (first.shape, first.dtype) == (x.shape, x.dtype)


def test_only_augmented_batches_are_augmented():
    parts, index = made(augment=(Flip(), Shift(2))), torch.arange(40)
    plain, _ = parts.batch(parts.train, index)
    moved, *_ = parts.augmented_batch(index, seeded())
    by_hand = Shift(2)(Flip()(parts.train.x[index], generator := seeded()), generator)
    assert torch.equal(plain, parts.normalise(parts.train.x[index]))
    assert torch.equal(moved, parts.normalise(by_hand))


@pytest.mark.parametrize("step", [Shift(), Flip(), Crop()])
def test_image_augmentations_of_features_fail_on_loading(step):
    with pytest.raises(DataError, match=r"works on images, but a sample here has shape \(36,\): use augment=none"):
        made(**{key: arrays((36,))[key] for key in ("x_train", "x_test")}, augment=(step,))


@pytest.mark.parametrize(
    ("step", "message"),
    [(Crop(6), "choose a padding below 6"), (lambda x, generator: x.float(), "must keep dtype and shape")],
)
def test_augmentations_that_do_not_fit_fail_on_loading(step, message):
    with pytest.raises(DataError, match=message):
        made(augment=(step,))


# What can be wrong


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x_train": np.zeros((60, 6, 6), int)}, "made: x_train holds int64: store it as uint8"),
        ({"x_train": np.zeros((60,), np.uint8)}, r"x_train has shape \(60,\): it must be N×F"),
        ({"x_train": np.zeros((60, 6, 6, 5), np.uint8)}, "with C one of 1, 3, 4"),
        ({"x_train": np.zeros((0, 6, 6), np.uint8)}, "x_train of shape .* is empty"),
        ({"x_test": np.zeros((20, 6, 7), np.uint8)}, r"\(1, 6, 6\) in x_train but uint8 \(1, 6, 7\) in x_test"),
        ({"x_test": np.zeros((20, 6, 6))}, "uint8 .* in x_train but float32 .* in x_test"),
        ({"x_test": np.full((20, 6, 6), np.nan)}, "x_test holds values that are NaN"),
        ({"x_test": np.full((20, 6, 6), 1e300)}, "beyond float32"),
        ({"y_train": np.zeros(60)}, "y_train holds float64: store labels as integers"),
        ({"y_train": np.zeros(59, int)}, r"y_train has shape \(59,\) for 60 samples"),
        ({"y_test": np.zeros((20, 1), int)}, r"y_test has shape \(20, 1\)"),
        ({"y_train": np.arange(60) % 3 - 1}, "y_train has the label -1: number the classes from 0"),
        ({"y_train": np.arange(60) % 3 + 1}, "y_train has labels up to 3 but no 0"),
        ({"y_test": np.arange(20) % 4}, r"y_test has class 3, y_train only 0\.\.2"),
        ({"validation": 0.0}, r"validation=0.0 is not a fraction"),
        ({"validation": 1.0}, r"choose one between 0 and 1"),
        ({"validation": 0.01}, r"is none at all: raise data\.validation"),
    ],
)
def test_arrays_that_are_no_data_set_are_named(changed, message):
    with pytest.raises(DataError, match=message) as caught:
        made(**changed)
    assert "\n" not in str(caught.value)


def written(path: Path, **changed) -> Path:
    np.savez(path, **{key: value for key, value in (arrays() | changed).items() if value is not None})
    return path


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.npz is not there: point data\.path at"):
        Arrays(tmp_path / "none.npz").load()


def test_a_missing_array_is_named(tmp_path):
    with pytest.raises(DataError, match="has no y_train, y_test: write it with the arrays"):
        Arrays(written(tmp_path / "a.npz", y_train=None, y_test=None)).load()


def test_pickled_objects_are_refused(tmp_path):
    with pytest.raises(DataError, match="Object arrays cannot be loaded.*plain numeric arrays"):
        Arrays(written(tmp_path / "a.npz", y_train=np.array([object()]))).load()


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x93NUMPY\x01\x00"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"is not an \.npz file: write it with numpy\.savez"):
        Arrays(tmp_path / "a.npz").load()


@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_a_damaged_file_gives_its_data_or_a_clear_error(tmp_path_factory, data):
    path = written(tmp_path_factory.mktemp("damaged") / "a.npz")
    whole, fingerprint = bytearray(path.read_bytes()), Arrays(path).load().fingerprint
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    try:
        assert Arrays(path).load().fingerprint == fingerprint
    except DataError as error:
        assert "\n" not in str(error)


# Data sets by name


def test_digits_have_their_real_sizes():
    parts = Digits().load()
    assert len(parts.train) + len(parts.val) + len(parts.test) == 1797
    assert (len(parts.test), parts.input_shape, parts.classes) == (359, (1, 8, 8), 10)
    assert (parts.train.x.min(), parts.train.x.max()) == (0, 255)
    assert torch.bincount(parts.val.y).min() >= 13


def test_a_named_set_is_read_from_its_file(tmp_path):
    written(tmp_path / "mnist.npz")
    parts = MNIST(tmp_path, download=False).load()
    assert (parts.name, parts.input_shape) == ("mnist", (1, 6, 6))


def test_the_real_mnist():
    if not (REAL_DATA / "mnist.npz").is_file():
        pytest.skip("no mnist.npz in shared/data beside the repository")
    parts = MNIST(REAL_DATA, download=False).load()
    assert len(parts.train) + len(parts.val) == 60_000 and len(parts.test) == 10_000
    assert parts.mean == pytest.approx((0.1307,), abs=2e-4) and parts.std == pytest.approx((0.3081,), abs=2e-4)


def test_a_missing_set_says_both_ways_to_get_it(tmp_path):
    with pytest.raises(DataError) as caught:
        FashionMNIST(tmp_path, download=False).load()
    for part in ("fashion_mnist.npz is not there", "data.download=true", "x_train, y_train, x_test, y_test", "LIGHTEXP_DATA"):
        assert part in str(caught.value)


def test_a_failed_download_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    for scheme in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(scheme, "http://127.0.0.1:9")  # nobody answers there, so this is a machine without network
    urllib.request.install_opener(None)  # the next request reads the proxies anew
    with pytest.raises(DataError, match="its download failed .*: run once with network") as caught:
        MNIST(tmp_path / "data").load()
    urllib.request.install_opener(None)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "data").iterdir())


def test_libraries_that_only_one_set_needs_are_imported_by_that_set_alone():
    for file in (REPO / "lightexp" / "data").glob("*.py"):
        body = ast.parse(file.read_text(encoding="utf-8")).body
        modules = [alias.name for node in body if isinstance(node, ast.Import) for alias in node.names]
        modules += [node.module for node in body if isinstance(node, ast.ImportFrom)]
        assert not {module.split(".")[0] for module in modules} & {"sklearn", "torchvision", "PIL"}, file


# Picture folders


@pytest.fixture
def pictures(tmp_path):
    for part, count in (("train", 5), ("test", 2)):
        for brightness, label in ((10, "dark"), (240, "light")):
            folder = tmp_path / "shades" / part / label
            folder.mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (20 + number, 12), (brightness, number, 0)).save(folder / f"{number}.png")
            (folder / "notes.txt").write_text("no picture")
    return tmp_path / "shades"


def test_a_picture_folder_becomes_bytes(pictures):
    parts = ImageFolder(pictures, size=8, validation=0.4).load()
    assert (parts.name, parts.input_shape, parts.classes) == ("shades", (3, 8, 8), 2)
    assert [len(parts.train), len(parts.val), len(parts.test)] == [6, 4, 4]
    assert parts.train.x.dtype == torch.uint8
    assert parts.test.x[:, 0, 4, 4].tolist() == [10, 10, 240, 240]
    assert parts.test.y.tolist() == [0, 0, 1, 1]


def test_val_stands_in_for_test(pictures):
    before = ImageFolder(pictures, validation=0.4).load().fingerprint
    (pictures / "test").rename(pictures / "val")
    assert ImageFolder(pictures, validation=0.4).load().fingerprint == before


def test_what_is_wrong_with_a_picture_folder_is_named(pictures):
    damaged = pictures / "train" / "dark" / "0.png"
    damaged.write_bytes(damaged.read_bytes()[:45])
    with pytest.raises(DataError, match=r"0\.png cannot be read as a picture"):
        ImageFolder(pictures).load()
    for file in (pictures / "train" / "dark").glob("*.png"):
        file.unlink()
    with pytest.raises(DataError, match="dark has no picture"):
        ImageFolder(pictures).load()
    (pictures / "test" / "other").mkdir()
    with pytest.raises(DataError, match=r"different class folders \(other\): make them agree"):
        ImageFolder(pictures).load()
    with pytest.raises(DataError, match="has no class folders: store pictures as train/<class>/<file>"):
        ImageFolder(pictures / "train").load()


# Configs


@pytest.mark.parametrize("augment", sorted(path.stem for path in (REPO / "conf" / "augment").glob("*.yaml")))
@pytest.mark.parametrize("data", sorted(path.stem for path in (REPO / "conf" / "data").glob("*.yaml")))
def test_every_config_makes_its_data_set(data, augment):
    register()
    with initialize_config_dir(str(REPO / "conf"), version_base="1.3"):
        config = compose("config", [f"data={data}", f"augment={augment}"])
    for place in {"root", "path"} & set(config.data):
        config.data[place] = "somewhere"
    made = instantiate(config.data)
    assert list(made.augment) == list(config.augment)
    assert made.validation == 0.1
