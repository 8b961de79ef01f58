"""Pure functions on tensors and arrays: selection, clustering, uniform quantization, entropy."""
