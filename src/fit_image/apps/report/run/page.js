{
  const run = JSON.parse(byId("data").textContent);

  // Metrics

  const figures = new Map(run.figures.map((each) => [each.title, each]));
  const chart = makeChart("chart", "whole");

  const drawChart = () => {
    const { title, lines, decibel } = figures.get(chosen("figure"));
    const by = chosen("axis");
    const drawn = lines.map(({ name, values }, index) => ({
      name,
      colour: `--series-${index}`,
      dash: [],
      ...points(run[by], values),
    }));
    const number = { title, format: formatNumber, describe: (value) => `${significant(value)}` };
    const x = { ...progressAxes[by], logarithmic: byId("logarithmic").checked };
    chart.show(drawn, { x, y: decibel ? decibels(title, 2) : number });
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
    const rows = linesOf[kind]().map(({ name, colour, dash }) => ({
      key: name,
      swatch: makeSwatch(colour, dash.length ? "dash" : "solid"),
      label: name,
    }));
    showLegend(rows, hidden[kind], () => drawSpectra(true));
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

  onChange('input[name="figure"], input[name="axis"], #logarithmic', drawChart);
  onChange("#logarithmic-spectrum", () => drawSpectra());
  onChange('input[name="spectra"]', () => {
    drawLegend();
    drawSpectra();
  });
  drawChart();
  drawLegend();
  drawSpectra();
}
