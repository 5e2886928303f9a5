"""The webcam filter."""
