// The Paint page: files, settings, and the stylized image.
import { $, $$, send, sentence, toast } from "./common.js";
import { takePhoto } from "./camera.js";
import * as jobView from "./job.js";
import { showJobs } from "./jobs.js";
import "./stars.js";

const MIXED = 3;
const WAIT = 200; // milliseconds from the last move of a slider to the request

// `added` is the id of a new job. The page scrolls to it when it appears in the list.
const state = { added: null, file: null, files: [], styles: [], shares: new Map(), painting: null, timer: 0, urls: {} };

// Files

function take(files) {
  const list = [...files];
  if (!list.length) return;
  problem("");
  if (list.length > 1 || list[0].type.startsWith("video/")) takeBatch(list);
  else takePhotoFile(list[0]);
}

function takePhotoFile(file) {
  state.file = file;
  show("compare");
  $("#before").src = address("before", file);
  $("#after").removeAttribute("src");
  $("#compare").classList.remove("painted");
  $("#facts").textContent = "";
  $("#download").hidden = true;
  paint();
}

function takeBatch(files) {
  state.files = files;
  const video = files[0].type.startsWith("video/");
  $("#batch-title").textContent = files.length === 1 && video ? "A video" : `${files.length} files`;
  const names = files.slice(0, 6).map((file) => file.name);
  $("#batch-names").textContent = names.join(", ") + (files.length > 6 ? " …" : "");
  show("batch");
}

function show(part) {
  for (const id of ["start", "compare", "batch"]) $(`#${id}`).hidden = id !== part;
  $("#stage-bar").hidden = part === "start";
  $("#rate-result").hidden = true;
  if (part !== "compare") {
    $("#download").hidden = true;
    $("#facts").textContent = "";
  }
}

function again() {
  clearTimeout(state.timer);
  state.painting?.abort();
  state.file = null;
  state.files = [];
  $("#files").value = "";
  problem("");
  show("start");
}

/** Return an object URL of a file or blob. The previous URL for the same use is revoked. */
function address(use, blob) {
  if (state.urls[use]) URL.revokeObjectURL(state.urls[use]);
  return (state.urls[use] = URL.createObjectURL(blob));
}

function problem(text) {
  $("#problem").textContent = sentence(text);
  $("#problem").hidden = !text;
}

// Settings

function fields() {
  const mixed = state.styles.length > 1;
  return {
    style: state.styles.map((name) => (mixed ? `${name}:${state.shares.get(name) / 100}` : name)).join(","),
    strength: $("#strength").value,
    brush: $("#brush-auto").checked ? "" : $("#brush").value,
    keep_colors: $("#keep-colors").checked,
  };
}

function choose(name) {
  if (!$("#mix").checked) state.styles = [name];
  else if (state.styles.includes(name)) {
    if (state.styles.length > 1) state.styles = state.styles.filter((one) => one !== name);
  } else if (state.styles.length < MIXED) state.styles.push(name);
  else toast(`A mixture has at most ${MIXED} styles.`);
  showStyles();
  repaint(0);
}

const titleOf = (name) => $("span", thumbOf(name)).textContent;
const thumbOf = (name) => $$(".thumb").find((thumb) => thumb.value === name);

function showStyles() {
  const thumbs = $$(".thumb");
  const mixes = $("#mix").checked;
  const family = state.styles.length ? thumbOf(state.styles[0]).dataset.family : undefined;
  for (const thumb of thumbs) {
    thumb.setAttribute("aria-pressed", state.styles.includes(thumb.value));
    thumb.disabled = mixes && thumb.dataset.family !== family;
  }
  $("#mix-hint").hidden = !mixes;
  const shares = $("#shares");
  shares.hidden = state.styles.length < 2;
  for (const name of state.styles) state.shares.set(name, state.shares.get(name) ?? 50);
  shares.replaceChildren(...state.styles.map(shareSlider));
  showShares();
}

function shareSlider(name) {
  const label = Object.assign(document.createElement("label"), { className: "field slider" });
  const text = Object.assign(document.createElement("span"), { className: "label", textContent: titleOf(name) });
  const percent = Object.assign(document.createElement("output"), { value: "" });
  percent.dataset.share = name;
  text.append(percent);
  const range = Object.assign(document.createElement("input"), { type: "range", min: 1, max: 100 });
  range.value = state.shares.get(name);
  range.addEventListener("input", () => {
    state.shares.set(name, Number(range.value));
    showShares();
    repaint();
  });
  label.append(text, range);
  return label;
}

/** Show the shares of the mixture in percent. */
function showShares() {
  const sum = state.styles.reduce((found, name) => found + state.shares.get(name), 0);
  for (const output of $$("[data-share]")) {
    output.value = `${Math.round((100 * state.shares.get(output.dataset.share)) / sum)} %`;
  }
}

