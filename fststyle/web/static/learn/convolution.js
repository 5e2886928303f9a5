// Lesson 2: a convolution with a 3x3 kernel.

import { $, $$ } from "../app/common.js";
import { scaled } from "./pictures.js";

const KERNELS = {
  "vertical edges": [-1, 0, 1, -2, 0, 2, -1, 0, 1],
  "horizontal edges": [-1, -2, -1, 0, 0, 0, 1, 2, 1],
  "all edges": [-1, -1, -1, -1, 8, -1, -1, -1, -1],
  soften: [0.11, 0.11, 0.11, 0.11, 0.11, 0.11, 0.11, 0.11, 0.11],
  "no change": [0, 0, 0, 0, 1, 0, 0, 0, 0],
};

export function convolutionLesson(root, { photo }) {
  const canvas = $("canvas", root), table = $("tbody", root);
  let source = null;

  for (let row = 0; row < 3; row++) {
    const line = table.insertRow();
    for (let column = 0; column < 3; column++) {
      const input = document.createElement("input");
      Object.assign(input, { type: "number", step: "any", ariaLabel: `Row ${row + 1}, column ${column + 1}` });
      line.insertCell().append(input);
    }
  }
  const inputs = $$("input", table);
  table.addEventListener("input", show);
  for (const [name, values] of Object.entries(KERNELS)) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
    button.addEventListener("click", () => {
      take(values);
      show();
    });
    $(".kernels", root).append(button);
  }
  const take = (values) => inputs.forEach((input, index) => (input.value = values[index]));

  function show() {
    if (!source) return;
    const { width, height } = source;
    const { data } = source.getContext("2d").getImageData(0, 0, width, height);
    const gray = new Float32Array(width * height);
    for (let i = 0; i < gray.length; i++) gray[i] = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
    const kernel = inputs.map(({ value }) => Number(value) || 0);
    const image = new ImageData(width, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let k = 0; k < 9; k++) {
          const row = Math.min(height - 1, Math.max(0, y + Math.floor(k / 3) - 1));
          const column = Math.min(width - 1, Math.max(0, x + (k % 3) - 1));
          sum += kernel[k] * gray[row * width + column];
        }
        image.data.fill(Math.abs(sum), 4 * (y * width + x), 4 * (y * width + x) + 3);
        image.data[4 * (y * width + x) + 3] = 255;
      }
    }
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  take(KERNELS["vertical edges"]);
  return {
    root,
    refresh() {
      source = scaled(photo, 320);
      show();
    },
  };
}
