// Functions and event handlers for all pages.

/** Return the first element that matches a CSS selector, or null. */
export const $ = (selector, root = document) => root.querySelector(selector);

/** Return all elements that match a CSS selector, as an array. */
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Return the message of an error response of the server, for the user. */
export async function reason(response) {
  return errorText(await response.text(), response.status);
}

/** Send a form and return the response. Throws an Error with the message of the server if the request fails. */
export async function send(url, { method = "POST", fields = {}, signal } = {}) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) body.append(name, one);
  }
  const response = await fetch(url, { method, signal, body: method === "POST" ? body : undefined }).catch((error) => {
    throw error.name === "AbortError" ? error : new Error("The server does not answer.");
  });
  if (!response.ok) throw new Error(await reason(response));
  return response;
}

/** Return a message of the server as a sentence, with a capital letter and a period. */
export const sentence = (text) => text && text[0].toUpperCase() + text.slice(1).replace(/[^.!?…]$/, "$&.");

/** Show a line at the bottom of the page for some seconds. Screen readers announce it. */
export function toast(text) {
  let place = $("#toast");
  if (!place) {
    place = document.createElement("div");
    place.id = "toast";
    place.setAttribute("role", "alert");
    document.body.append(place);
  }
  place.textContent = sentence(text);
  place.classList.add("shown");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => place.classList.remove("shown"), 7000);
}

function errorText(text, status) {
  try {
    const { detail } = JSON.parse(text);
    return typeof detail === "string" ? detail : `error ${status}`;
  } catch {
    return `error ${status}`;
  }
}

// A sample that cannot be loaded shows its alternative text instead of the placeholder.
document.addEventListener("error", (event) => event.target.closest?.(".picture, .samples figure")?.classList.add("failed"), true);

// The link to the library on the page of a style restores the last search.
if (location.pathname === "/") {
  window.addEventListener("pagehide", () => sessionStorage.setItem("library", location.search));
} else {
  const library = $(".crumb a[href='/']");
  if (library) library.href = `/${sessionStorage.getItem("library") ?? ""}`;
}

document.addEventListener("htmx:responseError", ({ detail }) => toast(errorText(detail.xhr.responseText, detail.xhr.status)));
document.addEventListener("htmx:sendError", () => toast("The server does not answer."));
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const form = detail.elt.closest?.("form[data-reset]");
  if (form && detail.successful) {
    form.reset();
    form.closest("details")?.removeAttribute("open");
  }
});
