// The form that starts a training job, and the list of training jobs.
import { $, send, sentence } from "./common.js";
import { showJobs } from "./jobs.js";

const form = $("#train-form");

function problem(text) {
  $("#problem").textContent = sentence(text);
  $("#problem").hidden = !text;
}

function showPainting() {
  const file = $("#painting").files[0];
  const view = $("#painting-view");
  if (view.src) URL.revokeObjectURL(view.src);
  view.hidden = !file;
  $("#painting-hint").hidden = Boolean(file);
  if (!file) return;
  view.src = URL.createObjectURL(file);
  if (!$("#name").value) $("#name").value = nameFrom(file.name);
}

/** Convert a file name to the name of a style. */
function nameFrom(text) {
  const stem = text.replace(/\.[^.]*$/, "").normalize("NFKD").replace(/\p{Mark}/gu, "").toLowerCase();
  return stem.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 64);
}

async function start(event) {
  event.preventDefault();
  problem("");
  $("#start").disabled = true;
  try {
    const response = await send("/api/trainings", { fields: Object.fromEntries(new FormData(form)) });
    location.href = `/train/${(await response.json()).id}`;
  } catch (error) {
    problem(error.message);
    $("#start").disabled = false;
  }
}

async function suggest() {
  const painting = $("#painting").files[0];
  const place = $("#suggestion");
  if (!painting) {
    place.textContent = "Choose a painting first.";
    return;
  }
  $("#suggest").disabled = true;
  place.textContent = "Comparing the painting with the paintings of the rated styles…";
  try {
    const found = await (await send("/api/suggestions", { fields: { painting } })).json();
    $("#style_weight").value = found.style_weight;
    $("#style_size").value = found.style_size;
    const names = Object.entries(found.styles).map(([name, similar]) => `${found.titles[name]} (similarity ${similar.toFixed(2)})`);
    place.textContent = `From ${names.join(", ")}.`;
  } catch (error) {
    place.textContent = sentence(error.message);
  } finally {
    $("#suggest").disabled = false;
  }
}

showJobs($("#trainings"), ["train"], {
  show(item, job) {
    item.href = `/train/${job.id}`;
    const picture = $("img", item);
    if (!picture.src) picture.src = `/api/jobs/${job.id}/painting.png`;
    $("[data-value=label]", item).textContent = job.label;
    $("[data-value=state]", item).textContent = stateOf(job) + (job.own ? "" : ", added by another visitor");
  },
});

function stateOf({ state, ahead, details, progress: { done, of } }) {
  if (details.published) return "in the library";
  if (state === "running") return of ? `step ${done} of ${of}` : "preparing";
  if (state === "queued" && ahead) return `waiting: ${ahead} before it`;
  return { queued: "waiting", done: "finished, not in the library" }[state] ?? state;
}

if (form) {
  form.addEventListener("submit", start);
  // With the back button, browsers show the page as it was left. Firefox also keeps its controls on a reload.
  window.addEventListener("pageshow", () => {
    $("#start").disabled = false;
    showPainting();
  });
  $("#painting").addEventListener("change", showPainting);
  $("#suggest").addEventListener("click", suggest);
  const drop = $("#painting-drop");
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files.length) {
        $("#painting").files = event.dataTransfer.files;
        showPainting();
      }
    });
  }
}
