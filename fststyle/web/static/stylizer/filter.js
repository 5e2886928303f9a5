// The user interface of the filter: camera or image, styles, mixture, strength, and saving. The markup is
// fststyle/web/templates/filter.html.

import { Camera, cameraReason } from "./camera.js";
import { Pace, SIZES } from "./pace.js";
import { Recorder } from "./recorder.js";
import { SMALLEST, Stylizer } from "./stylizer.js";

const PICTURE_SIZES = [480, 640, 960, 1280, 1600, 2048];
const PICTURE_SIZE = 960;
const METHODS = {
  one: "",
  weights: "The weights of the styles are interpolated, as in fststyle.",
  pictures: "These styles have different networks or no base network: the stylized images are blended.",
};
const NOTICE_SECONDS = 7;
const BACKENDS = { webgpu: "WebGPU", wasm: "WebAssembly" };

/** The filter in one element of a page. */
export class Filter {
  #root;
  #styles = [];
  #stylizer = new Stylizer();
  #camera = new Camera(() => this.#ended());
  #recorder = new Recorder();
  #pace = new Pace();
  #backend = null;
  #picture = null;
  #looping = false;
  #mirror = true;
  #steady = true;
  #frames = 0;
  #shown = document.createElement("canvas");
  #times = [];
  #change = Promise.resolve();
  #pending = 0;
  #precision = "";
  #noticed = 0;

  /**
   * `root` is the element of the markup. `styles` are styles as in `Stylizer.use`, also with name, title, artist, year
   * and thumb. `options` are those of `Stylizer.open`.
   */
  constructor(root, styles, options = {}) {
    this.#root = root;
    this.#styles = styles;
    this.options = options;
    // When a page is reloaded, Firefox keeps the values of controls and the disabled state of buttons.
    this.#find("form").reset();
    this.#fill();
    this.#listen();
    this.#show("empty");
    this.#say("");
  }

  #find = (selector) => this.#root.querySelector(selector);
  #button = (name) => this.#find(`[data-do="${name}"]`);

