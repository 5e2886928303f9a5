// The camera as a source of frames.

const REASONS = {
  NotAllowedError:
    "The camera is blocked for this page. Allow it in the address bar or in the settings of the browser, then try again.",
  NotFoundError: "No camera was found. Connect one, or open an image.",
  NotReadableError: "The camera is in use by another program. Close it, then try again.",
  OverconstrainedError: "No camera offers a usable image size.",
};

/**
 * Return the stream of a camera. `video` are constraints as in `getUserMedia`. Throws the DOMException of the browser,
 * or an Error if the page is not allowed to use cameras.
 */
export async function openCamera(video) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("browsers allow the camera only on pages from https:// or from this machine (localhost)");
  }
  return navigator.mediaDevices.getUserMedia({ video, audio: false });
}

/** Return a message for the user about an error of `openCamera`. */
export function cameraReason(error) {
  return REASONS[error.name] ?? `The camera cannot be used: ${error.message || error.name}.`;
}

/** A camera as a source of frames in the element `video`. */
export class Camera {
  #stream = null;
  #fresh = false;
  #notify = null;
  #onEnded;

  /** `onEnded` is called if the camera is disconnected. */
  constructor(onEnded = () => {}) {
    this.#onEnded = onEnded;
    this.video = document.createElement("video");
    this.video.muted = true;
    this.video.playsInline = true;
    this.facing = "user";
  }

  get on() {
    return this.#stream !== null;
  }

  /** Return whether there is more than one camera. The answer is reliable only after the first start. */
  async several() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter(({ kind }) => kind === "videoinput").length > 1;
  }

  /** Ask for the camera and wait for its first frame. Throws the errors of `openCamera`. */
  async start() {
    this.stop();
    this.#stream = await openCamera({ facingMode: this.facing, width: { ideal: 1280 }, height: { ideal: 720 } });
    this.#stream.getVideoTracks()[0].addEventListener("ended", () => this.#onEnded());
    this.video.srcObject = this.#stream;
    await this.video.play();
    this.#watch();
  }

  stop() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.video.srcObject = null;
    this.#notify?.();
  }

  /** Wait for a frame that is newer than that of the previous call, or until the camera is stopped. */
  async next() {
    if (!this.#fresh && this.on) await new Promise((resolve) => (this.#notify = resolve));
    this.#fresh = false;
  }

  #watch() {
    const stream = this.#stream;
    const again = () => {
      if (stream !== this.#stream) return;
      this.#fresh = true;
      this.#notify?.();
      this.#notify = null;
      if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(again);
      else requestAnimationFrame(again);
    };
    again();
  }
}
