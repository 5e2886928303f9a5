"""Style files applied, without torch: pictures, videos, the webcam."""
