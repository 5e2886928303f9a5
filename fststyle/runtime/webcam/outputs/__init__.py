"""Outputs of the webcam filter beside its window."""
