// Keys of the blind comparison.
import { $ } from "./common.js";

const KEYS = { ArrowLeft: "A", ArrowRight: "B", " ": "tie" };

document.addEventListener("keydown", (event) => {
  const choice = KEYS[event.key];
  const elsewhere = event.target.closest("a, button, input, select, summary");
  if (!choice || event.repeat || event.ctrlKey || event.altKey || event.metaKey || (event.key === " " && elsewhere)) return;
  const button = $(`.duel-actions button[value="${choice}"]`);
  if (button) {
    event.preventDefault();
    button.click();
  }
});
