"""Training on painted frames of a shot (`fststyle keyframe train`)."""
