"""The forms of video: files, animations, image sequences, raw pipes."""
