"""Input and output of images, folders and data sets."""
