// A video or a batch of photos as an <article>: progress, preview, result and buttons.
import { $ } from "./common.js";
import { OVER, removeJob, resumeJob, stopJob } from "./jobs.js";

const infos = new WeakMap(); // <article> -> latest state of its job

/** Connect the buttons of a new article. */
export function made(article) {
  const act = (selector, work) => $(selector, article).addEventListener("click", () => work(infos.get(article)));
  act(".job-stop", stopJob);
  act(".job-resume", resumeJob);
  act(".job-remove", (job) => removeJob(job, "Its files are deleted."));
}

/** Show the state of a job in its article. */
export function show(article, job) {
  infos.set(article, job);
  article.dataset.state = job.state;
  $(".job-label", article).textContent = job.label;
  $(".job-whose", article).hidden = job.own;
  const { done = 0, of, rate, unit } = job.progress;
  const bar = $("progress", article);
  const over = OVER.includes(job.state);
  bar.hidden = over || job.state === "queued";
  if (of) bar.value = done / of;
  else bar.removeAttribute("value");
  $(".job-facts", article).textContent = facts(job, done, of, rate, unit);
  $(".job-stop", article).hidden = over;
  $(".job-resume", article).hidden = !["stopped", "failed"].includes(job.state);
  $(".job-remove", article).hidden = !over;
  showPreview(article, job);
  showResult(article, job);
}

function showPreview(article, job) {
  const preview = $(".job-preview", article);
  const version = String(job.progress.preview ?? (job.preview && job.state));
  if (job.preview && article.dataset.preview !== version) {
    article.dataset.preview = version;
    preview.onload = () => (preview.hidden = job.kind === "video" && article.dataset.state === "done");
    preview.src = `${job.preview}?t=${Date.now()}`;
  }
}

function showResult(article, job) {
  const notes = $(".job-notes", article);
  const texts = job.state === "done" ? (job.details.notes ?? []) : [];
  notes.replaceChildren(...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  notes.hidden = !texts.length;
  const download = $(".job-download", article);
  download.hidden = !job.result;
  if (!job.result) return;
  download.href = job.result;
  if (job.kind === "video") {
    const video = $(".job-video", article);
    if (video.hidden) Object.assign(video, { src: `${job.result}?inline=true`, poster: job.preview });
    video.hidden = false;
    $(".job-preview", article).hidden = true;
  }
}

function facts(job, done, of, rate, unit) {
  if (job.state === "failed") return job.error;
  if (job.state === "queued") return job.ahead ? `Waiting: ${job.ahead} job${job.ahead > 1 ? "s" : ""} before it` : "Waiting";
  if (job.state === "stopped") return canceled(job);
  if (job.state === "done") {
    const { frames, photos, seconds } = job.details;
    const count = frames ?? photos, name = frames === undefined ? "photo" : "frame";
    return `${count} ${name}${count === 1 ? "" : "s"} in ${seconds.toFixed(1)} s`;
  }
  return `${done}${of ? ` of ${of}` : ""} ${unit ?? ""}${rate ? `, ${rate} per second` : ""}`;
}

function canceled({ kind, details }) {
  if (kind === "video" && details.kept) return `Canceled. "Continue" resumes after frame ${details.kept}.`;
  return 'Canceled. "Continue" starts again from the beginning.';
}
