// Conversions between the pixels of canvases (RGBA) and those of networks (RGB).

/** Convert RGBA bytes to RGB bytes. Transparent pixels are composited on white. */
export function toRgb(rgba) {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    const alpha = rgba[from + 3];
    if (alpha === 255) {
      rgb[to] = rgba[from];
      rgb[to + 1] = rgba[from + 1];
      rgb[to + 2] = rgba[from + 2];
    } else {
      for (let i = 0; i < 3; i++) rgb[to + i] = Math.round(255 + ((rgba[from + i] - 255) * alpha) / 255);
    }
  }
  return rgb;
}

/** Convert RGB bytes to opaque RGBA bytes. */
export function toRgba(rgb) {
  const rgba = new Uint8ClampedArray((rgb.length / 3) * 4);
  for (let from = 0, to = 0; to < rgba.length; from += 3, to += 4) {
    rgba[to] = rgb[from];
    rgba[to + 1] = rgb[from + 1];
    rgba[to + 2] = rgb[from + 2];
    rgba[to + 3] = 255;
  }
  return rgba;
}

/** Return the sum of factor * data over `parts`, [{ data, factor }], rounded and clamped to 0-255. */
export function blended(parts) {
  const sum = new Float32Array(parts[0].data.length);
  for (const { data, factor } of parts) {
    if (factor !== 0) for (let i = 0; i < sum.length; i++) sum[i] += factor * data[i];
  }
  return Uint8ClampedArray.from(sum);
}
