// The view is the place in the middle of the canvas, in pixels of the picture, and their size there.
const canvas = find("canvas"), context = canvas.getContext("2d");
const part = document.createElement("canvas"), copy = document.createElement("canvas");
const view = { x: 0, y: 0, k: 0 };
// Milliseconds a pixel
let painter, waiting = null, speed = 1e-3;

function whole(margin = 0.96) {
  const [width, height] = model.size;
  const k = margin * Math.min(canvas.width / width, canvas.height / height);
  return { x: width / 2, y: height / 2, k };
}

function showFrame() {
  const ratio = devicePixelRatio, k = view.k / ratio, [width, height] = model.size;
  Object.assign(find("frame").style, {
    left: `${canvas.width / 2 / ratio - view.x * k}px`, top: `${canvas.height / 2 / ratio - view.y * k}px`,
    width: `${width * k}px`, height: `${height * k}px`,
  });
  find("zoom").value = `${Number((view.k / whole().k).toPrecision(3))}x`;
}

// Draw tiles of pixels of ``step`` canvas pixels, and finer ones; from the middle outwards.
function* tiles(step) {
  const { width, height } = canvas;
  for (; step >= 1; step /= 2) {
    const pixels = 1 << painter.half, side = step * pixels, list = [];
    for (let top = 0; top < height; top += side)
      for (let left = 0; left < width; left += side)
        list.push([left, top, Math.hypot(left + (side - width) / 2, top + (side - height) / 2)]);
    for (const [left, top] of list.sort((a, b) => a[2] - b[2])) {
      const began = performance.now();
      const bytes = painter.tile((i) => coordinate(view.x + (left + (i + 0.5) * step - width / 2) / view.k, 0),
        (i) => coordinate(view.y + (top + (i + 0.5) * step - height / 2) / view.k, 1));
      speed = (performance.now() - began) / pixels ** 2;
      yield { left, top, side, image: new ImageData(bytes, pixels, pixels) };
    }
  }
}

function begin() {
  let step = 1;
  while (step < 16 && canvas.width * canvas.height * speed > 60 * step * step) step *= 2;
  waiting = tiles(step);
}

function paint({ left, top, side, image }) {
  part.width = part.height = image.width;
  part.getContext("2d").putImageData(image, 0, 0);
  context.clearRect(left, top, side, side);
  context.drawImage(part, left, top, side, side);
}

function work() {
  for (const began = performance.now(); waiting && performance.now() - began < 12;) {
    const { done, value } = waiting.next(), time = speed * 4 ** painter.half;
    if (done) waiting = null;
    else paint(value);
    const change = time > 400 && painter.half > 4 ? -1 : time < 100 && painter.half < painter.most ? 1 : 0;
    if (waiting && change) { painter.half += change; begin(); }
  }
  if (waiting) requestAnimationFrame(work);
}

function draw() {
  if (!waiting) requestAnimationFrame(work);
  begin();
  showFrame();
}

// What is on the canvas moves at once, until it is drawn anew.
function moveTo(x, y, k) {
  const { width, height } = canvas, old = { ...view };
  Object.assign(view, { x, y, k: Math.min(Math.max(k, 1e-4 * whole().k), 1e7 * whole().k) });
  Object.assign(copy, { width, height });
  copy.getContext("2d").drawImage(canvas, 0, 0);
  context.clearRect(0, 0, width, height);
  const scale = view.k / old.k;
  context.drawImage(copy, width / 2 * (1 - scale) + (old.x - x) * view.k,
    height / 2 * (1 - scale) + (old.y - y) * view.k, width * scale, height * scale);
  draw();
}

const shift = (right, down) => moveTo(view.x - right / view.k, view.y - down / view.k, view.k);

function zoom(factor, left = canvas.width / 2, top = canvas.height / 2) {
  const x = (left - canvas.width / 2) / view.k, y = (top - canvas.height / 2) / view.k;
  moveTo(view.x + x - x / factor, view.y + y - y / factor, view.k * factor);
}

function show(margin) {
  const { x, y, k } = whole(margin);
  moveTo(x, y, k);
}

function resize() {
  const far = view.k / whole().k;
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
  if (far) view.k = far * whole().k;
  else Object.assign(view, whole());
  draw();
}

const pointers = new Map();
const at = (event) => [event.offsetX * devicePixelRatio, event.offsetY * devicePixelRatio];
const ACTIONS = {
  closer: () => zoom(1.5), farther: () => zoom(1 / 1.5), whole: () => show(), around: () => show(0.4),
};
const KEYS = {
  "+": ACTIONS.closer, "=": ACTIONS.closer, "-": ACTIONS.farther, 0: ACTIONS.whole, 9: ACTIONS.around,
  ArrowLeft: () => shift(60, 0), ArrowRight: () => shift(-60, 0),
  ArrowUp: () => shift(0, 60), ArrowDown: () => shift(0, -60),
};
const HANDS = {
  pointerdown(event) {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
  },
  pointermove(event) {
    const before = pointers.get(event.pointerId), after = at(event);
    if (!before) return;
    pointers.set(event.pointerId, after);
    const other = [...pointers.keys()].find((id) => id !== event.pointerId);
    if (other === undefined) return shift(after[0] - before[0], after[1] - before[1]);
    const [x, y] = pointers.get(other), far = (place) => Math.max(Math.hypot(place[0] - x, place[1] - y), 1);
    shift((after[0] - before[0]) / 2, (after[1] - before[1]) / 2);
    zoom(far(after) / far(before), x, y);
  },
  pointerup(event) { pointers.delete(event.pointerId); },
  pointercancel(event) { pointers.delete(event.pointerId); },
  wheel(event) {
    event.preventDefault();
    zoom(2 ** (-event.deltaY * (event.deltaMode ? 0.1 : 0.003)), ...at(event));
  },
  dblclick(event) { zoom(2, ...at(event)); },
  keydown(event) {
    if (!KEYS[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    KEYS[event.key]();
  },
};

// Make the page the bytes of a picture of WIDTH x HEIGHT pixels, K for each of the learned ones.
function become(width, height, x, y, k) {
  Object.assign(canvas, { width, height });
  Object.assign(view, { x, y, k });
  const whole = [];
  for (const { left, top, side, image } of tiles(1))
    for (let row = 0; row < Math.min(side, height - top); row++)
      for (let i = 0; i < 4 * Math.min(side, width - left); i++)
        whole[4 * ((top + row) * width + left) + i] = String.fromCharCode(image.data[4 * row * side + i]);
  document.body.textContent = `drawn:${btoa(whole.join(""))}:`;
}

try {
  painter = new Painter();
  painter.gl.canvas.addEventListener("webglcontextlost", () => {
    find("message").textContent = "The graphics processor was reset: reload the page.";
  });
  const order = location.hash.match(/^#draw=(.*)/);
  if (order) become(...order[1].split(",").map(Number));
  else {
    for (const [name, hand] of Object.entries(HANDS)) canvas.addEventListener(name, hand, { passive: false });
    for (const [id, action] of Object.entries(ACTIONS)) find(id).addEventListener("click", action);
    if (latents) addLatents();
    new ResizeObserver(resize).observe(canvas);
  }
} catch (error) {
  find("message").textContent = error.message;
}
