// ONNX Runtime in this thread: the backend, and sessions. Used by workers.

/** The addresses of ONNX Runtime are relative to this module. */
const ORT = new URL("../vendor/ort/", import.meta.url);

/** Most threads of WebAssembly; more gain little on these networks. */
const MOST_THREADS = 4;

/** JavaScript Promise Integration, which the WebGPU build of ONNX Runtime needs. */
const canSuspend = () => typeof WebAssembly === "object" && "Suspending" in WebAssembly;

async function hasGpu() {
  if (!navigator.gpu || !canSuspend()) return false;
  try {
    const adapter = await navigator.gpu.requestAdapter();
    // A fallback adapter is WebGPU computed by the processor, slower than WebAssembly.
    return adapter !== null && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);
  } catch {
    return false;
  }
}

/**
 * Load ONNX Runtime. `backend`: "auto", "webgpu" or "wasm"; `threads`: of WebAssembly, 0 takes one per core, at
 * most 4. Returns { ort, backend, threads }. Threads need SharedArrayBuffer, which pages have that are cross-origin
 * isolated; elsewhere it is one.
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

/** A session on the bytes of a model. */
export function openSession({ ort, backend }, model) {
  return ort.InferenceSession.create(model, {
    executionProviders: backend === "webgpu" ? ["webgpu", "wasm"] : ["wasm"],
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  });
}

const files = new Map();

/** The bytes of a file, downloaded once. Throws an Error with a message for the user. */
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
