"""Run classifiers and image generators from ONNX files, without PyTorch."""
