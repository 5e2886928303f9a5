// Calls of functions in a worker. Messages: { id, name, values } there, { id, result } or { id, error } back.

/** The side of the page. */
export class Calls {
  #worker;
  #waiting = new Map();
  #count = 0;

  /** `url`: the module of the worker. */
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

  /** Call a function; `transferred` are buffers that move there. Rejects with an Error. */
  call(name, values, transferred = []) {
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, name, values }, transferred);
    });
  }

  /** End the worker. Calls that wait for it fail. */
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
 * The side of the worker: answers calls with the asynchronous functions in `handlers`, one after the other.
 * `moved(result)` gives the buffers of a result to transfer.
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
