// The reader's own constraints, and what they leave.

const STOPS = 100;
const LISTED = 200;
const SHOWN = [
  ["training peak", "train_memory", "bytes"],
  ["latency", "deployed", "ratio"],
  ["file", "file_bytes", "bytes"],
];

for (const study of studies.values()) {
  study.filter = { name: "", families: new Set(study.families.words) };
  study.listeners = [];
  prepareFilters(study);
  const form = study.article.querySelector(".constraints");
  if (form) prepareSelector(study, form);
}

function prepareSelector(study, form) {
  for (const box of form.querySelectorAll(".limit")) prepareLimit(study, box, () => answer(study, form));
  form.addEventListener("change", (event) => {
    if (event.target.matches(".needs input, select")) answer(study, form);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => startAgain(study, form)));
  form.querySelector("details").addEventListener("toggle", () => listRuledOut(study, form));
  study.listeners.push(() => answer(study, form));
  form.hidden = false;
  answer(study, form);
}

// Each step of a slider is another value of the figure; past its end nothing is asked.
function prepareLimit(study, box, changed) {
  const { limit, per } = box.dataset;
  const more = "more" in box.dataset;
  const held = study.limits[limit];
  const names = new Set([held.figure, ...Object.values(held.instead)]);
  const values = [...names].flatMap((name) => [...figure(study, name).value]);
  const distinct = [...new Set(values.filter((value) => !Number.isNaN(value)))].sort((a, b) => a - b);
  const stops = thinned(distinct).map((value) => rounded(value / per, more));
  const [range, number] = box.querySelectorAll("input");
  range.max = stops.length;
  const off = more ? 0 : stops.length;
  const place = (position) => stops[more ? position - 1 : position];
  const tell = () => {
    const value = number.value === "" ? null : `${number.value} ${box.dataset.unit}`;
    range.setAttribute("aria-valuetext", value ?? "any");
    box.classList.toggle("set", value !== null);
  };
  range.addEventListener("input", () => {
    number.value = Number(range.value) === off ? "" : place(Number(range.value));
    tell();
    changed();
  });
  number.addEventListener("input", () => {
    const wanted = number.value === "" ? null : Number(number.value);
    const beyond = stops.filter((stop) => stop < wanted).length;
    range.value = wanted === null ? off : Math.min(beyond + Number(more), stops.length);
    tell();
    changed();
  });
  box.reset = () => {
    range.value = off;
    number.value = "";
    tell();
  };
  box.reset();
}

function thinned(values) {
  if (values.length <= STOPS) return values;
  const step = (values.length - 1) / (STOPS - 1);
  return Array.from({ length: STOPS }, (_, place) => values[Math.round(place * step)]);
}

// Four digits, away from the side that would rule out the value itself.
function rounded(value, down) {
  if (value === 0) return 0;
  const unit = 10 ** (magnitude(value) - 3);
  const steps = value / unit;
  const whole = down ? Math.floor(steps + 1e-9) : Math.ceil(steps - 1e-9);
  let text = Number((whole * unit).toPrecision(4));
  if (down ? text > value : text < value) text = Number(((whole + (down ? -1 : 1)) * unit).toPrecision(4));
  return text;
}

function constraintsOf(study, form) {
  const limits = {};
  for (const box of form.querySelectorAll(".limit")) {
    const { value } = box.querySelector("[type=number]");
    if (value !== "") limits[box.dataset.limit] = Number(value) * Number(box.dataset.per);
  }
  const needs = [...form.querySelectorAll(".needs :checked")].map((input) => input.value);
  return { limits, needs, prefer: form.elements.prefer.value, among: amongOf(study) };
}

function startAgain(study, form) {
  for (const box of form.querySelectorAll(".limit")) box.reset();
  setFilter(study, { name: "", families: new Set(study.families.words) });
}

function answer(study, form) {
  const constraints = constraintsOf(study, form);
  const choice = choose(study, constraints);
  study.choice = choice;
  const faded = new Uint8Array(study.count);
  for (const { entry } of choice.ruledOut) faded[entry] = 1;
  form.querySelector(".pick").replaceChildren(...told(study, form, constraints, choice));
  listRuledOut(study, form);
  fade(study, faded);
}

