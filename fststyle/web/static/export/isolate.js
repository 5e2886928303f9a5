// Gives the page cross-origin isolation, which WebAssembly threads need, if the host does not set the headers for it:
// a service worker (isolation.js) adds them, and the page is loaded again. Without service workers, the filter runs
// on one thread.

const TRIED = "isolation-tried";

async function isolate() {
  if (crossOriginIsolated || !isSecureContext || !navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register("isolation.js");
    await navigator.serviceWorker.ready;
    if (sessionStorage.getItem(TRIED)) return;
    sessionStorage.setItem(TRIED, "1");
    location.reload();
  } catch {
    // Private windows may refuse service workers.
  }
}

isolate();
