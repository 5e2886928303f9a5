"""The webcam filter (`fststyle webcam`): camera, window, controls and outputs."""
