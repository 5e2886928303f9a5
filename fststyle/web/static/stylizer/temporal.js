// Suppresses flicker: where the camera image does not change, the stylized image changes slowly.
//
// This is the filter of fststyle/runtime/temporal.py without optical flow: the previous result is not warped, so moving
// parts are not filtered.

/** Weight of the previous result where nothing changes. */
const HOLD = 0.85;
/** Minimum strength for the full `HOLD`. Below it, the weight is proportionally smaller: weak styles flicker less. */
const FULL_STRENGTH = 0.5;
/** Side in pixels of the cells of the camera image. Their mean colors are compared. */
const CELL = 4;
/** Differences (0-255) of the channel that differs most: full trust up to `SIMILAR`, none from `DIFFERENT` on. */
const SIMILAR = 3, DIFFERENT = 10;
/** Mean trust below which a frame starts a new scene. */
const CUT = 0.25;

export class TemporalFilter {
  #last = null;

  /** Forget the previous frame, for example after a change of the style. */
  reset() {
    this.#last = null;
  }

  /** Return the filtered stylized image. `frame` and `painted`, its stylized image, are RGB bytes, as is the result. */
  next(frame, painted, width, height, strength = 1) {
    const across = Math.ceil(width / CELL), down = Math.ceil(height / CELL);
    const means = cellMeans(frame, width, height, across, down);
    let kept = Float32Array.from(painted);
    const last = this.#last;
    if (last && last.width === width && last.height === height) {
      const trust = smoothed(trusted(means, last.means), across, down);
      if (trust.reduce((sum, value) => sum + value, 0) >= CUT * trust.length) {
        const hold = HOLD * Math.min(1, strength / FULL_STRENGTH);
        kept = blend(last.kept, painted, trust, hold, width, height, across, down);
      }
    }
    this.#last = { width, height, means, kept };
    return Uint8ClampedArray.from(kept);
  }
}

function cellMeans(frame, width, height, across, down) {
  const sums = new Float32Array(across * down * 3), counts = new Float32Array(across * down);
  for (let y = 0, at = 0; y < height; y++) {
    const row = Math.floor(y / CELL) * across;
    for (let x = 0; x < width; x++, at += 3) {
      const cell = row + Math.floor(x / CELL);
      sums[3 * cell] += frame[at];
      sums[3 * cell + 1] += frame[at + 1];
      sums[3 * cell + 2] += frame[at + 2];
      counts[cell]++;
    }
  }
  for (let i = 0; i < sums.length; i++) sums[i] /= counts[Math.floor(i / 3)];
  return sums;
}

function trusted(means, before) {
  const trust = new Float32Array(means.length / 3);
  for (let cell = 0; cell < trust.length; cell++) {
    let most = 0;
    for (let c = 0; c < 3; c++) most = Math.max(most, Math.abs(means[3 * cell + c] - before[3 * cell + c]));
    trust[cell] = Math.min(1, Math.max(0, (DIFFERENT - most) / (DIFFERENT - SIMILAR)));
  }
  return trust;
}

/** Smooth the trust: the minimum over each cell and its neighbors, then the mean, which avoids visible edges. */
function smoothed(trust, across, down) {
  return neighbors(neighbors(trust, across, down, true), across, down, false);
}

/** Return the minimum (if `smallest`) or the mean of the values, 0 to 1, of each cell and its neighbors. */
function neighbors(values, across, down, smallest) {
  const found = new Float32Array(values.length);
  for (let y = 0; y < down; y++) {
    const top = Math.max(0, y - 1), bottom = Math.min(down - 1, y + 1);
    for (let x = 0; x < across; x++) {
      const left = Math.max(0, x - 1), right = Math.min(across - 1, x + 1);
      let least = 1, sum = 0;
      for (let j = top; j <= bottom; j++) {
        for (let i = left; i <= right; i++) {
          const value = values[j * across + i];
          if (value < least) least = value;
          sum += value;
        }
      }
      found[y * across + x] = smallest ? least : sum / ((bottom - top + 1) * (right - left + 1));
    }
  }
  return found;
}

/** Blend two images with the weight `hold` * trust for `before`. Trust is interpolated between the cell centers. */
function blend(before, painted, trust, hold, width, height, across, down) {
  const kept = new Float32Array(painted.length);
  for (let y = 0, at = 0; y < height; y++) {
    const row = Math.min(down - 1, Math.max(0, (y + 0.5) / CELL - 0.5));
    const top = Math.floor(row), bottom = Math.min(down - 1, top + 1), below = row - top;
    for (let x = 0; x < width; x++, at += 3) {
      const column = Math.min(across - 1, Math.max(0, (x + 0.5) / CELL - 0.5));
      const left = Math.floor(column), right = Math.min(across - 1, left + 1), beside = column - left;
      const upper = trust[top * across + left] * (1 - beside) + trust[top * across + right] * beside;
      const lower = trust[bottom * across + left] * (1 - beside) + trust[bottom * across + right] * beside;
      const weight = hold * (upper * (1 - below) + lower * below);
      for (let c = at; c < at + 3; c++) kept[c] = weight * before[c] + (1 - weight) * painted[c];
    }
  }
  return kept;
}
