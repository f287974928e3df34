// Frames: fetched one at a time, kept within a budget, and painted on canvases.

const MOST_BYTES = 32e6;
const MOST_PIXELS = 2e6;
const AMPLIFIED = 4;
const MILLISECONDS_BETWEEN_FRAMES = 100;
const READY_FRAMES = 40;

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// The frames of one training, by epoch.
export class Frames {
  static bytes = 0;
  static offline = false;

  constructor(address) {
    this.address = address;
    this.kept = new Map();
  }

  async get(epoch) {
    const known = this.kept.get(epoch);
    if (known || Frames.offline) return known ?? null;
    try {
      const response = await fetch(this.address(epoch));
      if (!response.ok) return null;
      const blob = await response.blob();
      this.keep(epoch, blob);
      return blob;
    } catch {
      return null;
    }
  }

  keep(epoch, blob) {
    if (this.kept.has(epoch)) return;
    this.kept.set(epoch, blob);
    Frames.bytes += blob.size;
    if (Frames.bytes > MOST_BYTES && this.kept.size > READY_FRAMES) {
      // Every other one goes; the newest stays.
      const epochs = [...this.kept.keys()].sort((one, other) => other - one);
      for (const each of epochs.filter((_, index) => index % 2)) this.drop(each);
    }
  }

  drop(epoch) {
    Frames.bytes -= this.kept.get(epoch)?.size ?? 0;
    this.kept.delete(epoch);
  }

  forget() {
    for (const epoch of [...this.kept.keys()]) this.drop(epoch);
  }

  // The epoch in the middle of the widest gap between the frames at hand, so that a page has
  // something to show when the program has ended; null if there are enough.
  missing(epochs) {
    if (this.kept.size >= Math.min(READY_FRAMES, epochs.length)) return null;
    let [best, width, last] = [null, 1, -1];
    [...epochs, null].forEach((epoch, index) => {
      if (epoch !== null && !this.kept.has(epoch)) return;
      if (index - last > width) [best, width] = [(last + index) >> 1, index - last];
      last = index;
    });
    return best === null ? null : epochs[Math.max(best, 0)];
  }
}

// Paints the newest frame that is wanted, and never an older one after it.
export class Painter {
  constructor(canvas, onPainted = () => {}) {
    this.canvas = canvas;
    this.onPainted = onPainted;
    this.wanted = this.painted = null;
    this.busy = false;
  }

  want(frames, epoch, background) {
    const same = this.wanted && this.wanted.frames === frames && this.wanted.epoch === epoch;
    if (same) return;
    this.wanted = { frames, epoch, background };
    if (!this.busy) this.work();
  }

  async work() {
    this.busy = true;
    while (this.painted !== this.wanted) {
      const wanted = this.wanted;
      const began = performance.now();
      const blob = await wanted.frames.get(wanted.epoch);
      if (blob) {
        const picture = await createImageBitmap(blob).catch(() => null);
        if (picture) {
          paint(this.canvas, picture, wanted.background);
          picture.close();
          this.onPainted(wanted);
        }
      }
      this.painted = wanted;
      await pause(MILLISECONDS_BETWEEN_FRAMES - (performance.now() - began));
    }
    this.busy = false;
  }
}

const contextOf = (canvas) => canvas.getContext("2d", { willReadFrequently: true });

export const paint = (canvas, picture, background) => {
  const shrink = Math.min(1, Math.sqrt(MOST_PIXELS / (picture.width * picture.height)));
  const width = Math.max(1, Math.round(picture.width * shrink));
  const height = Math.max(1, Math.round(picture.height * shrink));
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.classList.toggle("magnified", width < 200);
  const context = contextOf(canvas);
  context.fillStyle = background;
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, 0, 0, width, height);
};

export const paintDifference = (canvas, one, other) => {
  const { width, height } = one;
  if (width !== other.width || height !== other.height) return;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  canvas.classList.toggle("magnified", width < 200);
  const read = (from) => contextOf(from).getImageData(0, 0, width, height);
  const [left, right] = [read(one), read(other)];
  const [a, b] = [left.data, right.data];
  for (let at = 0; at < a.length; at += 1) {
    a[at] = at % 4 === 3 ? 255 : AMPLIFIED * Math.abs(a[at] - b[at]);
  }
  contextOf(canvas).putImageData(left, 0, 0);
};
