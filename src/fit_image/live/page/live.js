// The page of a training that goes on: what the server tells, and what people press.

import { Chart, inDigits, swatch } from "./charts.js";
import { byId, chosen, element, rounded, setText } from "./dom.js";
import { setUpLarger } from "./larger.js";
import { showNetwork } from "./network.js";
import { Frames, Painter, paint, paintDifference } from "./pictures.js";
import { showFigures, showHead } from "./progress.js";
import { axisOf, drawnRows, makeReel, nameOf, rowsOf, takeRows } from "./reels.js";
import { page } from "./state.js";

const hidden = new Set();
let follows = true;
let place = 0; // on the slider's axis, when it does not follow
let steps = [];
let timer = null;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const rowShown = (reel) => {
  const rows = drawnRows(reel);
  if (follows || !rows.length) return rows.at(-1);
  const axis = axisOf(chosen("pace"));
  return rows.findLast((row) => row[axis] <= place) ?? rows[0];
};

// News

const takeIn = (news) => {
  if (news.facts) page.facts = news.facts;
  page.standing = news.standing;
  const keys = new Set(news.reels.map(({ key }) => key));
  for (const [key, reel] of page.reels) {
    if (keys.has(key)) continue;
    reel.frames.forget();
    page.reels.delete(key);
  }
  for (const each of news.reels) {
    if (!page.reels.has(each.key)) page.reels.set(each.key, makeReel(each));
    takeRows(page.reels.get(each.key), each);
  }
  if (!page.reels.has(page.selected)) select([...page.reels.keys()][0] ?? null);
  if (news.over) finish();
};

// What is shown

const painter = new Painter(byId("painted"), ({ frames, epoch }) => {
  const reel = page.reel;
  if (!reel || reel.frames !== frames) return;
  const row = rowsOf(reel).find((each) => each[0] === epoch);
  const { width, height } = byId("painted");
  document.documentElement.style.setProperty("--aspect", width / height);
  if (row) setText(byId("painted-caption"), nameOf(reel, row));
  if (reel.facts.target) paintDifference(byId("difference"), byId("painted"), byId("target"));
});

const showTarget = async (reel) => {
  byId("triple").classList.toggle("alone", !reel.facts.target);
  byId("target-figure").hidden = byId("difference-figure").hidden = !reel.facts.target;
  // Its file is written before the first row.
  if (!reel.facts.target || reel.targetShown || !reel.newest) return;
  reel.targetShown = true;
  try {
    const response = await fetch(`target/${reel.key}`);
    reel.targetShown = response.ok;
    if (!response.ok) return;
    reel.target = await createImageBitmap(await response.blob());
  } catch {
    reel.targetShown = false;
    return;
  }
  if (reel.key === page.selected) placeTarget(reel);
};
const placeTarget = (reel) => {
  if (!reel.target) return;
  paint(byId("target"), reel.target, reel.background);
  paintDifference(byId("difference"), byId("painted"), byId("target"));
};

const findSteps = () => {
  const axis = axisOf(chosen("pace"));
  if (page.reels.size === 1) return drawnRows([...page.reels.values()][0]).map((row) => row[axis]);
  const values = [...page.reels.values()].flatMap((reel) => drawnRows(reel).map((row) => row[axis]));
  const most = values.reduce((one, other) => Math.max(one, other), 0);
  const even = (value) => Math.ceil((value / most) * 300) * (most / 300);
  const distinct = new Set(axis ? values.map(even) : values);
  return [...distinct].sort((one, other) => one - other);
};

const inSeconds = (value) => `${value.toPrecision(3)} s`;

const showPlayer = () => {
  steps = findSteps();
  const slider = byId("step");
  slider.max = Math.max(steps.length - 1, 0);
  const at = follows ? steps.length - 1 : Math.max(steps.findLastIndex((each) => each <= place), 0);
  slider.value = at;
  const value = steps[at];
  const known = chosen("pace") === "epochs" ? (epoch) => `epoch ${rounded(epoch)}` : inSeconds;
  const shown = value === undefined ? "" : known(value);
  setText(byId("position"), shown);
  slider.setAttribute("aria-valuetext", shown);
  slider.disabled = byId("play").disabled = steps.length < 2;
  byId("newest").setAttribute("aria-pressed", String(follows));
  const reel = page.reel;
  const row = reel && rowShown(reel);
  if (row) painter.want(reel.frames, row[0], reel.background);
  byId("paces").hidden = page.reels.size < 2;
};

