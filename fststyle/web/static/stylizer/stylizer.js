// Styles as a function of images, in a worker, so that the page stays responsive.
//
//     const stylizer = new Stylizer();
//     await stylizer.open();                                          // { backend, threads }
//     await stylizer.use([{ style: { url: "starry.onnx" }, share: 1 }], 1);
//     const painted = await stylizer.paint(imageData);                // ImageData of the same size

import { Calls } from "./calls.js";

/** Smallest side of a picture, in pixels. */
export const SMALLEST = 16;

export class Stylizer {
  #calls = null;
  /** Milliseconds that the last image took. */
  milliseconds = 0;

  /** Start the worker and ONNX Runtime; see `loadRuntime` in engine.js for the options. */
  open(options = {}) {
    this.close();
    this.#calls = new Calls(new URL("./worker.js", import.meta.url));
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

  /**
   * Stylize an ImageData. Its buffer is transferred and empty afterwards. `stream`: it is the next frame of a
   * stream, and parts that do not change do not flicker.
   */
  async paint(image, { stream = false } = {}) {
    const { width, height, data } = image;
    if (Math.min(width, height) < SMALLEST) throw new Error(`an image has at least ${SMALLEST}x${SMALLEST} pixels`);
    const values = { rgba: data.buffer, width, height, stream };
    const { rgba, milliseconds } = await this.#call("paint", values, [data.buffer]);
    this.milliseconds = milliseconds;
    return new ImageData(new Uint8ClampedArray(rgba), width, height);
  }

  /** End the worker. Calls that wait for it fail. */
  close() {
    this.#calls?.close();
    this.#calls = null;
  }

  #call(...values) {
    return this.#calls?.call(...values) ?? Promise.reject(new Error("the stylizer is not open"));
  }
}
