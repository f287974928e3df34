// What is drawn rather than written: icons, charts, maps, pixels and photographs.
"use strict";
const svg = (width, height, inside, more = "") =>
  `<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ${more}>${inside}</svg>`;
const points = (list) => list.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
const ring = (x, y, radius, angle) => [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];

// Strokes or areas on a grid of 24, as programs' icons are.
function icon(size = 16, colour = maybe(0.7) ? "currentColor" : vivid()) {
  const at = () => 2 * int(1, 11);
  const shape = () => pick([
    () => `<circle cx="${int(8, 16)}" cy="${int(8, 16)}" r="${int(3, 10)}"/>`,
    () => `<rect x="${int(2, 6)}" y="${int(2, 8)}" width="${int(12, 18)}" height="${int(6, 14)}" rx="${pick([0, 0, 2, 4])}"/>`,
    () => `<polyline points="${points(many(3, 5, () => [at(), at()]))}"/>`,
    () => `<path d="M2 ${at()}q${int(2, 8)} ${int(-9, 9)} 10 0t10 ${int(-8, 8)}M${at()} 2v20"/>`,
    () => `<polygon points="${points(many(3, 7, (k) => ring(12, 12, k % 2 ? int(4, 11) : 11, k)))}"/>`,
  ])();
  const paint = maybe(0.6) ? `fill="none" stroke="${colour}" stroke-width="${pick([1, 1.5, 2, 2, 3])}"` : `fill="${colour}"`;
  const crisp = maybe(0.15) ? 'shape-rendering="crispEdges"' : "";
  return `<svg width="${size}" height="${size}" viewBox="0 0 24 24" ${paint} ${crisp}>${join(1, 3, shape)}</svg>`;
}

const logo = (size) => svg(size, size, `<rect width="${size}" height="${size}" rx="${pick([0, 0.2, 0.5]) * size}" fill="${any()}"/>`
  + `<g transform="translate(${size / 6} ${size / 6})">${icon((size * 2) / 3, maybe(0.5) ? "#fff" : any())}</g>`);

function chart(width, height) {
  const [left, top, wide, tall] = [44, 8, width - 56, height - 34];
  const count = int(4, 40);
  const walk = () => { let at = real(0.2, 0.8); return many(count, count, () => (at = Math.min(1, Math.max(0, at + real(-0.15, 0.15))))); };
  const x = (k) => left + (wide * k) / (count - 1);
  const y = (value) => top + tall * (1 - value);
  const series = () => {
    const [colour, values] = [vivid(), walk()];
    const dash = maybe(0.2) ? 'stroke-dasharray="5 3"' : "";
    const stroke = `stroke="${colour}" stroke-width="${pick([1, 1, 1.5, 2, 3])}" ${dash}`;
    const line = points(values.map((value, k) => [x(k), y(value)]));
    const bar = (wide / count) * real(0.4, 1);
    return pick([
      () => `<polyline points="${line}" fill="none" ${stroke}/>`,
      () => `<polygon points="${left},${top + tall} ${line} ${left + wide},${top + tall}" fill="${colour}" fill-opacity="${pick([0.25, 0.5, 1])}"/>`,
      () => values.map((value, k) => `<rect x="${left + (wide * k) / count}" y="${y(value)}" width="${bar}" height="${tall * value}" fill="${colour}"/>`).join(""),
      () => values.map((value, k) => `<circle cx="${x(k)}" cy="${y(value)}" r="${pick([2, 3, 4])}" fill="${colour}"/>`).join(""),
      () => values.map((value, k) => `<path d="M${x(k)} ${y(value)}v${int(4, 30)}" ${stroke}/>`).join(""),
    ])();
  };
  const label = (px, py, anchor, text) => `<text x="${px}" y="${py}" text-anchor="${anchor}" fill="${theme.muted}" font-size="${pick([9, 10, 11])}">${text}</text>`;
  const lines = maybe(0.7) ? [0, 0.25, 0.5, 0.75, 1].map((value) =>
    `<path d="M${left} ${Math.round(y(value)) + 0.5}h${wide}" stroke="${theme.line}"/>`
    + label(left - 5, y(value) + 4, "end", Math.round(value * 100))).join("") : "";
  const days = many(4, 7, (k) => label(left + (wide * k) / 6, height - 8, "middle", pick([date, number, plain])())).join("");
  return svg(width, height, lines + days + join(1, 4, series)
    + `<path d="M${left}.5 ${top}v${tall}h${wide}" fill="none" stroke="${theme.muted}"/>`);
}

