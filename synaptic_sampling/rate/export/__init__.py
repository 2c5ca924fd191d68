"""Networks as plain arrays, as SciPy matrices and as ONNX."""
