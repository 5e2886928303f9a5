// Models of the lessons, computed in a worker.

import { Calls } from "../stylizer/calls.js";

const calls = new Calls(new URL("./worker.js", import.meta.url));

/** Run the model at `url`: objects of { type, dims, data } by name, in and out. */
export function run(url, inputs, outputs = null) {
  return calls.call("run", { url: new URL(url, document.baseURI).href, inputs, outputs });
}

/** The layers of the loss network that the lessons show, early ones first. */
export const LAYERS = ["relu1_2", "relu2_2", "relu3_3", "relu4_3"];

/** Activations and Gram matrices of a picture (float RGB, see pictures.js), of layers 0 to `last`. */
export function activations(picture, last) {
  return run(`/learn/activations-${last + 1}.onnx`, { picture });
}