function pie(size) {
  const [hole, middle] = [pick([0, 0, 0.5, 0.7]), size / 2];
  let angle = real(0, 6);
  const slices = join(3, 8, () => {
    const [from, to] = [angle, (angle += real(0.3, 1.3))];
    return `<path d="M${middle} ${middle}L${ring(middle, middle, middle - 2, from)}A${middle - 2} ${middle - 2} 0 0 1 ${ring(middle, middle, middle - 2, to)}z" fill="${vivid()}"/>`;
  });
  return svg(size, size, slices + `<circle cx="${middle}" cy="${middle}" r="${middle * hole}" fill="${theme.ground}"/>`);
}

function heat(size) {
  const [cells, base] = [int(6, 16), hue()];
  return svg(size, size, many(cells * cells, cells * cells, (k) =>
    `<rect x="${((k % cells) * size) / cells}" y="${(Math.floor(k / cells) * size) / cells}"
    width="${size / cells - 1}" height="${size / cells - 1}" fill="${tone(base + int(0, 40), 70, int(20, 90))}"/>`).join(""));
}

function diagram(width, height) {
  const boxes = many(4, 8, (k) => [10 + ((k % 3) * width) / 3, 10 + (Math.floor(k / 3) * height) / 3]);
  const arrows = boxes.slice(1).map(([x, y], k) => `<path d="M${boxes[k][0] + width / 9} ${boxes[k][1] + 14}L${x + width / 9} ${y + 14}" stroke="${theme.muted}" stroke-width="${pick([1, 2])}"/><circle cx="${x + width / 9}" cy="${y}" r="3" fill="${theme.ink}"/>`);
  const cards = boxes.map(([x, y]) => `<rect x="${x}" y="${y}" width="${width / 4.2}" height="30" rx="${pick([0, 4, 15])}" fill="${maybe(0.5) ? theme.panel : vivid()}" stroke="${theme.ink}"/>
    <text x="${x + width / 8.4}" y="${y + 19}" text-anchor="middle" font-size="11" fill="${theme.ink}">${plain()}</text>`);
  return svg(width, height, `${arrows.join("")}${cards.join("")}`);
}

function map(width, height) {
  const [ground, road, casing] = theme.dark ? ["#242f3e", "#38414e", "#17263c"] : pick([["#f2efe9", "#fff", "#c9bfb0"],
    ["#e8e8e8", "#fdfdfd", "#ccc"], ["#f5f5dc", "#fc6", "#b83"]]);
  const way = (steps) => { let [x, y] = [real(0, width), real(0, height)]; const turn = real(0, 6.3);
    return many(steps, steps, () => ([x, y] = ring(x, y, width / 8, turn + real(-0.6, 0.6)))); };
  const areas = join(2, 7, () => `<polygon points="${points(way(int(3, 6)))}" fill="${pick(["#aad3df", "#add19e", "#c8facc", "#f7c6c7", "#17263c", "#d9d0c9"])}"/>`);
  const roads = many(8, 30, () => [points(way(9)), pick([2, 3, 5, 8, 12])]);
  const stroke = (colour, more) => roads.map(([line, wide]) =>
    `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="${wide + more}"/>`).join("");
  const houses = join(0, 120, () => `<rect x="${int(0, width)}" y="${int(0, height)}" width="${int(4, 16)}" height="${int(4, 16)}" fill="#d9d0c9" stroke="#b5a99c" stroke-width=".5"/>`);
  const signs = join(6, 30, () => `<text x="${int(0, width)}" y="${int(0, height)}" font-size="${pick([9, 10, 12, 16])}" fill="${theme.dark ? "#ddd" : "#333"}"
    stroke="${ground}" stroke-width="3" paint-order="stroke" transform="rotate(${pick([0, 0, 0, int(-60, 60)])} ${width / 2} ${height / 2})">${phrase(1, 2)}</text>`);
  return svg(width, height, `<rect width="${width}" height="${height}" fill="${ground}"/>${areas}${houses}${stroke(casing, 2)}${stroke(road, 0)}${signs}`);
}

