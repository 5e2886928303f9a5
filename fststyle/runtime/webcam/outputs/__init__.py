"""Outputs of the webcam filter: recording, streams, virtual cameras, NDI, Spout, Syphon."""