function told(study, form, constraints, choice) {
  const left = study.count - choice.ruledOut.length;
  const kept = element("h3", `${left} of ${study.count} keep to all of it`);
  if (choice.pick === null) return [kept, element("p", "none", "label"), element("p", relaxed(form, study, choice))];
  const name = study.labels[choice.pick];
  const facts = [[`${study.metric}`, "quality", study.columns[0].show], ...SHOWN.map(([words, key, as]) => [words, key, { as }])];
  const wanted = heldTo(study, study.preferences[constraints.prefer], constraints.needs).figure;
  const list = element("dl");
  for (const [words, key, show] of facts) {
    const chosen = key === "deployed" && study.limits.max_latency_ratio ? heldTo(study, study.limits.max_latency_ratio, constraints.needs).figure : key;
    const text = withInterval(figure(study, chosen), choice.pick, show);
    const row = element("div");
    row.append(element("dt", chosen === "unmerged" ? "latency, unmerged" : words), element("dd", text));
    if (text !== DASH) list.append(row);
  }
  if (!facts.some(([, key]) => key === wanted || key === "deployed" && wanted === "unmerged")) {
    const it = study.told.find((one) => one.figure === wanted);
    const row = element("div");
    row.append(
      element("dt", it ? it.name : "memory per further adapter"),
      element("dd", withInterval(figure(study, wanted), choice.pick, it ? it.show : { as: "bytes" })),
    );
    list.append(row);
  }
  return [kept, element("p", name, "label"), list, element("p", howSure(study, constraints, choice))];
}

function howSure(study, { prefer }, choice) {
  const { count } = study.resamples;
  const names = (entries) => listed(entries.map((entry) => study.labels[entry]));
  const sentences = [`It wins in ${Math.round((100 * choice.wins[choice.pick]) / count)}% of ${count} resamples of the test examples and seeds.`];
  if (choice.ties.length) {
    const how = prefer === "quality"
      ? "it beats each of them in fewer than 97.5% of the resamples"
      : "their intervals overlap, or they are equal";
    sentences.push(`Ties with ${names(choice.ties)}: ${how}.`);
  }
  if (choice.runnersUp.length) sentences.push(`Next: ${names(choice.runnersUp)}.`);
  if (!choice.ties.length && !choice.runnersUp.length) sentences.push("It is the only one left.");
  const seeds = study.seeds[choice.pick].length;
  if (seeds < 3) sentences.push(`${seeds === 1 ? "One seed" : `${seeds} seeds`}: a hint.`);
  return sentences.join(" ");
}

function relaxed(form, study, { nearest }) {
  if (!nearest) return "The filter leaves nothing.";
  const changes = nearest.violations.map((it) =>
    it.value === null ? `without: ${reasonOf(form, it)}` : `${titleOf(form, it.by).toLowerCase()} ${typed(form, it.by, it.value)} instead of ${typed(form, it.by, it.limit)}`,
  );
  return `Nothing keeps to all of it. Nearest is ${study.labels[nearest.entry]}: ${changes.join("; ")}.`;
}

function listRuledOut(study, form) {
  const details = form.querySelector("details");
  const { ruledOut } = study.choice;
  const counts = new Map();
  for (const { filtered, violations } of ruledOut) {
    const by = filtered ? ["the filter"] : violations.map((it) => shortOf(form, it.by));
    for (const name of new Set(by)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const parts = [...counts].map(([name, n]) => `${name} ${n}`);
  details.hidden = !ruledOut.length;
  details.querySelector("summary").textContent =
    `Ruled out: ${ruledOut.length} of ${study.count} (${parts.join(", ")})`;
  const list = details.querySelector("ul");
  list.replaceChildren();
  if (!details.open) return;
  for (const { entry, filtered, violations } of ruledOut.slice(0, LISTED)) {
    const why = filtered ? "the filter" : violations.map((it) => reasonOf(form, it)).join("; ");
    list.append(element("li", `${study.labels[entry]}: ${why}`));
  }
  if (ruledOut.length > LISTED) list.append(element("li", `and ${ruledOut.length - LISTED} more`));
}

function reasonOf(form, { by, value, limit, reason, more }) {
  if (value === null) return `${shortOf(form, by)}: ${reason}`;
  return `${shortOf(form, by)}: ${amount(form, by, value)} ${more ? "<" : ">"} ${amount(form, by, limit)}`;
}

function boxOf(form, name) {
  return form.querySelector(`.limit[data-limit="${name}"]`);
}

function titleOf(form, name) {
  return boxOf(form, name)?.querySelector("label").textContent ?? name;
}

function shortOf(form, name) {
  return titleOf(form, name).split(",")[0].replaceAll("_", " ").toLowerCase();
}

function amount(form, name, value) {
  const { show, unit } = boxOf(form, name).dataset;
  const text = formats[show](value);
  return show === "bytes" || show === "ratio" ? text : `${text} ${unit}`;
}

// As it may be typed into the box: digits enough that what is told lets the value through.
function typed(form, name, value) {
  const box = boxOf(form, name);
  return `${rounded(value / box.dataset.per, "more" in box.dataset)} ${box.dataset.unit}`;
}

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}
