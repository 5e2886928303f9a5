// Helpers for every page.

/** First element that matches a CSS selector. */
export const $ = (selector, root = document) => root.querySelector(selector);

/** All elements that match a CSS selector, as an array. */
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** The text of an error response of the server, for the user. */
export async function reason(response) {
  const text = await response.text();
  try {
    const { detail } = JSON.parse(text);
    return typeof detail === "string" ? detail : `error ${response.status}`;
  } catch {
    return text.slice(0, 300) || `error ${response.status}`;
  }
}
