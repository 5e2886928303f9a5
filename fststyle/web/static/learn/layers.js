// Lessons 3 and 5: activations of the loss network, and Gram matrices.

import { $, $$ } from "../app/common.js";
import { activations, LAYERS } from "./models.js";
import { drawGray, scaled, shuffled, tensor } from "./pictures.js";

const SIDE = 192;
/** Number of channels that are shown. */
const SHOWN = 12;
/** Number of rows and columns of a Gram matrix that are shown. */
const CORNER = 64;

export function activationLesson(root, { photo, guarded }) {
  let turn = 0;

  async function show() {
    const mine = ++turn, layer = Number($("[name=layer]:checked", root).value);
    root.setAttribute("aria-busy", "true");
    try {
      const found = await activations(tensor(scaled(photo, SIDE)), layer);
      if (mine === turn) draw(found[LAYERS[layer]]);
    } finally {
      if (mine === turn) root.removeAttribute("aria-busy");
    }
  }

  function draw({ dims: [, channels, height, width], data }) {
    const plane = height * width;
    const energy = (index) => {
      let sum = 0, squares = 0;
      for (let i = index * plane; i < (index + 1) * plane; i++) {
        sum += data[i];
        squares += data[i] ** 2;
      }
      return squares / plane - (sum / plane) ** 2;
    };
    const order = [...Array(channels).keys()].map((index) => [energy(index), index]).sort((a, b) => b[0] - a[0]);
    $('[data-value="layer"]', root).textContent =
      `This layer gives ${channels} answers at each of ${width} by ${height} places. The ${SHOWN} strongest:`;
    $(".activations", root).replaceChildren(
      ...order.slice(0, SHOWN).map(([, index]) => {
        const canvas = document.createElement("canvas");
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `Answer ${index + 1} of ${channels}`);
        drawGray(canvas, data.subarray(index * plane, (index + 1) * plane), width, height);
        return canvas;
      }),
    );
  }

  for (const radio of $$("[name=layer]", root)) radio.addEventListener("change", guarded(show));
  return { root, refresh: show };
}

export function gramLesson(root, { photo, painting, guarded }) {
  let turn = 0, mixed = null;

  async function show() {
    const mine = ++turn, layer = Number($("[name=gram-layer]", root).value);
    const sources = { photo: scaled(photo, SIDE), painting: scaled(painting, SIDE) };
    sources.shuffled = mixed ??= shuffled(sources.painting);
    const grams = {};
    root.setAttribute("aria-busy", "true");
    try {
      for (const [name, source] of Object.entries(sources)) {
        const canvas = $(`[data-source="${name}"]`, root);
        canvas.width = source.width;
        canvas.height = source.height;
        canvas.getContext("2d").drawImage(source, 0, 0);
        grams[name] = (await activations(tensor(source), layer))[`gram_${LAYERS[layer]}`];
        if (mine !== turn) return;
        draw($(`[data-gram="${name}"]`, root), grams[name]);
      }
    } finally {
      if (mine === turn) root.removeAttribute("aria-busy");
    }
    const percent = (name) => `${(100 * distance(grams[name], grams.painting)).toFixed(0)} %`;
    $('[data-value="distances"]', root).textContent =
      `From the Gram matrix of the painting, that of the photo differs by ${percent("photo")}, that of the shuffled` +
      ` painting by ${percent("shuffled")}.`;
  }

  /** Return the norm of the difference of two tensors, relative to the norm of the second. */
  function distance(one, other) {
    let difference = 0, size = 0;
    for (let i = 0; i < one.data.length; i++) {
      difference += (one.data[i] - other.data[i]) ** 2;
      size += other.data[i] ** 2;
    }
    return Math.sqrt(difference / size);
  }

  function draw(canvas, { dims: [channels], data }) {
    const side = Math.min(CORNER, channels), values = new Float32Array(side * side);
    // Logarithmic, since the values span several powers of ten.
    for (let i = 0; i < side; i++) {
      for (let j = 0; j < side; j++) values[i * side + j] = Math.log1p(Math.max(0, data[i * channels + j]));
    }
    drawGray(canvas, values, side, side);
  }

  $("[name=gram-layer]", root).addEventListener("change", guarded(show));
  $('[data-do="shuffle"]', root).addEventListener("click", guarded(() => {
    mixed = null;
    return show();
  }));
  return {
    root,
    refresh() {
      mixed = null;
      return show();
    },
  };
}
