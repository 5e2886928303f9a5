"""Reading and writing of images, animations, folders and datasets."""
