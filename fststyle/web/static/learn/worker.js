// The worker that runs the models of the lessons.

import { answer } from "../stylizer/calls.js";
import { bytesOf, loadRuntime, openSession } from "../stylizer/engine.js";

const runtime = loadRuntime({ backend: "wasm" });
const sessions = new Map();

function session(url) {
  if (!sessions.has(url)) {
    const opening = (async () => openSession(await runtime, await bytesOf(url)))();
    opening.catch(() => sessions.delete(url));
    sessions.set(url, opening);
  }
  return sessions.get(url);
}

const handlers = {
  /** Run a model; see `run` in models.js. */
  async run({ url, inputs, outputs }) {
    const { ort } = await runtime;
    const feeds = {};
    for (const [name, { type = "float32", dims, data }] of Object.entries(inputs)) {
      feeds[name] = new ort.Tensor(type, data, dims);
    }
    const opened = await session(url);
    const results = outputs ? await opened.run(feeds, outputs) : await opened.run(feeds);
    const found = {};
    for (const [name, { dims, data }] of Object.entries(results)) found[name] = { dims, data };
    return found;
  },
};

answer(handlers);
