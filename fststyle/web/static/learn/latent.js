// Lesson 8: the latent spaces of a GAN and a VAE, and drawn digits.

import { $ } from "../app/common.js";
import { run } from "./models.js";

const ACROSS = 12, DOWN = 8;
const DIGIT = 28;

const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
const vector = (size) => Float32Array.from({ length: size }, normal);
const model = (name) => `/learn/models/${name}.onnx`;

/** Return a function that runs `work`. Calls during a run cause only one more run after it. */
function latest(work) {
  let busy = false, again = false;
  return async () => {
    again = true;
    if (busy) return;
    busy = true;
    try {
      while (again) {
        again = false;
        await work();
      }
    } finally {
      busy = false;
    }
  };
}

/** Draw a square image, RGB bytes with a side of `side` pixels, into a canvas at (x, y). */
function put(canvas, data, side, x = 0, y = 0) {
  const image = new ImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    image.data.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, x, y);
}

/**
 * A torus in the latent space: (A cos a + B sin a + C cos b + D sin b) / sqrt(2), where A, B, C and D are samples of
 * N(0, 1). Each of its points is then also distributed as N(0, 1), like the latent vectors in training.
 */
class Torus {
  constructor(size) {
    this.size = size;
    this.axes = [vector(size), vector(size), vector(size), vector(size)];
  }

  at(u, v) {
    const a = 2 * Math.PI * u, b = 2 * Math.PI * v;
    const parts = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
    return Float32Array.from({ length: this.size }, (_, index) =>
      this.axes.reduce((sum, axis, part) => sum + parts[part] * axis[index], 0) / Math.SQRT2);
  }
}

export function latentLesson(root, { guarded }) {
  const map = $('[data-canvas="map"]', root), place = $('[data-canvas="place"]', root);
  const select = $("[name=generator]", root), output = $('[data-value="place"]', root);
  let torus = null, u = 0.5, v = 0.5, turn = 0;

  const chosen = () => {
    const { size, side } = select.selectedOptions[0].dataset;
    return { name: select.value, size: Number(size), side: Number(side) };
  };

  async function pictures(latents, { name, size }) {
    const data = new Float32Array(latents.length * size);
    latents.forEach((latent, index) => data.set(latent, index * size));
    return (await run(model(name), { latent: { dims: [latents.length, size], data } })).picture.data;
  }

  async function another() {
    const kind = chosen(), mine = ++turn;
    torus = new Torus(kind.size);
    const latents = [];
    for (let y = 0; y < DOWN; y++) {
      for (let x = 0; x < ACROSS; x++) latents.push(torus.at((x + 0.5) / ACROSS, (y + 0.5) / DOWN));
    }
    const found = await pictures(latents, kind);
    if (mine !== turn) return;
    map.width = ACROSS * kind.side;
    map.height = DOWN * kind.side;
    const each = 3 * kind.side ** 2;
    for (let i = 0; i < latents.length; i++) {
      const [x, y] = [(i % ACROSS) * kind.side, Math.floor(i / ACROSS) * kind.side];
      put(map, found.subarray(i * each, (i + 1) * each), kind.side, x, y);
    }
    await walk();
  }

  /** Show the image at the current place. While an image is computed, only the latest place waits. */
  const walk = latest(async () => {
    const kind = chosen();
    if (torus?.size !== kind.size) return;
    const found = await pictures([torus.at(u, v)], kind);
    place.width = place.height = kind.side;
    put(place, found, kind.side);
    output.textContent = `The image at ${(100 * u).toFixed(0)} across, ${(100 * v).toFixed(0)} down`;
  });

  map.addEventListener("pointermove", guarded(async (event) => {
    const area = map.getBoundingClientRect();
    u = (event.clientX - area.left) / area.width;
    v = (event.clientY - area.top) / area.height;
    await walk();
  }));
  map.addEventListener("keydown", guarded(async (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!move) return;
    event.preventDefault();
    u = (u + move[0] / 48 + 1) % 1;
    v = (v + move[1] / 32 + 1) % 1;
    await walk();
  }));
  select.addEventListener("change", guarded(another));
  $('[data-do="map"]', root).addEventListener("click", guarded(another));
  const drawing = digitLesson(root, guarded);
  return {
    root,
    async refresh() {
      if (!torus) await another();
      await drawing();
    },
  };
}

