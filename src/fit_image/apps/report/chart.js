// Numbers as text, in the same form for all readers: 1,200 or 0.00015, and 1.5G.
const formatNumber = (value) =>
  Number(value.toPrecision(10)).toLocaleString("en", { maximumFractionDigits: 15 });

const significant = (value) => Number(value.toPrecision(3));

const formatSI = (value) => {
  const power = value ? Math.floor(Math.log10(Math.abs(value)) / 3) : 0;
  const index = Math.min(Math.max(power, 0), 6);
  return formatNumber(value / 1000 ** index) + ["", "k", "M", "G", "T", "P", "E"][index];
};

// In the pixels of a style sheet: a page of A4 or letter is about as wide.
const PAPER = { clientWidth: 720, clientHeight: 330 };

// Lines against one logarithmic or linear axis, with bands around them; the point next to the
// pointer is named, and parts can be enlarged by pointer or keyboard.
class LineChart {
  #lines = [];
  #axes = null;
  #all = null;
  #view = null;
  #printing = false;
  #tip = document.createElement("div");
  #point = document.createElement("div");

  // `onView` is called with whether a part is shown.
  constructor(place, onView) {
    this.place = place;
    this.onView = onView;
    this.#tip.className = "tip";
    this.#point.className = "point";
    new ResizeObserver(() => this.#resize()).observe(place);
    place.addEventListener("keydown", (event) => this.#press(event));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      if (!this.#printing) this.#draw(); // paper has its own colours, and no height yet
    });
    for (const [name, printing] of [["beforeprint", true], ["afterprint", false]]) {
      addEventListener(name, () => this.#print(printing));
    }
  }

  // `lines` have name, colour (a variable of the style sheet), dash, x, y, and perhaps least and
  // most; `axes` has x and y, each with title, format and describe; x may be logarithmic, and then
  // have the places that are labelled.
  show(lines, axes, keepView = false) {
    this.#axes = axes;
    this.#lines = lines.map((line) => this.#visible(line)).filter(({ x }) => x.length);
    this.#all = this.#range();
    if (!keepView) this.#view = null;
    this.#draw();
  }

  showAll() {
    this.#look(null);
  }

  // Points that a logarithmic axis has no place for are left out.
  #visible(line) {
    if (!this.#axes.x.logarithmic) return line;
    const kept = (values) => values?.filter((_, index) => line.x[index] > 0);
    const [x, y, least, most] = [line.x, line.y, line.least, line.most].map(kept);
    return { ...line, x, y, least, most };
  }

  #range() {
    const ends = (values) => [
      values.reduce((low, each) => Math.min(low, each), Infinity),
      values.reduce((high, each) => Math.max(high, each), -Infinity),
    ];
    let [left, right] = ends(this.#lines.flatMap(({ x }) => x));
    let [low, high] = ends(this.#lines.flatMap(({ y, least = y, most = y }) => [...least, ...most]));
    if (left > right) [left, right, low, high] = [1, 10, 0, 1];
    if (left === right) [left, right] = left ? [left / 2, left * 2] : [-1, 1];
    const margin = (high - low) * 0.05 || 0.5;
    return { x: [left, right], y: [low - margin, high + margin] };
  }

  #draw() {
    if (!this.#axes) return;
    this.plot?.destroy();
    const bands = this.#lines.filter(({ least }) => least);
    const data = [
      ...bands.map(({ x, least, most }) => [x, most, least]),
      ...this.#lines.map(({ x, y }) => [x, y]),
    ];
    const edge = { scale: "y", width: 0, points: { show: false } };
    const view = this.#view ?? this.#all;
    // Twice as large on paper, where the style sheet makes it smaller again; the same from a
    // window of any width.
    const size = this.#printing ? 2 : 1;
    const { clientWidth, clientHeight } = this.#printing ? PAPER : this.place;
    const style = getComputedStyle(this.place);
    const widthOf = (texts) => 10 + 7.5 * Math.max(2, ...(texts ?? []).map(({ length }) => length));
    const colourOf = ({ colour }) => style.getPropertyValue(colour);
    const options = {
      width: clientWidth * size,
      height: clientHeight * size,
      legend: { show: false },
      padding: [8 * size, 22 * size, 0, 0],
      scales: {
        x: {
          time: false,
          distr: this.#axes.x.logarithmic ? 3 : 1,
          range: () => (this.#view ?? this.#all).x,
        },
        y: { range: () => (this.#view ?? this.#all).y },
      },
      axes: [
        { ...this.#axis(this.#axes.x, style, size), space: 64 * size, size: 28 * size },
        {
          ...this.#axis(this.#axes.y, style, size),
          scale: "y",
          space: 40 * size,
          size: (_, texts) => widthOf(texts) * size,
        },
      ],
      series: [
        {},
        ...bands.flatMap(() => [edge, edge]),
        ...this.#lines.map((line) => ({
          scale: "y",
          stroke: colourOf(line),
          width: 2.5 * size,
          dash: line.dash.map((length) => length * size),
          cap: line.dash.length ? "butt" : "round",
          points: { show: line.x.length === 1, size: 8 * size, fill: colourOf(line) },
        })),
      ],
      bands: bands.map((line, index) => ({
        series: [2 * index + 1, 2 * index + 2],
        fill: `${colourOf(line)}26`,
      })),
      cursor: {
        x: false,
        y: false,
        points: { show: false },
        drag: { x: true, y: true, uni: 30, dist: 5, setScale: false },
        bind: {
          mousedown: (plot, _, handle) => (event) =>
            event.shiftKey ? this.#move(event) : handle(event),
          dblclick: () => () => this.showAll(),
        },
      },
      hooks: {
        setCursor: [({ cursor }) => this.#pointAt(cursor.left, cursor.top)],
        setSelect: [
          ({ select: { left, top, width, height } }) => {
            if (!width && !height) return;
            this.plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            this.#look(this.#part(left, top, width, height));
          },
        ],
      },
    };
    this.plot = new uPlot(options, data.length ? uPlot.join(data) : [view.x], this.place);
    this.place.plot = this.plot; // for the browser's console
    this.plot.over.append(this.#point, this.#tip);
    this.#pointAt(-1, -1);
    this.onView(this.#view !== null);
  }

  #print(printing) {
    document.documentElement.classList.toggle("paper", printing);
    this.#printing = printing;
    this.#draw();
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.place;
    const changed = this.plot && (this.plot.width !== width || this.plot.height !== height);
    if (changed && !this.#printing) this.plot.setSize({ width, height });
  }

  #axis({ title, format, logarithmic, places }, style, size) {
    const line = { stroke: style.getPropertyValue("--line"), width: size };
    const font = `${13 * size}px ${style.fontFamily}`;
    const splits = (plot, _, low, high) =>
      places?.filter((place) => place >= low && place <= high) ??
      LineChart.#logarithmic(low, high, plot.bbox.width / uPlot.pxRatio, 64 * size);
    return {
      label: title,
      labelFont: font,
      labelSize: 22 * size,
      font,
      gap: 6 * size,
      stroke: style.getPropertyValue("--soft"),
      grid: line,
      border: { show: true, ...line },
      ticks: { show: false },
      values: (_, labelled) => labelled.map(format),
      ...(logarithmic ? { splits, filter: (_, labelled) => labelled } : {}),
    };
  }

  // As many digits of each power of ten as there is room for, or every so many powers; even steps
  // within a part so small that it has few of these.
  static #logarithmic(low, high, width, space) {
    const decade = width / Math.log10(high / low);
    const rows = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 5, 7], [1, 2, 5], [1]];
    const narrowest = [10 / 9, 7 / 5, 2, 10];
    const row = narrowest.findIndex((ratio) => Math.log10(ratio) * decade >= space);
    const stride = row < 0 ? Math.ceil(space / decade) : 1;
    const places = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += stride) {
      const digits = rows.at(row).map((digit) => Number(`${digit}e${power}`));
      places.push(...digits.filter((place) => place >= low && place <= high));
    }
    if (places.length > 2) return places;
    const least = ((high - low) * space) / width;
    const power = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 5, 10].find((digit) => digit * power >= least) * power;
    const first = Math.ceil(low / step);
    const count = Math.floor(high / step) - first + 1;
    return Array.from({ length: count }, (_, index) => (first + index) * step);
  }

