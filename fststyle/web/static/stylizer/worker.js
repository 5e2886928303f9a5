// The worker that stylizes images, with one style or mixture at a time. Messages are handled in order.

import { answer } from "./calls.js";
import { bytesOf, loadRuntime, openSession } from "./engine.js";
import { interpolated, sameNetwork } from "./onnx.js";
import { blended, toRgb, toRgba } from "./pixels.js";
import { TemporalFilter } from "./temporal.js";

let runtime = null;
/**
 * The current style: { sessions: [{ session, factor }], photo, method, precision, strength }, or null. The result is
 * the sum of factor * output over the sessions, plus `photo` times the input.
 */
let current = null;
const temporalFilter = new TemporalFilter();

const handlers = {
  async open(options) {
    runtime = await loadRuntime(options);
    return { backend: runtime.backend, threads: runtime.threads };
  },

  /**
   * Load the style or mixture `parts`, [{ style, share }], at a strength. A style is { url, int8, base }, where `url`
   * is the URL of its float file, `int8` that of its int8 file or null, and `base` that of its base network or null.
   * Returns { method, precision }, as `Stylizer.use`.
   */
  async use({ parts, strength }) {
    const next = { ...(await prepared(parts, strength)), strength };
    const former = current;
    current = next;
    temporalFilter.reset();
    if (former) await Promise.all(former.sessions.map(({ session }) => session.release()));
    return { method: next.method, precision: next.precision };
  },

  /**
   * Stylize an image, given as RGBA bytes. Returns RGBA bytes, their size, and the time in milliseconds. If `stream` is
   * true, the image is the next frame of a stream, and flicker is suppressed.
   */
  async paint({ rgba, width, height, stream }) {
    if (!current) throw new Error("no style is loaded");
    const started = performance.now();
    const rgb = toRgb(new Uint8ClampedArray(rgba));
    const painted = [];
    for (const { session, factor } of current.sessions) {
      const frame = new runtime.ort.Tensor("uint8", rgb, [1, height, width, 3]);
      const { styled } = await session.run({ frame });
      const data = await styled.getData();
      if (data.length !== rgb.length) throw new Error("the style returned an image of another size");
      painted.push({ data, factor });
    }
    const alone = painted.length === 1 && current.photo === 0;
    const result = alone ? painted[0].data : blended([...painted, { data: rgb, factor: current.photo }]);
    const shown = stream ? temporalFilter.next(rgb, result, width, height, current.strength) : result;
    if (!stream) temporalFilter.reset();
    return { rgba: toRgba(shown).buffer, width, height, milliseconds: performance.now() - started };
  },
};

/** The share of the style in the interpolated weights, as `weight_share` in fststyle/runtime/blend.py. */
const weightShare = (strength) => (strength < 1 ? 1 - (1 - strength) ** 1.5 : strength);

async function prepared(parts, strength) {
  if (parts.length === 1 && strength === 1) {
    const { style } = parts[0];
    // Like `--precision auto`: int8 on the CPU, if the style has an int8 file.
    const int8 = runtime.backend === "wasm" && style.int8 !== null;
    const session = await openSession(runtime, await bytesOf(int8 ? style.int8 : style.url));
    const precision = int8 ? "int8" : "float";
    return { sessions: [{ session, factor: 1 }], photo: 0, method: "one", precision };
  }
  const models = await Promise.all(parts.map(({ style }) => bytesOf(style.url)));
  const base = parts[0].style.base;
  const one = parts.every(({ style }) => style.base === base) && (strength === 1 || base !== null);
  if (one && models.every((model) => model === models[0] || sameNetwork(models[0], model))) {
    const share = weightShare(strength);
    const mixed = models.map((model, index) => ({ model, factor: parts[index].share * share }));
    if (strength !== 1) mixed.push({ model: await bytesOf(base), factor: 1 - share });
    const session = await openSession(runtime, interpolated(mixed));
    return { sessions: [{ session, factor: 1 }], photo: 0, method: "weights", precision: "float" };
  }
  const sessions = [];
  for (const [index, model] of models.entries()) {
    sessions.push({ session: await openSession(runtime, model), factor: parts[index].share * strength });
  }
  return { sessions, photo: 1 - strength, method: "pictures", precision: "float" };
}

answer(handlers, (result) => (result.rgba ? [result.rgba] : []));
