// Adapts the frame size to the speed of the device, to hold a frame rate.

/** Possible longer sides in pixels. */
export const SIZES = [128, 160, 192, 240, 288, 320, 400, 480, 560, 640, 800, 960, 1280];

/** Number of frames between decisions. The first third is ignored, since the first frames of a size are slower. */
const FRAMES = 12;
/** Above `USE` times the time budget of a frame, the size is reduced. It grows if at most `GROW` times is predicted. */
const USE = 0.95, GROW = 0.8;

export class Pace {
  #times = [];

  /** `rate` is the target in frames per second, and `size` the initial longer side in pixels. */
  constructor({ rate = 24, size = 160 } = {}) {
    this.budget = 1000 / rate;
    this.size = size;
  }

  /**
   * Record the time of a frame in milliseconds, and update `size` after every `FRAMES` frames. The new size is the
   * largest one with a predicted time within the budget. The time is assumed to be proportional to the pixel count.
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

  /** Discard the recorded times, after a change of the style. */
  reset() {
    this.#times = [];
  }
}
