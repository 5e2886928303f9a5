"""Stylize a camera in your own loop: OpenCV reads the frames, fststyle stylizes them.

    python examples/own_loop.py 0                  # the first camera
    python examples/own_loop.py clip.mp4 out.mp4   # a video, into a file, without a window

Space changes the style, q quits.
"""

import itertools
import sys

import cv2

import fststyle


def main(source: str, target: str | None = None) -> None:
    names = itertools.cycle(entry.name for entry in fststyle.styles() if entry.network == "live")
    stylizer = fststyle.Stylizer(next(names), strength=1.0, steady=True)
    camera = cv2.VideoCapture(int(source) if source.isdigit() else source)
    if not camera.isOpened():
        sys.exit(f"{source}: cannot be opened")
    writer = None
    while True:
        there, bgr = camera.read()
        if not there:
            break
        # OpenCV uses BGR, fststyle RGB.
        painted = cv2.cvtColor(stylizer(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)), cv2.COLOR_RGB2BGR)
        if target:
            if writer is None:
                height, width = painted.shape[:2]
                writer = cv2.VideoWriter(
                    target,
                    cv2.VideoWriter_fourcc(*"mp4v"),
                    camera.get(cv2.CAP_PROP_FPS) or 30,
                    (width, height),
                )
            writer.write(painted)
            continue
        cv2.imshow("painted", painted)
        key = cv2.waitKey(1) & 0xFF
        if key == ord("q"):
            break
        if key == ord(" "):
            stylizer.change(next(names))
    if writer is not None:
        writer.release()
    camera.release()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:3])
