// Stylizes images in a worker, so that the page stays responsive.
//
//     const stylizer = new Stylizer();
//     await stylizer.open();                                          // { backend, threads }
//     await stylizer.use([{ style: { url: "starry.onnx" }, share: 1 }], 1);
//     const painted = await stylizer.paint(imageData);                // ImageData of the same size

import { Calls } from "./calls.js";

/** Minimum side of an image in pixels. */
export const SMALLEST = 16;

export class Stylizer {
  #calls = null;
  /** Time in milliseconds that the last image took. */
  milliseconds = 0;

  /** Start the worker and ONNX Runtime. Returns { backend, threads }. The options are those of `loadRuntime`. */
  open(options = {}) {
    this.close();
    this.#calls = new Calls(new URL("./worker.js", import.meta.url));
    return this.#call("open", options);
  }

  /**
   * Change the style. `parts` is [{ style, share }], where the shares sum to 1, and `strength` is 0 to 2. A style is
   * { url, int8, base }; `int8` and `base` may be absent.
   *
   * Returns { method, precision }. The method is "one" (one style at strength 1), "weights" (interpolated weights, as
   * `fststyle image` does) or "pictures" (blended images, for different networks or styles without a base network). The
   * precision is "float" or "int8".
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
   * Stylize an ImageData. Its buffer is transferred to the worker and is empty afterwards. If `stream` is true, the
   * image is the next frame of a stream, and flicker is suppressed. Throws an Error for an image that is too small.
   */
  async paint(image, { stream = false } = {}) {
    const { width, height, data } = image;
    if (Math.min(width, height) < SMALLEST) throw new Error(`the image needs at least ${SMALLEST}x${SMALLEST} pixels`);
    const values = { rgba: data.buffer, width, height, stream };
    const { rgba, milliseconds } = await this.#call("paint", values, [data.buffer]);
    this.milliseconds = milliseconds;
    return new ImageData(new Uint8ClampedArray(rgba), width, height);
  }

  /** Terminate the worker. Pending calls are rejected. */
  close() {
    this.#calls?.close();
    this.#calls = null;
  }

  #call(...values) {
    return this.#calls?.call(...values) ?? Promise.reject(new Error("the stylizer is not open"));
  }
}