const screens = new Map();

const makeScreen = (reel) => {
  const canvas = element("canvas");
  const state = element("small");
  const caption = element("figcaption", "", swatch(reel.style), reel.label, state);
  const button = element("button", "", canvas, caption);
  button.type = "button";
  button.title = `Show ${reel.label} above`;
  button.addEventListener("click", () => {
    select(reel.key);
    showAll();
    showCharts();
  });
  return { figure: element("figure", "", button), state, painter: new Painter(canvas) };
};

const showScreens = () => {
  byId("trials-section").hidden = page.reels.size < 2;
  for (const [key, screen] of screens) {
    if (page.reels.has(key) && page.reels.size > 1) continue;
    screen.figure.remove();
    screens.delete(key);
  }
  if (page.reels.size < 2) return;
  for (const [key, reel] of page.reels) {
    if (!screens.has(key)) {
      screens.set(key, makeScreen(reel));
      byId("screens").append(screens.get(key).figure);
    }
    const screen = screens.get(key);
    const row = rowShown(reel);
    const state = reel.standing.state === "learning" ? "" : ` · ${reel.standing.state}`;
    setText(screen.state, row ? `${nameOf(reel, row)}${state}` : "starting");
    screen.figure.setAttribute("aria-current", String(key === page.selected));
    if (row) screen.painter.want(reel.frames, row[0], reel.background);
  }
  const more = (page.standing.trials ?? 0) - page.reels.size;
  const [trials, wait, have] = more === 1 ? ["trial", "waits", "has"] : ["trials", "wait", "have"];
  const others = ` ${rounded(more)} more ${trials} ${wait}, or ${have} ended with less.`;
  const rest = more > 0 ? others : "";
  setText(byId("trials-note"), `Press a picture to see it above.${rest}`);
};

const charts = new Map();

const showCharts = () => {
  const reel = page.reel;
  if (!reel) return;
  const axis = axisOf(chosen("axis"));
  const shown = [...page.reels.values()].filter(({ key }) => !hidden.has(key));
  const row = rowShown(reel);
  reel.facts.columns.forEach((column, index) => {
    if (!charts.has(column.name)) {
      charts.set(column.name, new Chart(column, pick));
      byId("charts").append(charts.get(column.name).figure);
    }
    const chart = charts.get(column.name);
    const lines = shown.map((each) => ({
      points: rowsOf(each)
        .filter((one) => one[3 + index] !== null)
        .map((one) => [one[axis], one[3 + index]]),
      colour: each.style.colour,
      dash: each.style.dash,
      faint: each !== reel,
    }));
    lines.sort((one, other) => other.faint - one.faint);
    const value = row?.[3 + index] ?? null;
    const cursor = row && !hidden.has(reel.key) ? [row[axis], value] : null;
    const text = value === null ? "" : inDigits(value, 5);
    const label = `${column.title} against ${chosen("axis")} of training; shown: ${text || "none"}`;
    setText(chart.readout, text);
    chart.draw(lines, { logX: byId("logarithmic").checked, cursor, label });
  });
};

const showLegend = () => {
  const keys = [...page.reels.keys()].join(" ");
  const legend = byId("legend");
  legend.hidden = page.reels.size < 2;
  if (legend.dataset.keys === keys) return;
  legend.dataset.keys = keys;
  const rows = [...page.reels.values()].map((reel) => {
    const input = element("input");
    input.type = "checkbox";
    input.checked = !hidden.has(reel.key);
    input.addEventListener("change", () => {
      if (input.checked) hidden.delete(reel.key);
      else hidden.add(reel.key);
      showCharts();
    });
    return element("label", "", input, swatch(reel.style), reel.label);
  });
  legend.replaceChildren(legend.firstElementChild, ...rows);
};

