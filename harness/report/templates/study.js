// What the page knows of each study: harness/report/data.py says what stands in it.
const studies = new Map();

for (const script of document.querySelectorAll(".study-data")) {
  const article = script.closest("article");
  studies.set(article, readStudy(article, JSON.parse(script.textContent)));
}

function readStudy(article, data) {
  const study = { ...data, article, count: data.labels.length, read: new Map(), texts: [] };
  const { codes, bytes } = data.resamples;
  const Codes = bytes === 2 ? Uint16Array : Uint32Array;
  study.resamples = { ...data.resamples, codes: unpacked(codes, Codes), unknown: 2 ** (8 * bytes) - 1 };
  study.triangle = Object.fromEntries(
    Object.entries(data.triangle).map(([rule, text]) => [rule, unpacked(text, Float32Array)]),
  );
  study.byTrial = new Map();
  data.trials.forEach((trials, entry) => {
    for (const trial of trials.split(" ")) study.byTrial.set(trial, entry);
  });
  study.faded = new Uint8Array(study.count);
  return study;
}

// Little-endian, as every machine is that a browser runs on.
function unpacked(text, Numbers) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let place = 0; place < raw.length; place += 1) bytes[place] = raw.charCodeAt(place);
  return new Numbers(bytes.buffer);
}

function figure(study, name) {
  const known = study.read.get(name);
  if (known) return known;
  const { value, low, high, at_least: atLeast, why } = study.figures[name];
  const none = new Float64Array(study.count).fill(NaN);
  const made = {
    value: unpacked(value, Float64Array),
    low: low ? unpacked(low, Float64Array) : none,
    high: high ? unpacked(high, Float64Array) : none,
    atLeast: new Set(atLeast),
    bounded: Boolean(low || high),
    why: (entry) => why.words[why.codes[entry]],
  };
  study.read.set(name, made);
  return made;
}

const wordOf = ({ words, codes }, entry) => words[codes[entry]];

// What is said of an entry wherever it is pointed at.
function toldOf(study, entry) {
  study.texts[entry] ??= [
    study.labels[entry],
    ...(wordOf(study.foreign, entry) ? [`foreign: ${wordOf(study.foreign, entry)}`] : []),
    ...study.told
      .filter((it) => !Number.isNaN(figure(study, it.figure).value[entry]))
      .map((it) => {
        const text = withInterval(figure(study, it.figure), entry, it.show, it.bounded);
        return `${it.name} ${text} ${it.unit}`.trimEnd();
      }),
  ];
  return study.texts[entry];
}
