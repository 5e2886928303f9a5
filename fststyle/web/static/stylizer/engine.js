// ONNX Runtime in the thread of a worker: backends, sessions and downloads.

/** The folder of ONNX Runtime, relative to this module. */
const ORT = new URL("../vendor/ort/", import.meta.url);

/** Maximum number of WebAssembly threads by default; more threads gain little on these networks. */
const MOST_THREADS = 4;

/** Return whether the browser has JavaScript Promise Integration, which the WebGPU build of ONNX Runtime needs. */
const canSuspend = () => typeof WebAssembly === "object" && "Suspending" in WebAssembly;

async function hasGpu() {
  if (!navigator.gpu || !canSuspend()) return false;
  try {
    const adapter = await navigator.gpu.requestAdapter();
    // A fallback adapter computes WebGPU on the CPU, which is slower than WebAssembly.
    return adapter !== null && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);
  } catch {
    return false;
  }
}

/**
 * Load ONNX Runtime. Returns { ort, backend, threads }. Throws an Error if `backend` is "webgpu" but not supported.
 *
 * `backend` is "auto", "webgpu" or "wasm". `threads` is the number of WebAssembly threads; 0 means one per core, but at
 * most 4. Threads need SharedArrayBuffer, which only cross-origin isolated pages have; other pages get one thread.
 */
export async function loadRuntime({ backend = "auto", threads = 0 } = {}) {
  const gpu = backend === "webgpu" || (backend === "auto" && (await hasGpu()));
  if (gpu && !(navigator.gpu && canSuspend())) throw new Error("this browser has no WebGPU");
  const ort = await import(new URL(gpu ? "ort.jspi.min.mjs" : "ort.wasm.min.mjs", ORT));
  const build = gpu ? "ort-wasm-simd-threaded.jspi" : "ort-wasm-simd-threaded";
  const cores = navigator.hardwareConcurrency || 1;
  const shared = self.crossOriginIsolated && typeof SharedArrayBuffer === "function";
  const count = shared ? threads || Math.min(cores, MOST_THREADS) : 1;
  ort.env.wasm.wasmPaths = { mjs: new URL(`${build}.mjs`, ORT).href, wasm: new URL(`${build}.wasm`, ORT).href };
  ort.env.wasm.numThreads = count;
  ort.env.logLevel = "error";
  return { ort, backend: gpu ? "webgpu" : "wasm", threads: count };
}

/** Open a session for a model. The first argument is the result of `loadRuntime`, and `model` the bytes of the file. */
export function openSession({ ort, backend }, model) {
  return ort.InferenceSession.create(model, {
    executionProviders: backend === "webgpu" ? ["webgpu", "wasm"] : ["wasm"],
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  });
}

const files = new Map();

/** Return the bytes of a file, which is downloaded only once. Throws an Error with a message for the user. */
export function bytesOf(url) {
  if (!files.has(url)) {
    const loading = download(url);
    loading.catch(() => files.delete(url));
    files.set(url, loading);
  }
  return files.get(url);
}

async function download(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: error ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
