// Images as canvases and as tensors.

/** Return a canvas with an image, scaled to a longer side of about `side` pixels. Both sides are multiples of 8. */
export function scaled(source, side) {
  const width = source.naturalWidth || source.videoWidth || source.width;
  const height = source.naturalHeight || source.videoHeight || source.height;
  const scale = side / Math.max(width, height);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(16, 8 * Math.round((width * scale) / 8));
  canvas.height = Math.max(16, 8 * Math.round((height * scale) / 8));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Convert a canvas to a tensor (1, 3, H, W), RGB in [-1, 1]. */
export function tensor(canvas) {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const plane = width * height, values = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) values[c * plane + i] = data[4 * i + c] / 127.5 - 1;
  }
  return { dims: [1, 3, height, width], data: values };
}

/** Draw a tensor (1, 3, H, W), RGB in [-1, 1], into a canvas. */
export function draw(canvas, { dims: [, , height, width], data }) {
  const plane = width * height, image = new ImageData(width, height);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = (data[c * plane + i] + 1) * 127.5;
    image.data[4 * i + 3] = 255;
  }
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Draw values (height x width) in gray: the smallest is black, and the largest is white. */
export function drawGray(canvas, values, width, height) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const image = new ImageData(width, height), scale = high > low ? 255 / (high - low) : 0;
  for (let i = 0; i < values.length; i++) {
    image.data.fill((values[i] - low) * scale, 4 * i, 4 * i + 3);
    image.data[4 * i + 3] = 255;
  }
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Return a canvas with the tiles of another canvas in random order. `tile` is the side of a tile in pixels. */
export function shuffled(source, tile = 24) {
  const width = Math.floor(source.width / tile), height = Math.floor(source.height / tile);
  const canvas = document.createElement("canvas");
  canvas.width = width * tile;
  canvas.height = height * tile;
  const order = [...Array(width * height).keys()];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  const context = canvas.getContext("2d", { willReadFrequently: true });
  for (const [to, from] of order.entries()) {
    const place = (index) => [(index % width) * tile, Math.floor(index / width) * tile];
    context.drawImage(source, ...place(from), tile, tile, ...place(to), tile, tile);
  }
  return canvas;
}

/** Wait until an img element is loaded, and return it. */
export async function loaded(image) {
  if (!image.complete || !image.naturalWidth) await image.decode();
  return image;
}
