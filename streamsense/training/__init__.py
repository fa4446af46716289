"""Networks, their training on real recordings, and their export; needs the extra `train` (torch and onnx)."""
