"""Files in and out: images, folders, data sets."""
