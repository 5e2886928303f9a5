// Lesson 7: a style network.

import { $ } from "../app/common.js";
import { Stylizer } from "../stylizer/stylizer.js";
import { scaled } from "./pictures.js";

export function networkLesson(root, { photo, guarded }) {
  const select = $("[name=network]", root), canvas = $("canvas", root), output = $('[data-value="stylized"]', root);
  const stylizer = new Stylizer();
  let styles = [], opened = null;

  async function ready() {
    opened ??= stylizer.open();
    await opened;
    if (styles.length) return;
    const response = await fetch("/live/styles.json");
    if (!response.ok) throw new Error(`The list of styles cannot be loaded: error ${response.status}`);
    ({ styles } = await response.json());
    for (const [index, { title, name }] of styles.entries()) select.append(new Option(title || name, index));
  }

  async function paint() {
    await ready();
    const style = styles[Number(select.value)];
    await stylizer.use([{ style, share: 1 }]);
    const source = scaled(photo, 480);
    const image = source.getContext("2d").getImageData(0, 0, source.width, source.height);
    const painted = await stylizer.paint(image);
    canvas.width = painted.width;
    canvas.height = painted.height;
    canvas.getContext("2d").putImageData(painted, 0, 0);
    const seconds = (stylizer.milliseconds / 1000).toFixed(2);
    output.textContent = `${painted.width} by ${painted.height} pixels, one step, ${seconds} seconds on this device.`;
  }

  $('[data-do="stylize"]', root).addEventListener("click", guarded(paint));
  select.addEventListener("change", guarded(paint));
  return { root, refresh: paint };
}
