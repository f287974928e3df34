{
  const pictures = JSON.parse(document.getElementById("data").textContent);
  let picture = pictures[0];

  const swatch = ({ colour, dash }) => makeSwatch(`--series-${colour}`, dash);

  // Chart

  const axes = {
    ...progressAxes,
    work: {
      title: "operations of learning",
      format: formatSI,
      describe: (value) => `${formatSI(significant(value))} operations`,
    },
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
      const { label } = picture.groups[group];
      return { key: group, swatch: swatch(picture.groups[group]), label };
    });
    showLegend("legend", rows, hidden, () => {
      drawChart(true);
      drawSpectra(true);
    });
  };

  const chart = makeChart("chart", "whole");

  // Whether the PSNR of pixels that were never shown is drawn.
  const ofUnseen = () =>
    document.querySelector('input[name="pixels"]:checked')?.value === "unseen";

  const lineOf = (curve, axis) => {
    const { label, colour, dash } = picture.groups[curve.group];
    const source = ofUnseen() ? curve.unseen : curve;
    const { x, mean, least, most } = axis === "seconds" ? source.seconds : source.epochs;
    return {
      name: label,
      colour: `--series-${colour}`,
      dash: dashes[dash],
      x: axis === "work" ? x.map((epoch) => epoch * curve.work) : x,
      y: mean,
      ...(source.seeds > 1 ? { least, most } : {}),
    };
  };

  const drawChart = (keepView = false) => {
    const axis = chosen("axis");
    const lines = picture.curves
      .filter((curve) => !hidden.has(curve.group) && (curve.unseen || !ofUnseen()))
      .map((curve) => lineOf(curve, axis));
    const x = { ...axes[axis], logarithmic: byId("logarithmic").checked };
    chart.show(lines, { x, y: decibels("PSNR (dB)", 2) }, keepView);
  };

  // Frequencies

  const spectrum = makeChart("spectrum", "whole-spectrum");

  // At the end, a line over the octaves; of one octave, a line over the epochs.
  const lineOfSpectrum = (each, octave) => {
    const { label, colour, dash } = picture.groups[each.group];
    const style = { colour: `--series-${colour}`, dash: dashes[dash] };
    if (octave >= 0) {
      const learned = each.epochs.map((_, index) => ratios(each, index)[octave]);
      return { name: label, ...style, ...points(each.epochs, learned) };
    }
    const places = each.wavelengths.map((wavelength) => 1 / wavelength);
    const learned = ratios(each, each.epochs.length - 1);
    return { name: `${label}, epoch ${each.epochs.at(-1)}`, ...style, ...points(places, learned) };
  };

  const drawSpectra = (keepView = false) => {
    const octave = Number(byId("octave").value);
    const lines = picture.spectra
      .filter(({ group }) => !hidden.has(group))
      .map((each) => lineOfSpectrum(each, octave));
    const wavelengths = picture.spectra[0]?.wavelengths ?? [];
    const x = octave < 0 ? octaveAxis(wavelengths) : axes.epochs;
    spectrum.show(lines, { x, y: decibels("target to error (dB)", 1) }, keepView);
  };

  const setOctaves = () => {
    const wavelengths = picture.spectra[0]?.wavelengths ?? [];
    const names = wavelengths.map((each, index) => new Option(nameOctave(each), index));
    byId("octave").replaceChildren(new Option("all, in the last picture", -1), ...names);
  };
  byId("octave").addEventListener("change", () => drawSpectra());

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

  const player = new Player();

  const makeScreens = () => {
    const figures = picture.pictured.map((index, place) => {
      const group = picture.groups[index];
      const { frames } = picture.player.reels[place];
      return makeScreen(`Painted by ${group.label}`, [swatch(group), group.label], frames);
    });
    const first = picture.target ? [makeTarget(picture.target)] : [];
    byId("screens").classList.toggle("wide", picture.wide);
    byId("screens").replaceChildren(...first, ...figures.map(({ figure }) => figure));
    player.show(picture.player, figures);
  };

  // Picture

  const showPicture = (index) => {
    picture = pictures[index];
    hidden.clear();
    for (const part of document.querySelectorAll("[data-picture]")) {
      part.hidden = part.dataset.picture !== String(index);
    }
    drawLegend();
    drawChart();
    setOctaves();
    drawSpectra();
    makeScreens();
  };

  onChange('input[name="axis"], input[name="pixels"], #logarithmic', () => drawChart());
  onChange('input[name="picture"]', (input) => showPicture(input.value));
  // Browsers may keep what was chosen when a page is loaded again.
  showPicture(document.querySelector('input[name="picture"]:checked')?.value ?? 0);
}
