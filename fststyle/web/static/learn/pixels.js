// Lesson 1: an image is numbers.

import { $ } from "../app/common.js";
import { scaled } from "./pictures.js";

const ACROSS = 5, DOWN = 3;

/** Return the relative luminance of a color (WCAG 2). Above 0.179, black text has a higher contrast than white. */
function luminance(red, green, blue) {
  const linear = (value) => (value <= 10 ? value / 3295 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

export function pixelLesson(root, { photo }) {
  const canvas = $("canvas", root), table = $("tbody", root);
  let source = null, x = 0, y = 0;

  for (let row = 0; row < DOWN; row++) {
    const line = table.insertRow();
    for (let column = 0; column < ACROSS; column++) line.insertCell();
  }

  function show() {
    const context = canvas.getContext("2d");
    canvas.width = source.width;
    canvas.height = source.height;
    context.drawImage(source, 0, 0);
    x = Math.min(Math.max(x, ACROSS >> 1), source.width - 1 - (ACROSS >> 1));
    y = Math.min(Math.max(y, DOWN >> 1), source.height - 1 - (DOWN >> 1));
    const left = x - (ACROSS >> 1), top = y - (DOWN >> 1);
    const { data } = source.getContext("2d").getImageData(left, top, ACROSS, DOWN);
    for (let i = 0; i < ACROSS * DOWN; i++) {
      const [red, green, blue] = data.subarray(4 * i, 4 * i + 3);
      const cell = table.rows[Math.floor(i / ACROSS)].cells[i % ACROSS];
      cell.textContent = `${red} ${green} ${blue}`;
      cell.style.backgroundColor = `rgb(${red} ${green} ${blue})`;
      cell.style.color = luminance(red, green, blue) > 0.179 ? "#000" : "#fff";
    }
    for (const [color, width] of [["#000", 3], ["#fff", 1]]) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.strokeRect(left - 1.5, top - 1.5, ACROSS + 3, DOWN + 3);
    }
  }

  canvas.addEventListener("pointermove", (event) => {
    if (!source) return;
    const place = canvas.getBoundingClientRect();
    x = Math.floor(((event.clientX - place.left) / place.width) * source.width);
    y = Math.floor(((event.clientY - place.top) / place.height) * source.height);
    show();
  });
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!move || !source) return;
    event.preventDefault();
    x += move[0];
    y += move[1];
    show();
  });

  return {
    root,
    refresh() {
      source = scaled(photo, 160);
      x = source.width >> 1;
      y = source.height >> 1;
      show();
    },
  };
}
