// Lessons 4 and 6: the controls of a gradient descent.

import { $ } from "../app/common.js";
import { Descent } from "./descent.js";
import { draw } from "./pictures.js";

const MOST_STEPS = 500;

/**
 * `settings(form)` returns arguments of `Descent.start`. It may also return `used`, which tells for each layer whether
 * it may get a style weight later, even if its weight is 0 now.
 */
export function descentLesson(root, { photo, painting, guarded }, settings) {
  const form = $(".descent", root), canvas = $("figure canvas", form), chart = $(".losses canvas", form);
  const button = $('[data-do="run"]', form), reset = $('[data-do="reset"]', form);
  const progress = $('[data-value="progress"]', form);
  let descent = null, running = false, losses = [], turn = 0, usedPictures = null;

  const pictures = () => `${photo.src} ${painting.src}`;

  const say = (text) => (progress.textContent = text);

  function stop() {
    running = false;
    turn++;
    button.textContent = descent && descent.step < MOST_STEPS ? "Go on" : "Start";
  }

  function discard() {
    usedPictures = pictures();
    descent = null;
    losses = [];
    stop();
    reset.disabled = true;
    say("Not started.");
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    plot();
  }

  async function run() {
    const mine = ++turn;
    running = true;
    usedPictures = pictures();
    button.textContent = "Pause";
    reset.disabled = false;
    try {
      if (!descent || descent.step >= MOST_STEPS) {
        say("Loading the network …");
        losses = [];
        const { used, ...chosen } = settings(form);
        // A layer that may get a weight later needs a weight above 0 at the start, so that it is computed.
        const styles = used ? chosen.styles.map((weight, index) => (used[index] ? weight || 1e-9 : 0)) : chosen.styles;
        const started = await Descent.start({ photo, painting, ...chosen, styles });
        if (mine !== turn) return;
        descent = started;
      }
      while (mine === turn && descent.step < MOST_STEPS) {
        const { contents, styles } = settings(form);
        descent.weigh(contents, styles);
        const current = descent, loss = await current.next();
        if (current !== descent) return;
        losses.push(loss);
        draw(canvas, current.picture);
        Object.assign(form.dataset, loss, { step: current.step });
        say(`Step ${current.step} of ${MOST_STEPS}`);
        plot();
      }
    } finally {
      if (mine === turn) stop();
    }
  }

  /** Plot the losses on a logarithmic scale. */
  function plot() {
    const context = chart.getContext("2d"), { width, height } = chart;
    context.clearRect(0, 0, width, height);
    const colors = getComputedStyle(root);
    for (const [name, color] of [["content", "--accent"], ["style", "--gold"]]) {
      const values = losses.map((loss) => Math.log10(loss[name])).filter(Number.isFinite);
      if (values.length < 2) continue;
      const low = Math.min(...values), span = Math.max(...values) - low || 1;
      context.beginPath();
      values.forEach((value, index) => {
        const x = (index / (values.length - 1)) * width, y = 6 + (1 - (value - low) / span) * (height - 12);
        if (index) context.lineTo(x, y);
        else context.moveTo(x, y);
      });
      context.strokeStyle = colors.getPropertyValue(color);
      context.lineWidth = 2;
      context.stroke();
    }
  }

  button.addEventListener("click", guarded(() => (running ? stop() : run())));
  reset.addEventListener("click", discard);
  form.addEventListener("input", ({ target }) => {
    if (target.name === "weight") settings(form);
    else discard();
  });
  // A lesson is refreshed when it is first seen, which may be after a click on Start.
  return { root, refresh: () => usedPictures === pictures() || discard() };
}
