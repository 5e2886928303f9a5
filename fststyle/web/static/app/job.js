// A job of the server in an <article data-job="ID">: progress by server-sent events, preview, buttons.
import { $, send, toast } from "./common.js";

const OVER = ["done", "stopped", "failed"];

const followed = new Map(); // id -> <article>, of the jobs that are not over
let stream, waiting = false;

/** Follows a job until it is over. One connection serves all jobs of the page: browsers allow six to a server. */
function follow(article) {
  followed.set(article.dataset.job, article);
  if (waiting) return;
  waiting = true;
  queueMicrotask(listen);
}

function forget(id) {
  followed.delete(id);
  if (!followed.size) stream?.close();
}

function listen() {
  waiting = false;
  stream?.close();
  if (!followed.size) return;
  stream = new EventSource(`/api/jobs/events?${new URLSearchParams([...followed.keys()].map((id) => ["id", id]))}`);
  stream.onmessage = ({ data }) => update(JSON.parse(data));
  stream.addEventListener("removed", ({ data }) => {
    const { id } = JSON.parse(data);
    followed.get(id)?.remove();
    forget(id);
  });
  stream.onerror = ({ target }) => {
    if (target.readyState !== EventSource.CLOSED) return;
    for (const article of followed.values()) $(".job-facts", article).textContent = "The server does not answer.";
  };
}

function update(job) {
  const article = followed.get(job.id);
  if (!article) return;
  show(article, job);
  if (job.preview && String(job.progress.preview) !== String(article.dataset.preview)) {
    article.dataset.preview = job.progress.preview;
    const preview = $(".job-preview", article);
    preview.onload = () => (preview.hidden = job.kind === "video" && article.dataset.state === "done");
    preview.src = `${job.preview}?t=${Date.now()}`;
  }
  if (OVER.includes(job.state)) {
    forget(job.id);
    finish(article, job);
  }
}

/** Connects the buttons of a job, and follows it. */
export function connect(article) {
  const url = `/api/jobs/${article.dataset.job}`;
  const act = (selector, work) =>
    $(selector, article).addEventListener("click", async () => {
      try {
        await work();
      } catch (error) {
        toast(error.message);
      }
    });
  act(".job-stop", () => send(`${url}/stop`));
  act(".job-resume", async () => {
    await send(`${url}/resume`);
    follow(article);
  });
  act(".job-remove", async () => {
    await send(url, { method: "DELETE" });
    forget(article.dataset.job);
    article.remove();
  });
  follow(article);
}

function show(article, job) {
  article.dataset.state = job.state;
  $(".job-label", article).textContent = job.label;
  const { done = 0, of, rate, unit } = job.progress;
  const bar = $("progress", article);
  const over = OVER.includes(job.state);
  bar.hidden = over;
  if (of) bar.value = done / of;
  else bar.removeAttribute("value");
  $(".job-facts", article).textContent = facts(job, done, of, rate, unit);
  $(".job-stop", article).hidden = over;
  $(".job-resume", article).hidden = !["stopped", "failed"].includes(job.state);
  $(".job-remove", article).hidden = !over;
}

function facts(job, done, of, rate, unit) {
  if (job.state === "failed") return job.error;
  if (job.state === "queued") return job.ahead ? `Waiting: ${job.ahead} before it` : "Waiting";
  if (job.state === "stopped") return "Canceled";
  if (job.state === "done") {
    const { frames, photos, seconds } = job.details;
    return `${frames ?? photos} ${frames ? "frames" : "photos"} in ${seconds.toFixed(1)} s`;
  }
  return `${done}${of ? ` of ${of}` : ""} ${unit ?? ""}${rate ? `, ${rate} a second` : ""}`;
}

function finish(article, job) {
  const notes = $(".job-notes", article);
  notes.replaceChildren(
    ...(job.details.notes ?? []).map((text) => Object.assign(document.createElement("li"), { textContent: text })),
  );
  notes.hidden = !notes.children.length;
  if (!job.result) return;
  const download = $(".job-download", article);
  download.href = job.result;
  download.hidden = false;
  if (job.kind === "video") {
    const video = $(".job-video", article);
    video.src = `${job.result}?inline=true`;
    video.hidden = false;
    $(".job-preview", article).hidden = true;
  }
}
