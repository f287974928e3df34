// The head of the page: what is learned, how far it has come, and how fast.

import { inDigits } from "./charts.js";
import { byId, decibels, duration, element, rounded, setText } from "./dom.js";
import { TimeLeft, psnrOf, rowsOf, speedOf } from "./reels.js";
import { page } from "./state.js";

const STATES = {
  preparing: "preparing",
  learning: "learning",
  done: "done",
  interrupted: "stopped; all that was learned is kept",
  diverged: "diverged; the last good epoch is kept",
  failed: "ended by an error",
};

const timeLeft = new TimeLeft();

export const showHead = () => {
  const reel = page.reel;
  setText(byId("kicker"), page.facts.kicker ?? "fit-image");
  setText(byId("title"), page.facts.title ?? "Connecting");
  const trials = page.standing.trials ?? 1;
  const words = trials > 1 ? [`${rounded(trials)} trials`] : (reel?.facts.words ?? []);
  const line = words.join("\n");
  if (byId("words").dataset.line !== line) {
    byId("words").dataset.line = line;
    byId("words").replaceChildren(...words.map((word) => element("span", "", word)));
  }
  const row = reel && rowsOf(reel).at(-1);
  const psnr = row ? psnrOf(reel, row) : null;
  const start = typeof psnr === "number" || psnr === "inf" ? `${decibels(psnr)} · ` : "";
  document.title = `${start}${page.facts.title ?? "fit-image"}`;
};

// Why a training learns nothing, if it does not.
const stalled = () => (page.reels.size === 1 && page.reel?.standing.stalled) || "";

const bannerText = () => {
  if (page.lost) return page.lost;
  const known = STATES[page.standing.state] ?? "preparing";
  const state = stalled() ? `${known}; ${stalled()}` : known;
  if (page.standing.stopping && page.standing.state === "learning") return "stopping: all is kept";
  const path = page.reels.size === 1 && page.standing.state !== "learning" && page.reel?.facts.path;
  return path ? `${state}: ${path}` : state;
};

export const showFigures = () => {
  timeLeft.mark(page.standing.share);
  const banner = byId("banner");
  setText(banner, bannerText());
  const hasFailed = ["failed", "diverged"].includes(page.standing.state);
  banner.classList.toggle("trouble", Boolean(page.lost || stalled()) || hasFailed);
  byId("progress").value = page.standing.state === "done" ? 1 : (page.standing.share ?? 0);
  const reel = page.reel;
  const figures = [];
  const { trials = page.reels.size, ended = 0 } = page.standing;
  if (trials > 1) figures.push(["trials done", `${rounded(ended)} of ${rounded(trials)}`]);
  if (trials > 1 && reel) figures.push(["of them, shown", reel.label]);
  if (reel) {
    const row = rowsOf(reel).at(-1);
    const epochs = Math.max(reel.standing.epochs ?? reel.standing.epoch ?? 0, row?.[0] ?? 0);
    const at = Math.min(Math.ceil(epochs), reel.facts.epochs);
    figures.push(["epoch", [rounded(at), `of ${rounded(reel.facts.epochs)}`]]);
    reel.facts.columns.slice(0, 2).forEach(({ title, decibels: isPsnr }, index) => {
      const value = rowsOf(reel).findLast((each) => each[3 + index] !== null)?.[3 + index];
      if (value === undefined) return;
      const isFixed = isPsnr && value !== "inf";
      figures.push([title, isFixed ? value.toFixed(2) : inDigits(value, 4)]);
    });
    const speed = speedOf(reel);
    const fast = speed === null || speed < 10 ? speed?.toFixed(1) : rounded(speed);
    if (fast) figures.push(["speed", [fast, `${reel.facts.unit}/s`]]);
    const seconds = reel.standing.seconds ?? row?.[1];
    const time = seconds < 10 ? `${seconds.toFixed(1)} s` : duration(seconds ?? 0);
    if (seconds !== undefined) figures.push(["training time", time]);
  }
  const left = page.standing.state === "learning" && !page.lost ? timeLeft.seconds : null;
  if (left !== null) figures.push(["time left", duration(left)]);
  const list = byId("figures");
  while (list.children.length > figures.length) list.lastElementChild.remove();
  figures.forEach(([name, value], index) => {
    if (!list.children[index]) {
      const text = element("dd", "", element("span"), element("small"));
      list.append(element("div", "", element("dt"), text));
    }
    const [term, text] = list.children[index].children;
    const [number, unit] = Array.isArray(value) ? value : [value, ""];
    setText(term, name);
    // Between them a space, at which narrow windows may break the line.
    setText(text.children[0], unit ? `${number} ` : number);
    setText(text.children[1], unit);
  });
  const live = !page.lost && page.standing.state === "learning";
  byId("stop").disabled = !live || Boolean(page.standing.stopping);
  byId("larger").disabled = Boolean(page.lost) || page.over || !reel;
  byId("larger").hidden = Boolean(reel) && !reel.facts.larger;
};
