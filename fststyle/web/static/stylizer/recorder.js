// Records a canvas to a video file, in the browser.

// In order of preference: MP4 plays in more programs, and WebM is for browsers that cannot write MP4.
const TYPES = ["video/mp4;codecs=avc1.42E01F", "video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];

/** Return the first type that this browser can write, or undefined (WebKitGTK without the encoders of GStreamer). */
const supportedType = () => TYPES.find((one) => MediaRecorder.isTypeSupported(one));

export class Recorder {
  #recorder = null;
  #parts = [];
  #started = 0;

  /** Whether this browser can record a canvas. */
  static get available() {
    return typeof MediaRecorder === "function" && "captureStream" in HTMLCanvasElement.prototype && supportedType() !== undefined;
  }

  get on() {
    return this.#recorder !== null;
  }

  get seconds() {
    return (performance.now() - this.#started) / 1000;
  }

  /** Start to record `canvas`. Its size must not change until `stop`. */
  start(canvas) {
    const bits = Math.max(2_500_000, canvas.width * canvas.height * 8);
    this.#parts = [];
    this.#recorder = new MediaRecorder(canvas.captureStream(), { mimeType: supportedType(), videoBitsPerSecond: bits });
    this.#recorder.addEventListener("dataavailable", ({ data }) => data.size && this.#parts.push(data));
    this.#recorder.start(1000);
    this.#started = performance.now();
  }

  /** Stop recording. Returns { blob, extension }, with the extension "mp4" or "webm". */
  async stop() {
    const recorder = this.#recorder;
    this.#recorder = null;
    const ended = new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
    recorder.stop();
    await ended;
    for (const track of recorder.stream.getTracks()) track.stop();
    const type = recorder.mimeType.split(";")[0] || "video/webm";
    return { blob: new Blob(this.#parts, { type }), extension: type === "video/mp4" ? "mp4" : "webm" };
  }
}
