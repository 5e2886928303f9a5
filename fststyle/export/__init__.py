"""Export PyTorch modules to ONNX files, and styles to a static web site."""