/** The user draws a digit; the VAE encodes and decodes it, and the classifier reads it. */
function digitLesson(root, guarded) {
  const canvas = $('[data-canvas="drawing"]', root), decoded = $('[data-canvas="decoded"]', root);
  const bars = $('[data-canvas="numbers"]', root), output = $('[data-value="read"]', root);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let last = null;

  function clear() {
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
  }

  /** Return the drawing like a digit of MNIST: the longer side is 20 of 28 pixels, the center of mass is centered. */
  function digit() {
    const { width, height } = canvas, { data } = context.getImageData(0, 0, width, height);
    let left = width, right = 0, top = height, bottom = 0, mass = 0, sumX = 0, sumY = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const ink = data[4 * (y * width + x)];
        if (ink < 64) continue;
        left = Math.min(left, x);
        right = Math.max(right, x);
        top = Math.min(top, y);
        bottom = Math.max(bottom, y);
        mass += ink;
        sumX += ink * x;
        sumY += ink * y;
      }
    }
    const small = document.createElement("canvas");
    small.width = small.height = DIGIT;
    const target = small.getContext("2d", { willReadFrequently: true });
    target.fillRect(0, 0, DIGIT, DIGIT);
    if (mass) {
      const scale = 20 / Math.max(right - left, bottom - top, 1);
      target.imageSmoothingQuality = "high";
      target.setTransform(scale, 0, 0, scale, DIGIT / 2 - (sumX / mass) * scale, DIGIT / 2 - (sumY / mass) * scale);
      target.drawImage(canvas, 0, 0);
    }
    const pixels = target.getImageData(0, 0, DIGIT, DIGIT).data;
    return { empty: !mass, frame: Uint8Array.from({ length: DIGIT * DIGIT * 3 }, (_, i) => pixels[4 * Math.floor(i / 3) + (i % 3)]) };
  }

  const show = latest(async () => {
    const { empty, frame } = digit();
    const input = { frame: { type: "uint8", dims: [1, DIGIT, DIGIT, 3], data: frame } };
    const { latent } = await run(model("mnist-vae-encoder"), input, ["latent"]);
    const { picture } = await run(model("mnist-vae"), { latent });
    const { logits } = await run(model("mnist-classifier"), input, ["logits"]);
    decoded.width = decoded.height = DIGIT;
    put(decoded, picture.data, DIGIT);
    drawBars(latent.data);
    const powers = Array.from(logits.data, Math.exp), sum = powers.reduce((a, b) => a + b);
    const best = powers.indexOf(Math.max(...powers));
    output.textContent = empty
      ? "What it draws again"
      : `What it draws again. Another network reads your digit as ${best} (${((100 * powers[best]) / sum).toFixed(0)} %).`;
  });

  /** Draw bars, upward for positive and downward for negative values, clamped to -3..3. */
  function drawBars(values) {
    const { width, height } = bars, target = bars.getContext("2d"), colors = getComputedStyle(root);
    target.clearRect(0, 0, width, height);
    values.forEach((value, index) => {
      const size = (Math.min(3, Math.abs(value)) / 3) * (height / 2), each = width / values.length;
      target.fillStyle = colors.getPropertyValue(value < 0 ? "--gold" : "--accent");
      target.fillRect(index * each + 1, value < 0 ? height / 2 : height / 2 - size, each - 2, size);
    });
    target.fillStyle = colors.getPropertyValue("--muted");
    target.fillRect(0, height / 2, width, 1);
  }

  const at = (event) => {
    const area = canvas.getBoundingClientRect();
    return [((event.clientX - area.left) / area.width) * canvas.width, ((event.clientY - area.top) / area.height) * canvas.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = at(event);
  });
  canvas.addEventListener("pointermove", guarded(async (event) => {
    if (!last) return;
    const next = at(event);
    context.strokeStyle = "#fff";
    context.lineWidth = 22;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...last);
    context.lineTo(...next);
    context.stroke();
    last = next;
    await show();
  }));
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (last = null));
  $('[data-do="clear"]', root).addEventListener("click", guarded(() => {
    clear();
    return show();
  }));
  clear();
  return show;
}
