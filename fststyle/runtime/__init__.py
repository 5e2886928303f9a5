"""The runtime: stylizes images, videos and the webcam with ONNX files, without PyTorch."""
