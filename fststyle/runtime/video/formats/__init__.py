"""Video formats: files, animations, image sequences, raw frames in pipes."""
