// Style transfer by gradient descent on the pixels, as in Gatys et al. 2016: the image is changed step by step until
// it has the content of the photo and the style of the painting, as measured by the loss network. Departure: the
// optimizer is Adam instead of L-BFGS.

import { activations, LAYERS, run } from "./models.js";
import { scaled, tensor } from "./pictures.js";

const RATE = 0.04, FIRST = 0.9, SECOND = 0.99;
/** Longer side of the painting, relative to that of the image. */
const PAINTING = 1.5;

export class Descent {
  #inputs;
  #moment;
  #square;
  #url;
  /** The current image: a tensor (1, 3, H, W) in [-1, 1]. */
  picture;
  step = 0;

  /**
   * Return a descent at step 0. `photo` and `painting` are canvases or images, and `contents` and `styles` the weights
   * of the four layers. If `noise` is true, the image is initialized with noise instead of the photo. `side` is the
   * longer side of the image in pixels. Throws an Error if all weights are 0.
   */
  static async start({ photo, painting, contents, styles, noise, side }) {
    const used = LAYERS.map((_, index) => contents[index] > 0 || styles[index] > 0);
    const last = used.lastIndexOf(true);
    if (last < 0) throw new Error("Choose at least one layer.");
    const wanted = tensor(scaled(photo, side));
    const [content, style] = await Promise.all([
      activations(wanted, last),
      activations(tensor(scaled(painting, Math.round(side * PAINTING))), last),
    ]);
    const made = new Descent();
    made.#url = `/learn/gradient-${last + 1}.onnx`;
    const weights = (values) => ({ dims: [last + 1], data: Float32Array.from(values.slice(0, last + 1)) });
    made.#inputs = { content_weights: weights(contents), style_weights: weights(styles) };
    for (const layer of LAYERS.slice(0, last + 1)) {
      made.#inputs[`content_${layer}`] = content[layer];
      made.#inputs[`style_${layer}`] = style[`gram_${layer}`];
    }
    const data = noise ? wanted.data.map(() => Math.random() - 0.5) : wanted.data;
    made.picture = { dims: wanted.dims, data };
    made.#moment = new Float32Array(data.length);
    made.#square = new Float32Array(data.length);
    return made;
  }

  /** Change the weights. Layers after the last one that had a weight at the start are ignored. */
  weigh(contents, styles) {
    const count = this.#inputs.content_weights.dims[0];
    this.#inputs.content_weights.data = Float32Array.from(contents.slice(0, count));
    this.#inputs.style_weights.data = Float32Array.from(styles.slice(0, count));
  }

  /** Run one step of Adam (Kingma and Ba 2015). Returns the weighted losses before the step, { content, style }. */
  async next() {
    const found = await run(this.#url, { ...this.#inputs, picture: this.picture });
    const gradient = found.gradient.data, { data } = this.picture;
    this.step++;
    const first = 1 - FIRST ** this.step, second = 1 - SECOND ** this.step;
    for (let i = 0; i < data.length; i++) {
      this.#moment[i] = FIRST * this.#moment[i] + (1 - FIRST) * gradient[i];
      this.#square[i] = SECOND * this.#square[i] + (1 - SECOND) * gradient[i] ** 2;
      const change = (this.#moment[i] / first) / (Math.sqrt(this.#square[i] / second) + 1e-8);
      data[i] = Math.min(1, Math.max(-1, data[i] - RATE * change));
    }
    const sum = (kind) => {
      const weights = this.#inputs[`${kind}_weights`].data;
      return found[`${kind}_losses`].data.reduce((total, loss, index) => total + loss * weights[index], 0);
    };
    return { content: sum("content"), style: sum("style") };
  }
}
