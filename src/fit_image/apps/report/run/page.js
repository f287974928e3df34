{
  const run = JSON.parse(byId("data").textContent);

  const legendRows = (lines) =>
    lines.map(({ name, colour, dash }) => ({
      key: name,
      swatch: makeSwatch(colour, dash.length ? "dash" : "solid"),
      label: name,
    }));

  // Metrics

  const figures = new Map(run.figures.map((each) => [each.title, each]));
  const chart = makeChart("chart", "whole");
  const hiddenLines = new Set();

  const linesOfFigure = () =>
    figures.get(chosen("figure")).lines.map(({ name, values }, index) => ({
      name,
      colour: `--series-${index}`,
      dash: [],
      ...points(run[chosen("axis")], values),
    }));

  const drawChart = (keepView = false) => {
    const { title, decibel } = figures.get(chosen("figure"));
    const by = chosen("axis");
    const drawn = linesOfFigure().filter(({ name }) => !hiddenLines.has(name));
    const number = { title, format: formatNumber, describe: (value) => `${significant(value)}` };
    const x = { ...progressAxes[by], logarithmic: byId("logarithmic").checked };
    chart.show(drawn, { x, y: decibel ? decibels(title, 2) : number }, keepView);
  };

  const drawFigureLegend = () => {
    const lines = linesOfFigure();
    byId("figure-legend").hidden = lines.length < 2;
    showLegend("figure-legend", legendRows(lines), hiddenLines, () => drawChart(true));
  };

  // Frequencies

  const { spectra } = run;
  const spectrum = makeChart("spectrum", "whole-spectrum");
  const hidden = { ratio: new Set(), power: new Set() };
  const places = spectra.wavelengths.map((wavelength) => 1 / wavelength);

  // Few epochs, closer together at the beginning.
  const last = spectra.epochs.length - 1;
  const few = [...new Set([0, 1, 2, 4, 8, 16, 32, 64, last])].filter((index) => index <= last);

  const linesOf = {
    ratio: () => octaveLines(spectra),
    power: () => [
      ...few.map((index, place) => ({
        name: `error, ${spectra.epochs[index] ? `epoch ${spectra.epochs[index]}` : "untrained"}`,
        colour: octaveColour(place, few.length),
        dash: [],
        ...points(places, spectra.errors[index]),
      })),
      { name: "target", colour: "--ink", dash: [9, 5], ...points(places, spectra.target) },
    ],
  };

  const drawSpectra = (keepView = false) => {
    const kind = chosen("spectra");
    const ratio = kind === "ratio";
    byId("early").hidden = !ratio;
    const lines = linesOf[kind]().filter(({ name }) => !hidden[kind].has(name));
    const logarithmic = byId("logarithmic-spectrum").checked;
    const x = ratio ? { ...progressAxes.epochs, logarithmic } : octaveAxis(spectra.wavelengths);
    const title = ratio ? "target to error (dB)" : "power (dB)";
    spectrum.show(lines, { x, y: decibels(title, 1) }, keepView);
  };

  const drawLegend = () => {
    const kind = chosen("spectra");
    showLegend("legend", legendRows(linesOf[kind]()), hidden[kind], () => drawSpectra(true));
  };

  // Player

  const [painted, errors] = run.player.reels.map(({ frames }) => frames);
  const screens = [
    makeScreen("Painted by the network", ["painted"], painted),
    makeScreen("The difference to the target", ["difference"], errors),
  ];
  byId("screens").classList.add("wide");
  byId("screens").append(makeTarget(run.target), ...screens.map(({ figure }) => figure));
  new Player().show(run.player, screens);

  onChange('input[name="figure"], input[name="axis"], #logarithmic', () => {
    drawFigureLegend();
    drawChart();
  });
  onChange("#logarithmic-spectrum", () => drawSpectra());
  onChange('input[name="spectra"]', () => {
    drawLegend();
    drawSpectra();
  });
  drawFigureLegend();
  drawChart();
  drawLegend();
  drawSpectra();
}