function painted(width, height, paint, style, classes = "") {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  paint(canvas.getContext("2d", { willReadFrequently: true }));
  return `<img class="${classes}" src="${canvas.toDataURL()}" style="${style}">`;
}
const px = (width, height) => `width:${width}px;height:${height}px;`;

// Figures of a game or an icon of old: symmetric dots of few colours, or tiles of them.
function sprite(zoom = int(1, 6)) {
  const [side, colours] = [int(8, 16), many(2, 5, any)];
  return painted(side, side, (context) => {
    for (let y = 0; y < side; y++) for (let x = 0; x < side / 2; x++) if (maybe(0.6)) {
      context.fillStyle = pick(colours);
      context.fillRect(x, y, 1, 1);
      context.fillRect(side - 1 - x, y, 1, 1);
    }
  }, px(side * zoom, side * zoom), "pixels");
}
// Letters without smoothing, each dot of theirs a square of "zoom" pixels.
function pixelText(text, zoom = int(1, 4)) {
  const [size, colour] = [int(8, 13), [int(0, 255), int(0, 255), int(0, 255)]];
  return painted(text.length * size, size + 6, (context) => {
    context.font = `${size}px ${theme.mono}`;
    context.fillText(text, 1, size);
    const dots = context.getImageData(0, 0, context.canvas.width, size + 6);
    for (let at = 0; at < dots.data.length; at += 4) dots.data.set([...colour, dots.data[at + 3] > 80 ? 255 : 0], at);
    context.putImageData(dots, 0, 0);
  }, px(text.length * size * zoom, (size + 6) * zoom), "pixels");
}
// Blocks as of a code to scan, a dithered area or a hatching.
function dots(zoom = int(1, 5)) {
  const [side, [ink, ground], rule] = [int(12, 40), [theme.ink, maybe(0.5) ? "#fff" : theme.ground], pick([
    () => maybe(0.5), (x, y) => (x + y) % 2, (x, y) => (x ^ y) & 2, (x, y) => maybe(y / 40), (x) => x % 2, (x, y) => (x + y) % 4 === 0])];
  return painted(side, side, (context) => {
    for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) {
      context.fillStyle = rule(x, y) ? ink : ground;
      context.fillRect(x, y, 1, 1);
    }
  }, px(side * zoom, side * zoom), "pixels");
}

const gradient = () => `background:${pick(["linear", "radial", "linear", "repeating-linear"])}-gradient(${many(2, 4, any).join(",")})`
  .replace("linear-gradient(", `linear-gradient(${int(0, 360)}deg,`);
// A photograph of the folder, or hills under clouds where there is none.
function photo(width, height, style = "") {
  const fit = `${px(width, height)}object-fit:${pick(["cover", "cover", "cover", "none"])};object-position:${int(0, 100)}% ${int(0, 100)}%;${style}`;
  if (photos.length) return `<img src="${pick(photos)}" style="${fit}">`;
  const waves = many(14, 14, (k) => [real(-0.1, 0.1) * 1.5 ** (k / 2), real(-0.1, 0.1) * 1.5 ** (k / 2), real(0, 7), 0.8 ** k]);
  const [sky, land] = [many(3, 3, () => int(90, 230)), many(3, 3, () => int(20, 150))];
  return painted(320, 240, (context) => {
    const pixels = context.createImageData(320, 240);
    for (let at = 0; at < 76800; at++) {
      const [x, y] = [at % 320, Math.floor(at / 320)];
      const height = waves.reduce((sum, [u, v, turn, size]) => sum + size * Math.sin(x * u + y * v + turn), 0);
      const colour = y + 12 * height > 130 ? land : sky;
      pixels.data.set([...colour.map((each) => each + 14 * height + 20 * random()), 255], 4 * at);
    }
    context.putImageData(pixels, 0, 0);
  }, fit);
}