const select = (key) => {
  page.selected = key;
  const reel = page.reels.get(key);
  if (!reel) return;
  showNetwork(reel, page.reels.size > 1 ? reel.label : "");
  showTarget(reel);
  placeTarget(reel);
};

// Charts are drawn less often than the rest: they are the most work.
let waiting = null;
const showChartsSoon = () => {
  waiting ??= setTimeout(() => {
    waiting = null;
    showCharts();
  }, 300);
};

const showAll = () => {
  showHead();
  showFigures();
  const reel = page.reel;
  if (reel) showTarget(reel);
  showPlayer();
  showScreens();
  showLegend();
  showChartsSoon();
};

// The slider

const stopPlaying = () => {
  clearInterval(timer);
  timer = null;
  setText(byId("play"), "Play");
};
const goTo = (index) => {
  follows = index >= steps.length - 1;
  place = steps[Math.min(index, steps.length - 1)] ?? 0;
  showPlayer();
  showScreens();
  showCharts();
};
const pick = (value) => {
  stopPlaying();
  const axis = axisOf(chosen("axis"));
  const pace = axisOf(chosen("pace"));
  const reel = page.reel;
  const rows = reel ? drawnRows(reel) : [];
  if (!rows.length) return;
  const nearest = rows.reduce((one, other) =>
    Math.abs(other[axis] - value) < Math.abs(one[axis] - value) ? other : one,
  );
  goTo(Math.max(steps.findLastIndex((each) => each <= nearest[pace]), 0));
};
byId("play").addEventListener("click", () => {
  if (timer) {
    stopPlaying();
    return;
  }
  if (follows) goTo(0);
  setText(byId("play"), "Pause");
  timer = setInterval(() => {
    goTo(Number(byId("step").value) + Math.max(1, Math.floor(steps.length / 120)));
    if (follows) stopPlaying();
  }, calm.matches ? 600 : 120);
});
byId("step").addEventListener("input", (event) => {
  stopPlaying();
  goTo(Number(event.target.value));
});
byId("newest").addEventListener("click", () => {
  stopPlaying();
  goTo(Infinity);
});
for (const input of document.querySelectorAll('input[name="axis"], #logarithmic')) {
  input.addEventListener("change", showCharts);
}
for (const input of document.querySelectorAll('input[name="pace"]')) {
  input.addEventListener("change", () => {
    stopPlaying();
    goTo(Infinity);
  });
}
new ResizeObserver(() => showCharts()).observe(byId("charts"));

// Stop and keep

byId("stop").addEventListener("click", () => byId("stop-dialog").showModal());
byId("go-on").addEventListener("click", () => byId("stop-dialog").close());
byId("stop-now").addEventListener("click", () => {
  byId("stop-dialog").close();
  fetch("stop", { method: "POST" }).catch(() => {});
});

setUpLarger(() => [page.reel, page.facts.title ?? "picture"]);

// The connection

const source = new EventSource("events");
source.addEventListener("message", (event) => {
  page.lost = "";
  takeIn(JSON.parse(event.data));
  showAll();
});
source.addEventListener("error", () => {
  if (page.over) return;
  const isGone = source.readyState === EventSource.CLOSED;
  const gone = "the program is gone; this page keeps what it has";
  page.lost = isGone ? gone : "connection lost: trying again";
  showAll();
});

const finish = async () => {
  if (page.over) return;
  await Promise.all([...page.reels.values()].map((reel) => {
    const last = drawnRows(reel).at(-1);
    return last && reel.frames.get(last[0]);
  }));
  page.over = Frames.offline = true;
  source.close();
  showAll();
};

// While there is time, frames are fetched for when there is no server any more.
setInterval(async () => {
  const reel = page.reel;
  if (!reel || page.over || page.lost || painter.busy) return;
  const epoch = reel.frames.missing(drawnRows(reel).map((row) => row[0]));
  if (epoch !== null) await reel.frames.get(epoch);
}, 250);
