// Keyboard control of the blind comparison.
import { $ } from "./common.js";

const KEYS = { ArrowLeft: "A", ArrowRight: "B", " ": "tie" };

let ready = true; // whether htmx has processed the pair that is shown
let pressed = null; // a choice for the pair that is shown, until htmx has processed it

document.addEventListener("htmx:beforeSwap", () => (ready = false));
document.addEventListener("htmx:afterSettle", () => {
  ready = true;
  if (pressed) choose(pressed);
  pressed = null;
});

function choose(choice) {
  $(`.duel-actions button[value="${choice}"]`)?.click();
}

document.addEventListener("keydown", (event) => {
  const choice = KEYS[event.key];
  const elsewhere = event.target.closest("a, button, input, select, summary");
  if (!choice || event.repeat || event.ctrlKey || event.altKey || event.metaKey || (event.key === " " && elsewhere)) return;
  event.preventDefault();
  // Until the response to a vote arrives, the pair that is shown is the old one.
  if ($(".duel.htmx-request")) return;
  if (ready) choose(choice);
  else pressed = choice;
});
