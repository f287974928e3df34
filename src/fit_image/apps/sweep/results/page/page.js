{
  const pictures = JSON.parse(document.getElementById("data").textContent);
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

  const significant = (value) => Number(value.toPrecision(3));
  const axes = {
    epochs: {
      title: "epochs",
      format: formatNumber,
      describe: (value) => `epoch ${formatNumber(Math.round(value))}`,
    },
    seconds: {
      title: "seconds of training",
      format: formatNumber,
      describe: (value) => `${formatNumber(significant(value))} s`,
    },
    work: {
      title: "operations of learning",
      format: formatSI,
      describe: (value) => `${formatSI(significant(value))} operations`,
    },
  };
  const psnr = {
    title: "PSNR (dB)",
    format: formatNumber,
    describe: (value) => `${value.toFixed(2)} dB`,
  };
  const dashes = {
    solid: [],
    dash: [9, 5],
    dot: [3, 4],
    dashdot: [9, 4, 3, 4],
    longdash: [16, 6],
    longdashdot: [16, 5, 3, 5],
  };
  const hidden = new Set();

  const drawLegend = () => {
    const rows = picture.curves.map(({ group }) => {
      const input = document.createElement("input");
      input.type = "checkbox";
      input.checked = !hidden.has(group);
      input.addEventListener("change", () => {
        if (input.checked) hidden.delete(group);
        else hidden.add(group);
        drawChart(true);
      });
      const { label } = picture.groups[group];
      return element("label", "", input, swatch(picture.groups[group]), label);
    });
    byId("legend").replaceChildren(byId("legend").firstElementChild, ...rows);
  };

  const chart = new LineChart(byId("chart"), (enlarged) => {
    byId("whole").disabled = !enlarged;
  });
  byId("whole").addEventListener("click", () => chart.showAll());

  const lineOf = (curve, axis) => {
    const { label, colour, dash } = picture.groups[curve.group];
    const { x, mean, least, most } = axis === "seconds" ? curve.seconds : curve.epochs;
    return {
      name: label,
      colour: `--series-${colour}`,
      dash: dashes[dash],
      x: axis === "work" ? x.map((epoch) => epoch * curve.work) : x,
      y: mean,
      ...(curve.seeds > 1 ? { least, most } : {}),
    };
  };

  const drawChart = (keepView = false) => {
    const axis = chosen("axis");
    const lines = picture.curves
      .filter((curve) => !hidden.has(curve.group))
      .map((curve) => lineOf(curve, axis));
    const x = { ...axes[axis], logarithmic: byId("logarithmic").checked };
    chart.show(lines, { x, y: psnr }, keepView);
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
  onChange('input[name="axis"], #logarithmic', () => drawChart());
  onChange('input[name="picture"]', (input) => showPicture(input.value));
  onChange('input[name="pace"]', () => {
    stop();
    setSteps();
  });
  // Browsers may keep what was chosen when a page is loaded again.
  showPicture(document.querySelector('input[name="picture"]:checked')?.value ?? 0);
}
