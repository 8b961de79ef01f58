"""What criteria and quantizers want to know about a net on its training data."""
