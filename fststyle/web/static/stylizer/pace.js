// The size of the image that holds a frame rate.

/** Longer sides to choose from, in pixels. */
export const SIZES = [128, 160, 192, 240, 288, 320, 400, 480, 560, 640, 800, 960, 1280];

/** Frames of one size before the next decision. The first frames of a size are slower. */
const FRAMES = 12;
/** Part of the time of a frame that the network may use, and part that a larger size may be predicted to use. */
const USE = 0.95, GROW = 0.8;

export class Pace {
  #times = [];

  /** `rate` in frames per second; `size` is the first longer side. */
  constructor({ rate = 24, size = 160 } = {}) {
    this.budget = 1000 / rate;
    this.size = size;
  }

  /**
   * Note the milliseconds of a frame; `size` may be another one afterwards. The time of a network is proportional
   * to the pixels, so the largest size is taken whose predicted time fits.
   */
  note(milliseconds) {
    this.#times.push(milliseconds);
    if (this.#times.length < FRAMES) return;
    const sorted = this.#times.splice(0).slice(FRAMES / 3).sort((a, b) => a - b);
    const median = sorted[sorted.length >> 1];
    const predicted = (size) => median * (size / this.size) ** 2;
    if (median > this.budget * USE) {
      const fitting = SIZES.filter((size) => predicted(size) <= this.budget * USE);
      this.size = fitting.at(-1) ?? SIZES[0];
    } else {
      const fitting = SIZES.filter((size) => size > this.size && predicted(size) <= this.budget * GROW);
      this.size = fitting.at(-1) ?? this.size;
    }
  }

  /** Start again after a change of the style. */
  reset() {
    this.#times = [];
  }
}
