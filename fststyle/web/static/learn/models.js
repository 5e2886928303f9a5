// Runs the models of the lessons in a worker.

import { Calls } from "../stylizer/calls.js";

const calls = new Calls(new URL("./worker.js", import.meta.url));

/**
 * Run the model at `url`. `inputs` is an object of { type, dims, data } by name, where the default type is "float32".
 * Returns an object of { dims, data } by name, with the named `outputs`, or with all outputs for null.
 */
export function run(url, inputs, outputs = null) {
  return calls.call("run", { url: new URL(url, document.baseURI).href, inputs, outputs });
}

/** The layers of the loss network that the lessons show, in order. */
export const LAYERS = ["relu1_2", "relu2_2", "relu3_3", "relu4_3"];

/** Compute activations and Gram matrices of an image (a tensor, see pictures.js) for the layers 0 to `last`. */
export function activations(picture, last) {
  return run(`/learn/activations-${last + 1}.onnx`, { picture });
}
