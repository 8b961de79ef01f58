"""Activations of few bits: the levels by hand, their gradients, and that the file's net rounds as the trained one did."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from lightexp.artifact import decode, encode
from lightexp.data import Digits
from lightexp.errors import ConfigError
from lightexp.measure import layer_macs
from lightexp.models import BatchNormMLP, LeNet5, build, net_spec
from lightexp.quantize import MinMax
from lightexp.quantize.activations import (
    PACT,
    DoReFaActivation,
    LSQActivation,
    ScaledSignActivation,
    SignActivation,
    UniformActivation,
)
from lightexp.stages import Context, QuantizeActivations
from lightexp.surgery import input_bits, surgery_of


def rounding(quantizer, samples: list[float], layer: nn.Module | None = None) -> nn.Module:
    """What the quantizer puts before a layer that is shown these samples."""
    net = nn.Sequential(layer or nn.Linear(len(samples), 1))
    edit, state = quantizer.fit("0", torch.tensor(samples))
    made = edit.apply(net)
    made.load_state_dict(state)
    return made


def through(module: nn.Module, values: list[float]) -> tuple[list[float], list[float]]:
    """What comes out, and the gradient of its sum."""
    x = torch.tensor(values, requires_grad=True)
    out = module(x)
    out.sum().backward()
    return out.tolist(), x.grad.tolist()


def test_uniform_covers_the_samples_and_passes_gradients_inside():
    # 2 bits over 0 … 3: the integers 0 … 3.
    out, grads = through(rounding(UniformActivation(2, MinMax()), [0.0, 3.0, 1.0]), [-1.0, 0.4, 1.6, 2.9, 5.0])
    assert out == [0.0, 0.0, 2.0, 3.0, 3.0]
    assert grads == [0.0, 1.0, 1.0, 1.0, 0.0]


def test_uniform_keeps_zero_where_inputs_are_signed():
    module = rounding(UniformActivation(2, MinMax()), [-1.0, 2.0])
    assert through(module, [-1.2, -0.2, 0.0, 1.7])[0] == [-1.0, 0.0, 0.0, 2.0]
    assert module.lowest.item() == -1


def test_lsq_begins_at_twice_the_mean_and_learns_its_step():
    # Unsigned 2 bits: Δ = 2 · 1.5 / √3.
    module = rounding(LSQActivation(2), [1.0, 2.0])
    assert module.step.item() == pytest.approx(3 / 3**0.5)
    assert (module.lowest, module.highest) == (0, 3)
    signed = rounding(LSQActivation(2), [-1.0, 2.0])
    assert (signed.lowest, signed.highest) == (-2, 1)
    through(module, [0.5, 9.0])
    assert module.step.grad.item() != 0


def test_the_step_of_lsq_learns_alike_however_a_batch_is_shared_out():
    x, grads = torch.rand(8, 5) * 3, []
    for parts in (1, 2, 8):
        module = rounding(LSQActivation(2), [1.0, 2.0])
        for part in x.chunk(parts):
            module(part).square().sum().backward()
        grads.append(module.step.grad.item())
    assert grads == pytest.approx([grads[0]] * 3)


def test_pact_learns_where_it_clips():
    module = rounding(PACT(2), [1.0, 3.0])
    out, grads = through(module, [-1.0, 0.6, 2.2, 4.0, 7.0])
    assert out == [0.0, 1.0, 2.0, 3.0, 3.0]
    assert grads == [0.0, 1.0, 1.0, 0.0, 0.0]
    assert module.clip.grad.item() == 2.0


def test_dorefa_clips_at_one():
    out, grads = through(rounding(DoReFaActivation(2), [0.5]), [-1.0, 0.3, 0.6, 2.0])
    assert out == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0])
    assert grads == [0.0, 1.0, 1.0, 0.0]


def test_sign_of_signed_inputs_and_of_those_behind_a_relu():
    out, grads = through(rounding(SignActivation(), [-1.0, 1.0]), [-2.0, -0.5, 0.0, 0.7, 3.0])
    assert (out, grads) == ([-1.0, -1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0, 0.0])
    assert through(rounding(SignActivation(), [0.0, 0.0, 3.0]), [0.9, 1.2])[0] == [-1.0, 1.0]  # around the mean, 1


def test_xnor_scales_a_linear_layer_by_the_mean_input():
    layer = nn.Linear(2, 1)
    layer.weight.data, layer.bias.data = torch.tensor([[2.0, 1.0]]), torch.tensor([10.0])
    rounding(ScaledSignActivation(), [-1.0, 1.0], layer)
    # signs (1, −1): 2 − 1, times the mean (3 + 1)/2, and the bias.
    assert layer(torch.tensor([[3.0, -1.0]])).tolist() == [[12.0]]


def test_xnor_scales_a_convolution_by_what_each_output_looks_at():
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 4, 3, stride=2, padding=1)
    x = torch.randn(2, 3, 9, 9)
    plain = nn.functional.conv2d(x.sign(), layer.weight, None, 2, 1)
    window = nn.functional.conv2d(x.abs().mean(1, keepdim=True), torch.full((1, 1, 3, 3), 1 / 9), None, 2, 1)
    rounding(ScaledSignActivation(), [-1.0, 1.0], layer)
    torch.testing.assert_close(layer(x), plain * window + layer.bias[:, None, None])


ALL = [UniformActivation(4), LSQActivation(3), PACT(4), DoReFaActivation(4), SignActivation(), ScaledSignActivation()]


@pytest.mark.parametrize("quantizer", ALL, ids=lambda quantizer: type(quantizer).__name__)
def test_the_file_holds_how_inputs_are_rounded(quantizer):
    data = Digits().load()
    factory = partial(BatchNormMLP, widths=[16])
    torch.manual_seed(0)
    net = build(factory, data.input_shape, data.classes).eval()
    QuantizeActivations(quantizer, batches=2)(net, Context(data, seed=0))
    assert [entry["layer"] for entry in surgery_of(net)] == ["layers.1"]
    assert input_bits(net.layers[0]) == 32
    assert input_bits(net.layers[1]) == getattr(quantizer, "bits", 1)
    described = net_spec(factory, data.input_shape, data.classes, surgery_of(net))
    decoded = decode(encode(net, {"model": described, "data": "digits", "mean": [0.0], "std": [1.0]}))
    inputs, _ = data.batch(data.val, torch.arange(50))
    assert torch.equal(decoded(inputs), net(inputs))
    assert layer_macs(decoded, data.input_shape) == {"layers.0": 64 * 16, "layers.1": 160}
    seen: list[Tensor] = []
    decoded.layers[1].register_forward_pre_hook(lambda layer, given: seen.append(given[0]))
    decoded(inputs)
    assert len(seen[0].unique()) <= 2 ** getattr(quantizer, "bits", 1)


def test_what_a_second_stage_finds_it_replaces():
    data = Digits().load()
    net = build(partial(BatchNormMLP, widths=[16]), data.input_shape, data.classes).eval()
    for quantizer in (ScaledSignActivation(), LSQActivation(3)):
        QuantizeActivations(quantizer, batches=1, skip=[])(net, Context(data, seed=0))
    assert [entry["edit"] for entry in surgery_of(net)] == ["LearnedStepInput"] * 2
    assert net(data.batch(data.val, torch.arange(5))[0]).isfinite().all()


def test_a_misspelt_layer_is_named_before_training():
    with pytest.raises(ConfigError, match="skip names the layer 'fc3', which is not there; there are: conv1, conv2, fc1, fc2"):
        QuantizeActivations(skip=["fc3"]).check(LeNet5((1, 28, 28), 10))
