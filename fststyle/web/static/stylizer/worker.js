// The worker that stylizes: one style, mixed of several, at a time. Messages are handled in their order.

import { answer } from "./calls.js";
import { bytesOf, loadRuntime, openSession } from "./engine.js";
import { interpolated, sameNetwork } from "./onnx.js";
import { blended, toRgb, toRgba } from "./pixels.js";
import { TemporalFilter } from "./temporal.js";

let runtime = null;
/** How the current style paints: { sessions: [{ session, factor }], photo, method, precision }. */
let current = null;
const temporalFilter = new TemporalFilter();

const handlers = {
  async open(options) {
    runtime = await loadRuntime(options);
    return { backend: runtime.backend, threads: runtime.threads };
  },

  /**
   * Take on `parts`, [{ style, share }], at a strength. A style is { name, url, int8, base }, where `int8` is
   * the address of its int8 file or null, and `base` that of its base network or null. Returns
   * { method, precision }: "one", "weights" (interpolated weights) or "pictures" (blended results).
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
   * Stylize RGBA bytes of width x height. Returns RGBA bytes and the milliseconds it took. `stream`: a frame of a
   * stream, whose flicker is suppressed.
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

async function prepared(parts, strength) {
  if (parts.length === 1 && strength === 1) {
    const { style } = parts[0];
    // As `fststyle` chooses: integers on a processor, where the style has them.
    const int8 = runtime.backend === "wasm" && style.int8 !== null;
    const session = await openSession(runtime, await bytesOf(int8 ? style.int8 : style.url));
    const precision = int8 ? "int8" : "float";
    return { sessions: [{ session, factor: 1 }], photo: 0, method: "one", precision };
  }
  const models = await Promise.all(parts.map(({ style }) => bytesOf(style.url)));
  const base = parts[0].style.base;
  const one = parts.every(({ style }) => style.base === base) && (strength === 1 || base !== null);
  if (one && models.every((model) => model === models[0] || sameNetwork(models[0], model))) {
    const mixed = models.map((model, index) => ({ model, factor: parts[index].share * strength }));
    if (strength !== 1) mixed.push({ model: await bytesOf(base), factor: 1 - strength });
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
