// A list of the server's jobs. It is updated by server-sent events, so that all tabs show the same state.
import { $, send, toast } from "./common.js";

export const OVER = ["done", "stopped", "failed"];
const RETRY = 5000; // milliseconds until the next attempt after an error response

/**
 * Follow the jobs that the query parameters `parameters()` select. Returns a function that reads the parameters again.
 *
 * `job(info)` is called after each change of a job, and `list({ ids, others })` after each change of the list.
 * `lost(true)` is called when the server does not answer, and `lost(false)` when it answers again. There is one
 * connection for all jobs, and only while the page is visible, since browsers limit the connections to a server.
 */
export function followJobs(parameters, { job, list = () => {}, lost = () => {} }) {
  let stream, timer;
  const open = () => {
    close();
    const asked = Object.entries(parameters()).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
    stream = new EventSource(`/api/jobs/events?${new URLSearchParams([...asked, ["end", false]])}`);
    stream.onopen = () => lost(false);
    stream.onmessage = ({ data }) => job(JSON.parse(data));
    stream.addEventListener("list", ({ data }) => list(JSON.parse(data)));
    stream.onerror = ({ target }) => {
      lost(true);
      if (target.readyState === EventSource.CLOSED) timer = setTimeout(open, RETRY);
    };
  };
  const close = () => {
    clearTimeout(timer);
    stream?.close();
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", ({ persisted }) => persisted && open());
  if (!document.hidden) open();
  return open;
}

/**
 * Show the jobs of some kinds in a section, which has a list [data-list], a <template> for its elements, a message
 * [data-lost], and a button [data-others] that also shows the jobs of other visitors. `made(element)` is called for
 * each new element, and `show(element, info)` after each change of a job.
 */
export function showJobs(section, kinds, { made = () => {}, show }) {
  const place = $("[data-list]", section), others = $("[data-others]", section), lost = $("[data-lost]", section);
  const template = $("template", section).content.firstElementChild;
  const elements = new Map(); // id -> element
  let all = false;
  const again = followJobs(() => ({ kind: kinds, own: !all }), {
    list({ ids, others: count }) {
      for (const [id, element] of elements) {
        if (ids.includes(id)) continue;
        element.remove();
        elements.delete(id);
      }
      let before = null;
      for (const id of [...ids].reverse()) {
        let element = elements.get(id);
        if (!element) {
          element = template.cloneNode(true);
          element.dataset.job = id;
          elements.set(id, element);
          made(element);
        }
        if (element.nextElementSibling !== before || element.parentElement !== place) place.insertBefore(element, before);
        before = element;
      }
      others.hidden = !all && !count;
      others.textContent = all ? "Show only mine" : `Show ${count} by other visitors`;
      others.setAttribute("aria-pressed", all);
      section.hidden = !ids.length && others.hidden;
    },
    job(info) {
      const element = elements.get(info.id);
      if (element) show(element, info);
    },
    lost: (is) => (lost.hidden = !is),
  });
  others.addEventListener("click", () => {
    all = !all;
    again();
  });
}

/** Ask the user and remove a job. `what` tells the consequences. Returns whether the job was removed. */
export async function removeJob({ id, label, own }, what) {
  const whose = own ? "" : " Another visitor added it.";
  if (!confirm(`Remove ${label}?${whose} ${what}`)) return false;
  return done(() => send(`/api/jobs/${id}`, { method: "DELETE" }));
}

/** Stop a job, after asking the user if another visitor added it. Returns whether the server accepted. */
export async function stopJob({ id, label, own }) {
  if (!own && !confirm(`Stop ${label}? Another visitor added it.`)) return false;
  return done(() => send(`/api/jobs/${id}/stop`));
}

/** Continue a stopped or failed job. Returns whether the server accepted. */
export const resumeJob = ({ id }) => done(() => send(`/api/jobs/${id}/resume`));

async function done(work) {
  try {
    await work();
    return true;
  } catch (error) {
    toast(error.message);
    return false;
  }
}