  // The values of a rectangle of the chart, in pixels.
  #part(left, top, width, height) {
    const values = (axis, ...ends) => ends.map((end) => this.plot.posToVal(end, axis));
    return { x: values("x", left, left + width), y: values("y", top + height, top) };
  }

  // Show a part, or all for null; a part cannot be larger than all.
  #look(view) {
    const { logarithmic } = this.#axes.x;
    const across = ({ x: [low, high] }) => (logarithmic ? Math.log(high / low) : high - low);
    const down = ({ y: [low, high] }) => high - low;
    const whole = (length) => length(view) > length(this.#all) * 0.999999;
    this.#view = view && whole(across) && whole(down) ? null : view;
    const { x, y } = this.#view ?? this.#all;
    this.plot.batch(() => {
      this.plot.setScale("x", { min: x[0], max: x[1] });
      this.plot.setScale("y", { min: y[0], max: y[1] });
    });
    this.#pointAt(-1, -1);
    this.onView(this.#view !== null);
  }

  // Move the part that is shown with the pointer, until its button is released.
  #move(event) {
    let { clientX, clientY } = event;
    const moved = (next) => {
      const { clientWidth: width, clientHeight: height } = this.plot.over;
      this.#look(this.#part(clientX - next.clientX, clientY - next.clientY, width, height));
      ({ clientX, clientY } = next);
    };
    addEventListener("mousemove", moved);
    addEventListener("mouseup", () => removeEventListener("mousemove", moved), { once: true });
  }

  #press(event) {
    const { clientWidth: width, clientHeight: height } = this.plot.over;
    const parts = {
      "+": [0.1, 0.1, 0.8, 0.8],
      "-": [-0.125, -0.125, 1.25, 1.25],
      ArrowLeft: [-0.1, 0, 1, 1],
      ArrowRight: [0.1, 0, 1, 1],
      ArrowUp: [0, -0.1, 1, 1],
      ArrowDown: [0, 0.1, 1, 1],
    };
    const part = parts[event.key === "=" ? "+" : event.key];
    // Without a part to move, the arrows scroll the page.
    const idle = event.key.startsWith("Arrow") && !this.#view;
    const named = part || event.key === "0" || event.key === "Escape";
    if (!named || idle || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (!part) {
      this.showAll();
      return;
    }
    const [left, top, across, down] = part;
    this.#look(this.#part(left * width, top * height, across * width, down * height));
  }

  // Name the point nearest to a place of the chart, in pixels.
  #pointAt(left, top) {
    const { clientWidth: width, clientHeight: height } = this.plot.over;
    let nearest = { distance: 60 };
    if (left >= 0 && top >= 0) {
      for (const line of this.#lines) {
        line.x.forEach((value, index) => {
          const [x, y] = [this.plot.valToPos(value, "x"), this.plot.valToPos(line.y[index], "y")];
          const distance = Math.hypot(x - left, y - top);
          const inside = x >= -1 && y >= -1 && x <= width + 1 && y <= height + 1;
          if (inside && distance < nearest.distance) nearest = { distance, line, index, x, y };
        });
      }
    }
    const { line, index, x, y } = nearest;
    this.#tip.hidden = this.#point.hidden = !line;
    if (!line) return;
    const name = document.createElement("strong");
    name.textContent = line.name;
    const { x: across, y: up } = this.#axes;
    const values = `${up.describe(line.y[index])} at ${across.describe(line.x[index])}`;
    this.#tip.replaceChildren(values, name);
    for (const { style } of [this.#tip, this.#point]) {
      style.setProperty("--colour", `var(${line.colour})`);
    }
    this.#point.style.left = `${x}px`;
    this.#point.style.top = `${y}px`;
    // Beside the point, on the side that has more room.
    const side = x > width / 2 ? -1 : 1;
    this.#tip.style.left = side > 0 ? `${x + 12}px` : "auto";
    this.#tip.style.right = side > 0 ? "auto" : `${width - x + 12}px`;
    this.#tip.style.maxWidth = `${Math.max(x, width - x) - 12}px`;
    const { offsetHeight: own } = this.#tip;
    this.#tip.style.top = `${Math.min(Math.max(y - own / 2, 0), height - own)}px`;
  }
}
