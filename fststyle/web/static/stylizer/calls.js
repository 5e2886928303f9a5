// Calls of functions in a worker. The page sends { id, name, values }, and the worker answers with { id, result } or
// { id, error }.

/** Calls functions in a worker from the page. */
export class Calls {
  #worker;
  #waiting = new Map();
  #count = 0;

  /** `url` is the URL of the worker's module. */
  constructor(url) {
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.addEventListener("message", ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    });
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#fail(event.message || "the worker cannot be loaded");
    });
  }

  /** Call the function `name`; the buffers in `transferred` move to the worker. Rejects with an Error. */
  call(name, values, transferred = []) {
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, name, values }, transferred);
    });
  }

  /** Terminate the worker. Pending calls are rejected. */
  close() {
    this.#worker.terminate();
    this.#fail("the worker was closed");
  }

  #fail(message) {
    for (const { reject } of this.#waiting.values()) reject(new Error(message));
    this.#waiting.clear();
  }
}

/**
 * In the worker: answer calls with the asynchronous functions in `handlers`, one call after the other.
 * `moved(result)` returns the buffers of a result that are transferred to the page.
 */
export function answer(handlers, moved = () => []) {
  let last = Promise.resolve();
  self.addEventListener("message", ({ data: { id, name, values } }) => {
    last = last.then(async () => {
      try {
        const result = await handlers[name](values);
        self.postMessage({ id, result }, moved(result));
      } catch (error) {
        self.postMessage({ id, error: error?.message || String(error) });
      }
    });
  });
}
