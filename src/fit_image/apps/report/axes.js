// Axes of charts, and the lines of spectra.

const progressAxes = {
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
};

const decibels = (title, digits) => ({
  title,
  format: formatNumber,
  describe: (value) => `${value.toFixed(digits)} dB`,
});

// Octaves lie at one over their shortest wavelength: coarse to the left, fine to the right.
const nameOctave = (wavelength) => `${wavelength} to ${2 * wavelength} px`;

const octaveAxis = (wavelengths) => ({
  title: "shortest wavelength (pixels)",
  logarithmic: true,
  places: wavelengths.map((wavelength) => 1 / wavelength),
  format: (place) => formatNumber(Math.round(1 / place)),
  describe: (place) => `waves of ${nameOctave(Math.round(1 / place))}`,
});

// The target's power above that of the error of an epoch, in dB, for each octave.
const ratios = ({ target, errors }, index) =>
  target.map((signal, octave) => {
    const error = errors[index][octave];
    return signal === null || error === null ? null : signal - error;
  });

// The points of a line that have a value.
const points = (x, y) => {
  const known = (_, index) => y[index] !== null;
  return { x: x.filter(known), y: y.filter(known) };
};

const octaveColour = (index, count) => `--octave-${Math.round((index * 9) / Math.max(count - 1, 1))}`;

// What is learned of each octave, against the epochs.
const octaveLines = (spectra) => {
  const learned = spectra.epochs.map((_, index) => ratios(spectra, index));
  return spectra.wavelengths.map((wavelength, octave) => ({
    name: nameOctave(wavelength),
    colour: octaveColour(octave, spectra.wavelengths.length),
    dash: [],
    ...points(spectra.epochs, learned.map((each) => each[octave])),
  }));
};
