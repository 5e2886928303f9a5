// The camera as a source of frames.

const REASONS = {
  NotAllowedError:
    "The camera is blocked for this page. Allow it in the address bar or in the settings of the browser, then try again.",
  NotFoundError: "No camera was found. Connect one, or open a picture.",
  NotReadableError: "The camera is in use by another program. Close it, then try again.",
  OverconstrainedError: "The camera does not offer a usable image size.",
};

/** The stream of a camera. Throws the DOMException of the browser, or an Error where the page may have no camera. */
export async function openCamera(video) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("browsers give the camera only to pages on https:// or on this machine (localhost)");
  }
  return navigator.mediaDevices.getUserMedia({ video, audio: false });
}

/** Why the camera cannot be used, for the user. */
export function cameraReason(error) {
  return REASONS[error.name] ?? `The camera cannot be used: ${error.message || error.name}.`;
}

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

  /** Whether there is more than one camera. Known after the first start. */
  async several() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter(({ kind }) => kind === "videoinput").length > 1;
  }

  /** Ask for the camera and wait for its first frame. Throws the DOMException of the browser. */
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

  /** Resolves when there is a frame that was not given yet, or when the camera is stopped. */
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
