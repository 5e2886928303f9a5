// The page of a training job: progress, preview, losses and buttons.
import { $, send, toast } from "./common.js";
import { OVER, followJobs, removeJob, stopJob } from "./jobs.js";

const SHOWN = ["content", "style", "temporal", "grid"];
const place = $("#training");
const url = `/api/jobs/${place.dataset.job}`;
const points = new Map(); // step -> losses
let preview, current;

function show(job) {
  current = job;
  const { done = 0, of, rate, seconds_left: left, last, message } = job.progress;
  const over = OVER.includes(job.state);
  const bar = $("#progress");
  bar.hidden = over;
  if (of) bar.value = done / of;
  else bar.removeAttribute("value");
  $("#facts").textContent = facts(job, done, of, rate, left);
  $("#message").textContent = over ? "" : (message ?? "");
  if (last?.step) {
    points.set(last.step, last.losses);
    draw();
  }
  const version = `${job.progress.preview} ${over}`;
  if (job.preview && version !== preview) {
    preview = version;
    $("#preview").src = `${job.preview}?t=${Date.now()}`;
  }
  const published = job.details.published;
  $("#stop").hidden = over;
  $("#resume").hidden = !["stopped", "failed"].includes(job.state);
  $("#publish").hidden = job.state !== "done" || Boolean(published);
  if (!$("#publish-name").value) $("#publish-name").value = job.label;
  $("#published").hidden = !published;
  $("#published").href = `/styles/${published}`;
  $("#result").hidden = !job.result;
  $("#result").href = job.result;
  $("#remove").hidden = !over;
}

function facts(job, done, of, rate, left) {
  if (job.state === "failed") return job.error;
  if (job.state === "queued") return job.ahead ? `Waiting: ${job.ahead} before it` : "Waiting";
  if (job.state === "stopped") return 'Stopped. "Continue" resumes from the last checkpoint.';
  if (job.state === "done") return "Finished";
  if (!of) return "Preparing";
  const minutes = left >= 90 ? `${Math.round(left / 60)} minutes` : `${Math.round(left)} seconds`;
  return `Step ${done} of ${of}, ${rate} images per second, ${minutes} left`;
}

// Losses as lines on a logarithmic scale

function draw() {
  const steps = [...points.keys()].sort((a, b) => a - b);
  const names = SHOWN.filter((name) => steps.some((step) => points.get(step)[name] > 0));
  const values = steps.flatMap((step) => names.map((name) => points.get(step)[name])).filter((value) => value > 0);
  if (!values.length) return;
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values) * 1.001)];
  const [first, last] = [steps[0], Math.max(steps.at(-1), steps[0] + 1)];
  const x = (step) => (((step - first) / (last - first)) * 392 + 4).toFixed(1);
  const y = (value) => (212 - ((Math.log(value) - low) / (high - low)) * 204).toFixed(1);
  $("#chart").replaceChildren(
    ...names.map((name) => {
      const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
      const shown = steps.filter((step) => points.get(step)[name] > 0);
      line.setAttribute("class", `line-${name}`);
      line.setAttribute("points", shown.map((step) => `${x(step)},${y(points.get(step)[name])}`).join(" "));
      return line;
    }),
  );
  $("#legend").replaceChildren(
    ...names.map((name) => {
      const entry = document.createElement("span");
      entry.className = `legend-${name}`;
      entry.textContent = `${name} ${points.get(steps.at(-1))[name].toPrecision(3)}`;
      return entry;
    }),
  );
}

function act(selector, work) {
  $(selector).addEventListener("click", async () => {
    $(selector).disabled = true;
    try {
      await work();
    } catch (error) {
      toast(error.message);
    } finally {
      $(selector).disabled = false;
    }
  });
}

$("#preview").addEventListener("load", () => {
  $("#preview").hidden = false;
  $("#painting").hidden = true;
  $("#preview-hint").hidden = true;
});
act("#stop", async () => {
  if (await stopJob(current)) $("#facts").textContent = "Stopping after this step";
});
act("#resume", () => send(`${url}/resume`));
$("#publish").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const fields = { name: $("#publish-name").value };
    const style = await (await send(`/api/trainings/${place.dataset.job}/publish`, { fields })).json();
    location.href = `/styles/${style.name}`;
  } catch (error) {
    toast(error.message);
  }
});
act("#remove", async () => {
  const kept = current.details.published ? " The style in the library is kept." : "";
  if (await removeJob(current, `Its checkpoint is deleted, so it cannot be continued.${kept}`)) location.href = "/train";
});

for (const step of await (await fetch(`${url}/steps`)).json()) points.set(step.step, step.losses);
draw();
followJobs(() => ({ id: place.dataset.job }), {
  job: show,
  list: ({ ids }) => {
    if (ids.length) return;
    $("#problem").textContent = "This training job was removed.";
    $("#problem").hidden = false;
    for (const button of document.querySelectorAll("#training button")) button.disabled = true;
  },
  lost: (is) => {
    $("#problem").hidden = !is;
    if (is) $("#problem").textContent = "The server does not answer. This page may be out of date.";
  },
});