function showValues() {
  $("#strength-value").value = Number($("#strength").value).toFixed(2);
  const automatic = $("#brush-auto").checked;
  $("#brush-value").value = automatic ? "automatic" : `${Number($("#brush").value).toFixed(2)} ×`;
  $("#brush").disabled = automatic;
}

// Painting

function repaint(wait = WAIT) {
  clearTimeout(state.timer);
  if (state.file) state.timer = setTimeout(paint, wait);
}

async function paint() {
  state.painting?.abort();
  const painting = (state.painting = new AbortController());
  const begin = performance.now();
  $("#busy").hidden = false;
  problem("");
  try {
    const photo = state.file;
    const response = await send("/api/paint", { fields: { ...fields(), photo }, signal: painting.signal });
    const blob = await response.blob();
    const url = address("after", blob);
    const after = $("#after");
    after.src = url;
    await after.decode();
    if (painting !== state.painting) return;
    $("#compare").classList.add("painted");
    const seconds = ((performance.now() - begin) / 1000).toFixed(2);
    const size = response.headers.get("x-fststyle-size").replace("x", " × ");
    $("#facts").textContent = `${size} pixels in ${seconds} s`;
    const download = $("#download");
    download.href = url;
    download.download = nameOf(response) ?? "painted.jpg";
    download.hidden = false;
    const stars = $("#rate-result [data-rate]");
    stars.dataset.rate = fields().style;
    stars.dispatchEvent(new Event("reset-stars"));
    $("#rate-result").hidden = false;
  } catch (error) {
    if (error.name !== "AbortError") {
      // The shown image belongs to the previous settings.
      if ($("#compare").matches(".no-before:not(.painted)")) again(); // nothing to show
      problem(error.message);
      $("#download").hidden = true;
      $("#facts").textContent = "";
    }
  } finally {
    if (painting === state.painting) $("#busy").hidden = true;
  }
}

function nameOf(response) {
  const found = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("content-disposition") ?? "");
  return found && decodeURIComponent(found[1]);
}

async function startBatch() {
  const button = $("#batch-start");
  button.disabled = true;
  problem("");
  try {
    const response = await send("/api/jobs", { fields: { ...fields(), files: state.files } });
    state.added = (await response.json()).id;
    again();
  } catch (error) {
    problem(error.message);
  } finally {
    button.disabled = false;
  }
}

// Connections

$("#files").addEventListener("change", ({ target }) => take(target.files));
$("#another").addEventListener("click", again);
$("#batch-start").addEventListener("click", startBatch);
$("#camera-open").addEventListener("click", async () => {
  try {
    const file = await takePhoto();
    if (file) takePhotoFile(file);
  } catch (error) {
    problem(`The camera cannot be used: ${error.message}`);
  }
});
for (const button of $$("[data-example]")) {
  button.addEventListener("click", async () => {
    const url = button.dataset.example;
    takePhotoFile(new File([await (await fetch(url)).blob()], url.split("/").pop(), { type: "image/jpeg" }));
  });
}

const drop = $("#drop");
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    if (name === "drop" || !event.relatedTarget) drop.classList.remove("over");
  });
}
document.addEventListener("drop", (event) => take(event.dataTransfer.files));
document.addEventListener("paste", (event) => take(event.clipboardData?.files ?? []));

$("#before").addEventListener("error", () => $("#compare").classList.add("no-before"));
$("#before").addEventListener("load", () => $("#compare").classList.remove("no-before"));
const position = $("#position");
const divide = () => $("#compare").style.setProperty("--position", `${position.value}%`);
position.addEventListener("input", divide);
divide();

$("#controls").addEventListener("submit", (event) => event.preventDefault());
for (const id of ["strength", "brush", "brush-auto", "keep-colors"]) {
  $(`#${id}`).addEventListener("input", () => {
    showValues();
    repaint();
  });
}
$("#mix").addEventListener("change", () => {
  if (!$("#mix").checked) state.styles = state.styles.slice(0, 1);
  showStyles();
  repaint();
});
for (const thumb of $$(".thumb")) thumb.addEventListener("click", () => choose(thumb.value));

const chosen = $("#paint").dataset.chosen;
if (chosen) choose(chosen);
$(".thumb[aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "center" });
showValues();

showJobs($("#jobs"), ["video", "photos"], {
  made: jobView.made,
  show(article, job) {
    jobView.show(article, job);
    if (job.id !== state.added) return;
    article.scrollIntoView({ block: "nearest" });
    state.added = null;
  },
});
