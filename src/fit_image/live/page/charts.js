// Charts of metrics, drawn as SVG.

const SPACE = "http://www.w3.org/2000/svg";
const MARGIN = { left: 52, right: 12, top: 8, bottom: 26 };

const svgElement = (name, attributes, ...children) => {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

export const swatch = ({ colour, dash }) =>
  svgElement(
    "svg",
    { class: `swatch series-${colour} ${dash}`, viewBox: "0 0 28 10", "aria-hidden": "true" },
    svgElement("path", { d: "M1 5H27" }),
  );

const format = (value) => {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e7)) return value.toExponential(1).replace("e+", "e");
  return Number(value.toPrecision(6)).toLocaleString("en", { maximumFractionDigits: 6 });
};

export const inDigits = (value, digits) =>
  value === "inf" ? "exact" : format(Number(value.toPrecision(digits)));

// From and to in data, mapped to 0..1, with the places of labels.
const linear = (from, to) => {
  const span = to - from;
  const rough = span / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power;
  const ticks = [];
  const last = Math.floor(to / step + 1e-9);
  for (let number = Math.ceil(from / step - 1e-9); number <= last; number += 1) {
    ticks.push(Number((number * step).toPrecision(12)));
  }
  return { at: (value) => (value - from) / span, back: (share) => from + share * span, ticks };
};

const logarithmic = (from, to) => {
  const [low, high] = [Math.log10(from), Math.log10(to)];
  const span = high - low;
  const scale = {
    at: (value) => (Math.log10(value) - low) / span,
    back: (share) => 10 ** (low + share * span),
  };
  if (span < 1) return { ...scale, ticks: linear(from, to).ticks.filter((tick) => tick > 0) };
  const digits = span < 2 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(span / 5));
  const ticks = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power += every) {
    ticks.push(...digits.map((digit) => Number(`${digit}e${power}`)));
  }
  return { ...scale, ticks: ticks.filter((tick) => tick >= from && tick <= to) };
};

// A margin is a share of what the values span; where they are all the same, of their size.
const scale = (values, isLogarithmic, margin) => {
  const low = Math.min(...values.map(([least]) => least));
  const high = Math.max(...values.map(([, most]) => most));
  if (isLogarithmic && low > 0) {
    const more = high > low ? (high / low) ** margin : 1.2;
    return logarithmic(low / more, high * more);
  }
  const more = high > low ? margin * (high - low) : 0.2 * Math.abs(low) || 1;
  return linear(low - more, high + more);
};

const extremes = (values) => {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most];
};

// Of the points in a pixel's column, the first, the lowest, the highest and the last are enough.
const path = (points) => {
  const kept = [];
  let column = [];
  const flush = () => {
    if (column.length > 4) {
      const low = column.reduce((one, other) => (other[1] > one[1] ? other : one));
      const high = column.reduce((one, other) => (other[1] < one[1] ? other : one));
      const middle = column.indexOf(low) < column.indexOf(high) ? [low, high] : [high, low];
      column = [column[0], ...middle, column.at(-1)];
    }
    kept.push(...column);
    column = [];
  };
  for (const point of points) {
    if (column.length && Math.floor(column[0][0]) !== Math.floor(point[0])) flush();
    column.push(point);
  }
  flush();
  return kept.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
};

export class Chart {
  constructor(column, onPick) {
    this.column = column;
    this.readout = document.createElement("output");
    const title = document.createElement("h3");
    title.append(column.title, this.readout);
    this.svg = svgElement("svg", { role: "img" });
    this.figure = document.createElement("figure");
    this.figure.className = "card";
    this.figure.append(title, this.svg);
    this.onPick = onPick;
    const pick = (event) => {
      if (!this.x || (event.type === "pointermove" && !event.buttons)) return;
      const share = (event.offsetX - MARGIN.left) / this.width;
      this.onPick(this.x.back(Math.min(Math.max(share, 0), 1)));
    };
    this.svg.addEventListener("pointerdown", pick);
    this.svg.addEventListener("pointermove", pick);
  }

  // Lines have x, y, a colour, a dash, and are faint or not. The cursor is a point, or null.
  draw(lines, { logX, cursor, label }) {
    const { clientWidth, clientHeight } = this.svg;
    if (!clientWidth) return;
    this.width = clientWidth - MARGIN.left - MARGIN.right;
    const height = clientHeight - MARGIN.top - MARGIN.bottom;
    const usable = ([x, y]) =>
      Number.isFinite(y) && (!logX || x > 0) && (!this.column.logarithmic || y > 0);
    const drawn = lines.map((line) => ({ ...line, points: line.points.filter(usable) }));
    const some = drawn.filter((line) => line.points.length);
    this.svg.setAttribute("viewBox", `0 0 ${clientWidth} ${clientHeight}`);
    this.svg.setAttribute("aria-label", label);
    this.x = null;
    if (!some.length) {
      const place = { x: clientWidth / 2, y: clientHeight / 2, "text-anchor": "middle" };
      this.svg.replaceChildren(svgElement("text", place, "after the first epoch"));
      return;
    }
    const xs = some.map((line) => extremes(line.points.map(([x]) => x)));
    const ys = some.map((line) => extremes(line.points.map(([, y]) => y)));
    if (!logX) xs.push([0, 0]);
    this.x = scale(xs, logX, 0);
    const y = scale(ys, this.column.logarithmic, 0.05);
    const place = ([left, up]) => [
      MARGIN.left + this.x.at(left) * this.width,
      MARGIN.top + (1 - y.at(up)) * height,
    ];
    const parts = [];
    for (const tick of y.ticks) {
      const at = MARGIN.top + (1 - y.at(tick)) * height;
      const ends = { x1: MARGIN.left, x2: MARGIN.left + this.width, y1: at, y2: at };
      const text = { x: MARGIN.left - 8, y: at + 4, "text-anchor": "end" };
      parts.push(svgElement("line", { class: "grid", ...ends }));
      parts.push(svgElement("text", text, format(tick)));
    }
    for (const tick of this.x.ticks) {
      const at = MARGIN.left + this.x.at(tick) * this.width;
      const isLast = at > MARGIN.left + this.width - 14;
      const text = { x: at, y: clientHeight - 6, "text-anchor": isLast ? "end" : "middle" };
      parts.push(svgElement("text", text, format(tick)));
    }
    if (cursor && (!logX || cursor[0] > 0)) {
      const at = MARGIN.left + this.x.at(cursor[0]) * this.width;
      const ends = { x1: at, x2: at, y1: MARGIN.top, y2: MARGIN.top + height };
      parts.push(svgElement("line", { class: "cursor", ...ends }));
    }
    for (const { points, colour, dash, faint } of some) {
      const d = `M${path(points.map(place))}${points.length === 1 ? "h.1" : ""}`;
      const kind = `line series-${colour} ${dash}${faint ? " faint" : ""}`;
      parts.push(svgElement("path", { class: kind, d, "stroke-linecap": "round" }));
      if (cursor && !faint && usable(cursor)) {
        const [cx, cy] = place(cursor);
        parts.push(svgElement("circle", { class: `dot series-${colour}`, cx, cy, r: 4.5 }));
      }
    }
    this.svg.replaceChildren(...parts);
  }
}
