"""`lightexp export`: a file as ONNX."""

import sys
from pathlib import Path

from lightexp.artifact import load, parse_file
from lightexp.cli.evaluate import data_of
from lightexp.cli.paths import short
from lightexp.data import Splits
from lightexp.edge import Check, Exported, Precision, check, export, session
from lightexp.errors import DataError
from lightexp.experiment.write import write_whole


def write(file: Path, output: Path | None, precision: Precision, trust: bool, overrides: list[str]) -> None:
    sys.path.insert(0, str(Path.cwd()))
    header = parse_file(file).header
    data = _data(file, header, overrides)
    exported = export(file, precision, trust)
    path = (output or file.with_suffix(".onnx" if precision == "float32" else ".int8.onnx")).absolute()
    run = session(exported.content, str(path))
    found = check(run, load(file, trust=trust), tuple(header["model"]["input_shape"]), data)
    write_whole(path, exported.content)
    print(f"written: {short(path)} ({precision}, {len(exported.content):,} bytes; {file.name} has {file.stat().st_size:,})")
    _print_form(exported)
    _print_check(found, data)


def _data(file: Path, header: dict, overrides: list[str]) -> Splits | None:
    """The data set of the file; none if it is not there, unless the user named it."""
    try:
        return data_of(file, header, overrides)
    except DataError as error:
        if overrides:
            raise
        print(f"not checked on its data set: {error}")
        return None


def _print_form(exported: Exported) -> None:
    for layer, count in exported.dropped.items():
        print(f"{layer}: {count:,} dead unit{'s' * (count > 1)} dropped")
    for layer, reason in exported.float_weights.items():
        print(f"{layer}: float weights, since {reason}")
    for layer, reason in exported.float_inputs.items():
        print(f"{layer}: computed in float, since {reason}")
    if exported.unrounded:
        print(
            "a layer is computed in integers where both are: schedule=quantize_activations, stages.quantize_activations.skip=[]"
        )
    if exported.integer_layers and exported.float_sums:
        print(
            f"{exported.float_sums} sums are computed in float, and so is the layer before each: "
            "stages.quantize_activations.sums='${activation}'"
        )


def _print_check(found: Check, data: Splits | None) -> None:
    asked = f"{found.samples:,} {'random inputs' if data is None else f'test samples of {data.name}'}"
    print(
        f"against the decoded net, on {asked}: largest difference {found.largest_difference:.3g} (logits to "
        f"{found.largest_logit:.3g}), same class for {found.agreement:.2f} %"
    )
    if found.error is not None:
        print(f"test error {found.error:.2f} %, the decoded net's {found.net_error:.2f} %")
