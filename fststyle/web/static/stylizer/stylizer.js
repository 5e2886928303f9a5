// Styles as a function of pictures, in a worker, so that the page stays responsive.
//
//     const stylizer = new Stylizer();
//     await stylizer.open();                                          // { backend, threads }
//     await stylizer.use([{ style: { url: "starry.onnx" }, share: 1 }], 1);
//     const painted = await stylizer.paint(imageData);                // ImageData of the same size

/** Smallest side of a picture, in pixels. */
export const SMALLEST = 16;

export class Stylizer {
  #worker = null;
  #waiting = new Map();
  #calls = 0;
  /** Milliseconds that the last picture took. */
  milliseconds = 0;

  /** Start the worker and ONNX Runtime; see `loadRuntime` in engine.js for the options. */
  open(options = {}) {
    this.close();
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.#worker.addEventListener("message", ({ data }) => this.#settle(data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#fail(event.message || "the worker cannot be loaded");
    });
    return this.#call("open", options);
  }

  /**
   * Change the style: `parts` is [{ style, share }] with shares of sum 1, `strength` 0 to 2. A style is
   * { url, int8, base }, of which the last two may be absent. Returns { method, precision }; the method is
   * "one", "weights" (interpolated weights, as `fststyle` mixes) or "pictures" (blended results, for styles of
   * different networks or without a base).
   */
  use(parts, strength = 1) {
    const whole = (url) => (url ? new URL(url, document.baseURI).href : null);
    const complete = parts.map(({ style, share }) => ({
      share,
      style: { url: whole(style.url), int8: whole(style.int8), base: whole(style.base) },
    }));
    return this.#call("use", { parts: complete, strength });
  }

  /** Stylize an ImageData. Its buffer is transferred and empty afterwards. */
  async paint(image) {
    const { width, height, data } = image;
    if (Math.min(width, height) < SMALLEST) throw new Error(`a picture has at least ${SMALLEST}x${SMALLEST} pixels`);
    const values = { rgba: data.buffer, width, height };
    const { rgba, milliseconds } = await this.#call("paint", values, [data.buffer]);
    this.milliseconds = milliseconds;
    return new ImageData(new Uint8ClampedArray(rgba), width, height);
  }

  /** End the worker. Calls that wait for it fail. */
  close() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#fail("the stylizer was closed");
  }

  #call(name, values, transferred = []) {
    if (!this.#worker) return Promise.reject(new Error("the stylizer is not open"));
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, name, values }, transferred);
    });
  }

  #settle({ id, result, error }) {
    const { resolve, reject } = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  }

  #fail(message) {
    for (const { reject } of this.#waiting.values()) reject(new Error(message));
    this.#waiting.clear();
  }
}
