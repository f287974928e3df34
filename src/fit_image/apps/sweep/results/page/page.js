"use strict";
{
  const pictures = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 600px)");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const byId = (id) => document.getElementById(id);
  const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
  let picture = pictures[0];

  const element = (name, className, ...children) => {
    const made = document.createElement(name);
    made.className = className;
    made.append(...children);
    return made;
  };

  const swatch = (group) => {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("class", `swatch series-${group.colour} ${group.dash}`);
    svg.setAttribute("viewBox", "0 0 28 10");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", "M1 5H27");
    svg.append(path);
    return svg;
  };

  // Chart

  const titles = { epochs: "epochs", seconds: "seconds of training", work: "operations of learning" };
  const places = { epochs: "epoch %{x:,.0f}", seconds: "%{x:.3~r} s", work: "%{x:.3~s} operations" };
  const hidden = new Set();

  const drawLegend = () => {
    const rows = picture.curves.map(({ group }) => {
      const input = document.createElement("input");
      input.type = "checkbox";
      input.checked = !hidden.has(group);
      input.addEventListener("change", () => {
        if (input.checked) hidden.delete(group);
        else hidden.add(group);
        drawChart();
      });
      const { label } = picture.groups[group];
      return element("label", "", input, swatch(picture.groups[group]), label);
    });
    byId("legend").replaceChildren(byId("legend").firstElementChild, ...rows);
  };

  // Plotly takes some tags in names for its own.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

  const tracesOf = (curve, axis, colour) => {
    const { label, dash } = picture.groups[curve.group];
    const figures = axis === "seconds" ? curve.seconds : curve.epochs;
    const x = axis === "work" ? figures.x.map((epoch) => epoch * curve.work) : figures.x;
    const line = {
      x,
      y: figures.mean,
      name: plain(label),
      mode: x.length > 1 ? "lines" : "markers",
      line: { color: colour, dash, width: 2.5 },
      marker: { color: colour, size: 8 },
      hovertemplate: `%{y:.2f} dB at ${places[axis]}<extra>%{fullData.name}</extra>`,
    };
    if (curve.seeds < 2) return [line];
    const band = {
      x: [...x, ...[...x].reverse()],
      y: [...figures.least, ...[...figures.most].reverse()],
      fill: "toself",
      fillcolor: `${colour}26`,
      line: { width: 0 },
      mode: "lines",
      hoverinfo: "skip",
    };
    return [band, line];
  };

  const drawChart = () => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const axis = chosen("axis");
    const traces = picture.curves
      .filter((curve) => !hidden.has(curve.group))
      .map((curve) => tracesOf(curve, axis, colour(`series-${picture.groups[curve.group].colour}`)));
    const lines = { gridcolor: colour("line"), linecolor: colour("line"), zeroline: false };
    const layout = {
      showlegend: false,
      hovermode: "closest",
      dragmode: narrow.matches ? false : "zoom",
      margin: { l: 56, r: 12, t: 8, b: 48 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("soft") },
      hoverlabel: { bgcolor: colour("card"), font: { color: colour("ink") }, namelength: -1 },
      xaxis: {
        ...lines,
        title: { text: titles[axis] },
        type: byId("logarithmic").checked ? "log" : "linear",
        // By itself, a logarithmic axis labels every digit, one over the other.
        ...(byId("logarithmic").checked ? { dtick: narrow.matches ? 1 : "D2" } : {}),
        ...(axis === "work" ? { exponentformat: "SI" } : {}),
      },
      yaxis: { ...lines, title: { text: "PSNR (dB)" } },
    };
    const options = { displayModeBar: false, responsive: true };
    Plotly.react("chart", traces.flatMap((pair) => pair), layout, options);
  };

  // Tables

  const valueOf = (row, column) => row.cells[column].dataset.value;

  const sortBy = (header) => {
    const table = header.closest("table");
    const ascending = header.getAttribute("aria-sort") !== "ascending";
    const numeric = header.classList.contains("number");
    const compare = (one, other) => {
      const [a, b] = [valueOf(one, header.cellIndex), valueOf(other, header.cellIndex)];
      if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
      // "inf" is how Python writes it.
      const number = (text) => (text === "inf" ? Infinity : Number(text));
      const order = numeric
        ? Math.sign(number(a) - number(b)) || 0
        : a.localeCompare(b, "en", { numeric: true });
      return ascending ? order : -order;
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
    for (const each of table.tHead.rows[0].cells) each.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  };

  for (const button of document.querySelectorAll("thead button")) {
    button.addEventListener("click", () => sortBy(button.closest("th")));
  }

  // Player

  let screens = [];
  let timer = null;
  const step = byId("step");

  const makeScreens = () => {
    const figures = picture.pictured.map((index, place) => {
      const group = picture.groups[index];
      const image = new Image();
      image.alt = `Painted by ${group.label}`;
      image.decoding = "sync";
      const facts = document.createElement("small");
      const caption = element("figcaption", "", swatch(group), group.label, facts);
      const { frames } = picture.player.reels[place];
      return { image, facts, frames, figure: element("figure", "", image, caption) };
    });
    screens = figures;
    const target = new Image();
    target.src = picture.target || "";
    target.alt = "The target";
    const caption = element("figcaption", "", element("strong", "", "target"));
    const first = picture.target ? [element("figure", "", target, caption)] : [];
    byId("screens").classList.toggle("wide", picture.wide);
    byId("screens").replaceChildren(...first, ...figures.map(({ figure }) => figure));
  };

  const showStep = () => {
    const pace = chosen("pace");
    const value = picture.player[pace][step.value] ?? 0;
    const shown = pace === "epochs" ? `epoch ${value}` : `${value.toPrecision(3)} s`;
    byId("position").value = shown;
    step.setAttribute("aria-valuetext", shown);
    const of = pace === "epochs" ? "epoch" : "seconds";
    for (const { image, facts, frames } of screens) {
      const frame = frames.findLast((each) => each[of] <= value) ?? frames[0];
      if (image.src !== frame.src) image.src = frame.src;
      const psnr = frame.psnr === null ? "" : ` · ${frame.psnr.toFixed(2)} dB`;
      facts.textContent = frame.epoch ? `epoch ${frame.epoch}${psnr}` : "untrained";
    }
  };

  const setSteps = () => {
    step.max = Math.max(picture.player[chosen("pace")].length - 1, 0);
    step.value = step.max;
    byId("play").disabled = step.max === "0";
    showStep();
  };

  const stop = () => {
    clearInterval(timer);
    timer = null;
    byId("play").textContent = "Play";
  };

  const advance = () => {
    step.value = Number(step.value) + 1;
    showStep();
    if (step.value === step.max) stop();
  };

  byId("play").addEventListener("click", () => {
    if (timer) {
      stop();
      return;
    }
    if (step.value === step.max) step.value = 0;
    showStep();
    timer = setInterval(advance, calm.matches ? 600 : 120);
    byId("play").textContent = "Pause";
  });

  step.addEventListener("input", () => {
    stop();
    showStep();
  });

  // Picture

  const showPicture = (index) => {
    picture = pictures[index];
    hidden.clear();
    for (const part of document.querySelectorAll("[data-picture]")) {
      part.hidden = part.dataset.picture !== String(index);
    }
    stop();
    drawLegend();
    drawChart();
    makeScreens();
    setSteps();
  };

  const onChange = (selector, action) => {
    for (const input of document.querySelectorAll(selector)) {
      input.addEventListener("change", () => action(input));
    }
  };
  onChange('input[name="axis"], #logarithmic', drawChart);
  onChange('input[name="picture"]', (input) => showPicture(input.value));
  onChange('input[name="pace"]', () => {
    stop();
    setSteps();
  });
  dark.addEventListener("change", drawChart);
  narrow.addEventListener("change", drawChart);
  // Browsers may keep what was chosen when a page is loaded again.
  showPicture(document.querySelector('input[name="picture"]:checked')?.value ?? 0);
}
