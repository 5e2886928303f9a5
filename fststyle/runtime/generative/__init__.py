"""Classifiers and image generators as ONNX files, run without torch."""