  get #live() {
    return this.#camera.on;
  }

  #fill() {
    const list = this.#find(".filter-list"), other = this.#find("[name=other]");
    for (const [index, style] of this.#styles.entries()) {
      const label = document.createElement("label");
      const radio = Object.assign(document.createElement("input"), { type: "radio", name: "style", value: index });
      radio.checked = index === 0;
      const picture = document.createElement(style.thumb ? "img" : "span");
      if (style.thumb) Object.assign(picture, { src: style.thumb, alt: "", width: 96, height: 72, loading: "lazy" });
      picture.className = "filter-thumb";
      const title = Object.assign(document.createElement("span"), { textContent: style.title || style.name });
      const from = [style.artist, style.year].filter(Boolean).join(", ");
      const origin = Object.assign(document.createElement("small"), { textContent: from });
      label.append(radio, picture, title, origin);
      list.append(label);
      const known = style.title || style.name, same = this.#styles.filter(({ title }) => title && title === style.title);
      other.append(new Option(same.length > 1 ? `${known} (${style.name})` : known, index));
    }
    this.#sizes();
  }

  #sizes() {
    const select = this.#find("[name=size]"), live = this.#live || !this.#picture;
    const before = select.value;
    select.replaceChildren();
    if (live) select.append(new Option("as large as possible at 24 fps", "auto"));
    for (const size of live ? SIZES : PICTURE_SIZES) select.append(new Option(`${size} pixels`, size));
    if (!live) select.append(new Option("full size", "full"));
    const kept = [...select.options].some(({ value }) => value === before) ? before : null;
    select.value = kept ?? (live ? "auto" : PICTURE_SIZE);
    const { videoWidth, videoHeight } = this.#camera.video;
    this.#find('[data-row="saved"]').hidden = !live;
    this.#find("[name=saved] [value=camera]").textContent =
      "at the size of the camera image" + (videoWidth ? `, ${videoWidth}x${videoHeight}` : "");
  }

  #listen() {
    const actions = {
      start: () => this.start(),
      "start-again": () => this.start(),
      stop: () => this.stop(),
      open: () => this.#find("input[type=file]").click(),
      "open-again": () => this.#find("input[type=file]").click(),
      snapshot: () => this.#snapshot(),
      record: () => this.#record(),
      original: () => this.#toggleOriginal(),
      mirror: () => this.#setMirror(!this.#mirror),
      steady: () => this.#setSteady(!this.#steady),
      turn: () => this.#turn(),
    };
    for (const [name, action] of Object.entries(actions)) {
      this.#button(name).addEventListener("click", () => this.#guarded(action));
    }
    const file = this.#find("input[type=file]");
    file.addEventListener("change", () => {
      if (file.files[0]) this.#guarded(() => this.open(file.files[0]));
      file.value = "";
    });
    // On the whole page, since a browser would open a file that is dropped elsewhere and leave the page.
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      const [dropped] = event.dataTransfer.files;
      if (dropped) this.#guarded(() => this.open(dropped));
    });
    const form = this.#find("form");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", ({ target }) => this.#changed(target.name));
    form.addEventListener("change", ({ target }) => this.#changed(target.name, true));
  }

  async #guarded(action) {
    try {
      await action();
    } catch (error) {
      this.#fail(error.message);
    }
  }

  /** The values of the controls. */
  get #chosen() {
    const data = new FormData(this.#find("form"));
    const share = Number(data.get("share")) / 100, other = data.get("other");
    const first = this.#styles[Number(data.get("style"))];
    const mixed = other !== "" && this.#styles[Number(other)] !== first && share > 0;
    const parts = mixed
      ? [{ style: first, share: 1 - share }, { style: this.#styles[Number(other)], share }].filter((p) => p.share > 0)
      : [{ style: first, share: 1 }];
    return { parts, strength: Number(data.get("strength")) / 100, size: data.get("size"), backend: data.get("backend") };
  }

  #changed(name, final = false) {
    const data = new FormData(this.#find("form"));
    this.#find('[data-value="strength"]').textContent = `${data.get("strength")} %`;
    this.#find('[data-value="share"]').textContent = `${data.get("share")} %`;
    this.#find('[data-row="share"]').hidden = data.get("other") === "";
    if (this.#backend === null) return;
    if (name === "backend") {
      if (final) this.#guarded(() => this.#reopen());
      return;
    }
    if (name === "saved") return;
    if (name === "size") {
      if (final) this.#repaint();
      return;
    }
    this.#guarded(() => this.#restyle());
  }

  /** Load the chosen style. While a style is loading, only the last choice waits. */
  async #restyle() {
    const turn = ++this.#pending;
    this.#change = this.#change.catch(() => {}).then(async () => {
      if (turn !== this.#pending) return;
      const { parts, strength } = this.#chosen;
      this.#root.setAttribute("aria-busy", "true");
      try {
        const { method, precision } = await this.#stylizer.use(parts, strength);
        this.#precision = precision;
        this.#find('[data-value="method"]').textContent = METHODS[method];
        this.#pace.reset();
        this.#times = [];
      } finally {
        this.#root.removeAttribute("aria-busy");
      }
      this.#repaint();
    });
    await this.#change;
  }

  async #ready() {
    if (this.#backend === null) await this.#reopen();
  }

  async #reopen() {
    const { backend } = this.#chosen;
    this.#say("Loading the network …");
    this.#backend = null;
    try {
      this.#backend = await this.#stylizer.open({ ...this.options, backend });
      this.#pending = 0;
      await this.#restyle();
    } catch (error) {
      this.#backend = null;
      this.#say(error.message);
      throw error;
    }
    if (this.#live && !this.#looping) this.#loop();
  }

  /** Start the camera and stylize its frames. */
  async start() {
    this.#hideMessage();
    try {
      await this.#camera.start();
    } catch (error) {
      if (!this.#picture) this.#show("empty");
      this.#fail(cameraReason(error));
      return;
    }
    this.#picture = null;
    this.#setMirror(this.#camera.facing === "user");
    this.#show("live");
    this.#button("turn").hidden = !(await this.#camera.several());
    await this.#ready();
    if (!this.#looping) this.#loop();
  }

  async stop() {
    if (this.#recorder.on) await this.#record();
    this.#camera.stop();
    this.#show("empty");
    this.#say("");
  }

  #ended() {
    this.#guarded(async () => {
      await this.stop();
      this.#fail("The camera was disconnected.");
    });
  }

  async #turn() {
    this.#camera.facing = this.#camera.facing === "user" ? "environment" : "user";
    await this.start();
  }

  /** Stylize an image file. */
  async open(file) {
    this.#hideMessage();
    let picture;
    try {
      picture = await createImageBitmap(file);
    } catch {
      this.#fail("This file is not an image that the browser can read.");
      return;
    }
    if (Math.min(picture.width, picture.height) < SMALLEST) {
      this.#fail(`The image needs at least ${SMALLEST}x${SMALLEST} pixels.`);
      return;
    }
    if (this.#live) await this.stop();
    this.#picture = picture;
    this.#show("picture");
    if (this.#backend === null) await this.#ready();
    else this.#repaint();
  }

  #show(state) {
    this.#find(".filter-stage").dataset.state = state;
    this.#find(".filter-empty").hidden = state !== "empty";
    for (const name of ["snapshot", "original"]) this.#button(name).disabled = state === "empty";
    this.#button("record").disabled = state !== "live" || !Recorder.available;
    this.#button("stop").hidden = state !== "live";
    for (const name of ["mirror", "steady"]) this.#button(name).hidden = state !== "live";
    if (state !== "live") this.#button("turn").hidden = true;
    this.#button("start-again").hidden = state !== "picture";
    this.#button("open-again").hidden = state === "empty";
    if (state === "empty") this.#find(".filter-original").hidden = true;
    this.#sizes();
  }

  /** Show an error: as a notice over the image if there is one, and otherwise in the empty stage. */
  #fail(message) {
    if (this.#live || this.#picture) {
      this.#notice(message);
      return;
    }
    const place = this.#find(".filter-message");
    place.textContent = message;
    place.hidden = false;
    this.#find(".filter-empty").hidden = false;
    this.#find(".filter-invitation").hidden = true;
    this.#button("start").textContent = "Try the camera again";
    this.#say("");
  }

  /** Show a line over the image for `NOTICE_SECONDS`. */
  #notice(text) {
    const place = this.#find(".filter-notice");
    place.textContent = text;
    place.hidden = false;
    clearTimeout(this.#noticed);
    this.#noticed = setTimeout(() => (place.hidden = true), NOTICE_SECONDS * 1000);
  }

  #hideMessage() {
    this.#find(".filter-message").hidden = true;
    this.#find(".filter-invitation").hidden = false;
    if (this.#live || this.#picture) this.#find(".filter-empty").hidden = true;
  }

  #say(text) {
    this.#find(".filter-status").textContent = text;
  }

  /** Draw the source into `canvas`, reduced to a longer side of at most `side` pixels, and return it as ImageData. */
  #capture(source, width, height, side, canvas = this.#shown) {
    const scale = Math.min(1, side / Math.max(width, height));
    const to = (length) => Math.max(SMALLEST, scale < 1 ? 4 * Math.round((length * scale) / 4) : length);
    canvas.width = to(width);
    canvas.height = to(height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    if (this.#live && this.#mirror) context.setTransform(-1, 0, 0, 1, canvas.width, 0);
    context.drawImage(source, 0, 0, canvas.width, canvas.height);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  }

  #display(painted) {
    const canvas = this.#find(".filter-painted");
    const context = canvas.getContext("2d");
    if (this.#recorder.on && (canvas.width !== painted.width || canvas.height !== painted.height)) {
      // The size of a recording must not change.
      context.drawImage(canvasOf(painted), 0, 0, canvas.width, canvas.height);
    } else {
      if (canvas.width !== painted.width) canvas.width = painted.width;
      if (canvas.height !== painted.height) canvas.height = painted.height;
      context.putImageData(painted, 0, 0);
    }
    const original = this.#find(".filter-original");
    original.width = this.#shown.width;
    original.height = this.#shown.height;
    original.getContext("2d", { willReadFrequently: true }).drawImage(this.#shown, 0, 0);
  }

  async #loop() {
    this.#looping = true;
    try {
      while (this.#live && this.#backend) {
        await this.#camera.next();
        const { videoWidth, videoHeight } = this.#camera.video;
        if (!this.#live || !videoWidth) continue;
        const started = performance.now(), { size } = this.#chosen;
        const side = size === "auto" ? this.#pace.size : Number(size);
        const image = this.#capture(this.#camera.video, videoWidth, videoHeight, side);
        const painted = await this.#stylizer.paint(image, { stream: this.#steady });
        if (!this.#live) break;
        this.#display(painted);
        this.#pace.note(performance.now() - started);
        this.#count(painted);
      }
    } catch (error) {
      // Without a backend, another one was chosen while a frame was computed, and `#reopen` starts the loop again.
      if (this.#backend) this.#fail(error.message);
    } finally {
      this.#looping = false;
    }
    if (this.#live && this.#backend) this.#loop();
  }

  #count({ width, height }) {
    const now = performance.now();
    this.#times.push(now);
    while (this.#times[0] < now - 2000) this.#times.shift();
    const span = now - this.#times[0];
    const rate = span > 300 ? ((this.#times.length - 1) / span) * 1000 : 0;
    Object.assign(this.#find(".filter-status").dataset, { fps: rate.toFixed(1), frames: ++this.#frames });
    this.#say([rate ? `${rate.toFixed(0)} fps` : "", ...this.#facts(width, height)].filter(Boolean).join(" · "));
    if (this.#recorder.on) {
      const seconds = Math.floor(this.#recorder.seconds);
      const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      this.#find('[data-value="recorded"]').textContent = `${time} · ${this.#size(this.#find(".filter-painted"))}`;
    }
  }

  #facts(width, height) {
    const { backend, threads } = this.#backend;
    const many = backend === "wasm" ? `, ${threads} thread${threads === 1 ? "" : "s"}` : "";
    return [this.#size({ width, height }), `${BACKENDS[backend]}${many}`, this.#precision];
  }

  /** Stylize the opened image again, if there is one. */
  #repaint() {
    if (!this.#picture || this.#backend === null) return;
    this.#guarded(async () => {
      const { size } = this.#chosen, { width, height } = this.#picture;
      const side = size === "full" ? Math.max(width, height) : Number(size) || PICTURE_SIZE;
      this.#say("Stylizing …");
      const painted = await this.#stylizer.paint(this.#capture(this.#picture, width, height, side));
      this.#display(painted);
      const seconds = (this.#stylizer.milliseconds / 1000).toFixed(1);
      this.#say([`${seconds} s`, ...this.#facts(painted.width, painted.height)].join(" · "));
    });
  }

  #setMirror(on) {
    this.#mirror = on;
    this.#button("mirror").setAttribute("aria-pressed", on);
  }

  #setSteady(on) {
    this.#steady = on;
    this.#button("steady").setAttribute("aria-pressed", on);
  }

  #toggleOriginal() {
    const original = this.#find(".filter-original");
    original.hidden = !original.hidden;
    this.#button("original").setAttribute("aria-pressed", !original.hidden);
  }

  get #fileName() {
    const names = this.#chosen.parts.map(({ style }) => style.name).join("-");
    const time = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
    return `${names}-${time}`;
  }

  #size = ({ width, height }) => `${width}x${height}`;

  /** Return a canvas with the current camera image, stylized at its full size. */
  async #whole() {
    const { videoWidth, videoHeight } = this.#camera.video;
    this.#notice(`Stylizing the image with ${videoWidth}x${videoHeight} pixels …`);
    const side = Math.max(videoWidth, videoHeight), frame = document.createElement("canvas");
    return canvasOf(await this.#stylizer.paint(this.#capture(this.#camera.video, videoWidth, videoHeight, side, frame)));
  }

  async #snapshot() {
    const name = `${this.#fileName}.png`, button = this.#button("snapshot");
    let canvas = this.#find(".filter-painted");
    button.disabled = true;
    try {
      if (this.#live && this.#find("[name=saved]").value === "camera") canvas = await this.#whole();
      save(await new Promise((resolve) => canvas.toBlob(resolve, "image/png")), name);
      this.#notice(`Saved: ${name}, ${this.#size(canvas)} pixels`);
    } finally {
      button.disabled = this.#find(".filter-stage").dataset.state === "empty";
    }
  }

  async #record() {
    const button = this.#button("record"), shown = this.#find(".filter-recording");
    if (!this.#recorder.on) {
      this.#recorder.start(this.#find(".filter-painted"));
    } else {
      const { blob, extension } = await this.#recorder.stop();
      const name = `${this.#fileName}.${extension}`;
      save(blob, name);
      this.#notice(`Saved: ${name}, ${this.#size(this.#find(".filter-painted"))} pixels`);
    }
    shown.hidden = !this.#recorder.on;
    button.setAttribute("aria-pressed", this.#recorder.on);
    button.textContent = this.#recorder.on ? "Stop recording" : "Record";
  }
}

function canvasOf(image) {
  const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
