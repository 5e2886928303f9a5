// The Learn page: connects the lessons with the images that all of them use.

import { $, $$ } from "../app/common.js";
import { convolutionLesson } from "./convolution.js";
import { descentLesson } from "./descent_lesson.js";
import { activationLesson, gramLesson } from "./layers.js";
import { latentLesson } from "./latent.js";
import { networkLesson } from "./network.js";
import { loaded } from "./pictures.js";
import { pixelLesson } from "./pixels.js";

const photo = $('[data-picture="photo"]'), painting = $('[data-picture="painting"]');

/** Show an error on the page. */
function failed(error) {
  const place = $(".learn .error");
  place.textContent = error.message || String(error);
  place.hidden = false;
}

/** Return an event listener that runs an asynchronous function and shows its errors. */
const guarded = (action) => async (...values) => {
  try {
    await action(...values);
  } catch (error) {
    failed(error);
  }
};

// When a page is reloaded, Firefox keeps the values of controls.
for (const input of $$(".learn input")) Object.assign(input, { value: input.defaultValue, checked: input.defaultChecked });
for (const option of $$(".learn option")) option.selected = option.defaultSelected;

await Promise.all([loaded(photo), loaded(painting)]);

const context = { photo, painting, guarded };
const lessons = [
  pixelLesson($("#pictures"), context),
  convolutionLesson($("#convolution"), context),
  activationLesson($("#layers"), context),
  descentLesson($("#content"), context, (form) => {
    const layer = Number($("[name=layer]", form).value);
    return {
      contents: [0, 1, 2, 3].map((index) => (index === layer ? 1 : 0)),
      styles: [0, 0, 0, 0],
      noise: true,
      side: 128,
    };
  }),
  gramLesson($("#style"), context),
  descentLesson($("#descent"), context, (form) => {
    // The slider, 0 to 100, is mapped to a weight of 0 to 62.5, and its initial value 40 to 10.
    const weight = (Number($("[name=weight]", form).value) / 100) ** 2 * 62.5;
    $('[data-value="weight"]', form).textContent = weight.toFixed(1);
    return {
      contents: [0, 1, 0, 0],
      styles: $$("[name=style]", form).map((box) => (box.checked ? weight : 0)),
      used: $$("[name=style]", form).map((box) => box.checked),
      noise: $("[name=noise]", form).value !== "",
      side: Number($("[name=side]", form).value),
    };
  }),
  networkLesson($("#network"), context),
  latentLesson($("#latent"), context),
];

/** Lessons that are refreshed when they are next seen: at first, and after a change of the images. */
const waiting = new Set();
const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting || !waiting.delete(target)) continue;
    guarded(() => lessons.find(({ root }) => root === target).refresh())();
  }
});
function changed() {
  for (const { root } of lessons) {
    waiting.add(root);
    seen.unobserve(root);
    seen.observe(root);
  }
}

const file = $("#pictures input[type=file]");
$('[data-do="open"]').addEventListener("click", () => file.click());
file.addEventListener("change", guarded(async () => {
  const [chosen] = file.files;
  file.value = "";
  if (!chosen) return;
  const before = photo.src;
  photo.src = URL.createObjectURL(chosen);
  try {
    await photo.decode();
  } catch {
    photo.src = before;
    throw new Error("This file is not an image that the browser can read.");
  } finally {
    if (before.startsWith("blob:") && before !== photo.src) URL.revokeObjectURL(before);
  }
  $(".learn .error").hidden = true;
  changed();
}));
$("[name=painting]").addEventListener("change", guarded(async ({ target }) => {
  painting.src = `/static/app/paintings/${target.value}.jpg`;
  await painting.decode();
  changed();
}));
$('[data-do="print"]').addEventListener("click", () => window.print());
changed();
$(".learn").dataset.ready = "";
