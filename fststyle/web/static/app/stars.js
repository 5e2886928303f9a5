// Star ratings: <fieldset data-rate="STYLE"> with five buttons.
import { $, $$, send, toast } from "./common.js";

for (const field of $$("[data-rate]")) {
  const buttons = $$("button", field);
  const fill = (count) => buttons.forEach((button, index) => button.classList.toggle("on", index < count));
  let given = 0;
  for (const [index, button] of buttons.entries()) {
    button.addEventListener("mouseenter", () => fill(index + 1));
    button.addEventListener("mouseleave", () => fill(given));
    button.addEventListener("click", async () => {
      try {
        await send("/api/ratings", { fields: { style: field.dataset.rate, stars: button.value } });
        given = index + 1;
        fill(given);
        $(".thanks", field).textContent = "Thank you.";
      } catch (error) {
        toast(error.message);
      }
    });
  }
  field.addEventListener("reset-stars", () => {
    given = 0;
    fill(0);
    $(".thanks", field).textContent = "";
  });
}
