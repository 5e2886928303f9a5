"""The webcam filter: camera, window, controls and outputs."""
