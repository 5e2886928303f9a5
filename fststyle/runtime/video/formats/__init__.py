"""Video formats: video files, animated images, image sequences, and raw frames in pipes."""
