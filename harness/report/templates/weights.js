// What matters to the reader: benefits weighted, and whether another rule would say the same.

const TOP = 10;
const SAME = 1e-6; // benefits are stored as float32

for (const study of studies.values()) {
  const fieldset = study.article.querySelector(".weights");
  if (fieldset) prepareWeights(study, fieldset);
}

function prepareWeights(study, fieldset) {
  const sliders = [...fieldset.querySelectorAll("[type=range]")];
  const weigh = () => {
    const given = sliders.map((slider) => Number(slider.value));
    const sum = given.reduce((a, b) => a + b, 0);
    study.weights = sum ? given.map((value) => value / sum) : [1 / 3, 1 / 3, 1 / 3];
    sliders.forEach((slider, corner) =>
      slider.setAttribute("aria-valuetext", `${Math.round(100 * study.weights[corner])}% of the weight`),
    );
    tellWeighed(study);
    moveOwnPoint(study);
  };
  fieldset.addEventListener("input", weigh);
  fieldset.querySelector(".equal").addEventListener("click", () => {
    for (const slider of sliders) slider.value = 50;
    weigh();
  });
  fieldset.hidden = false;
  study.article.querySelector(".weighed").hidden = false;
  weigh();
}

// Scores under one rule, NaN where it gives no position.
function scoresOf(study, rule) {
  const benefits = study.triangle[rule];
  const [capacity, memory, speed] = study.weights;
  return Float64Array.from(study.labels, (_, entry) =>
    capacity * benefits[3 * entry] + memory * benefits[3 * entry + 1] + speed * benefits[3 * entry + 2],
  );
}

function highest(scores) {
  return scores.reduce((most, score) => (score > most ? score : most), -Infinity);
}

function tellWeighed(study) {
  const [shownRule, ...others] = Object.keys(study.triangle);
  const scores = scoresOf(study, shownRule);
  const placed = [...scores.keys()].filter((entry) => !Number.isNaN(scores[entry]));
  const best = placed.sort((a, b) => scores[b] - scores[a] || a - b);
  const box = study.article.querySelector(".weighed");
  const leaders = best.filter((entry) => scores[best[0]] - scores[entry] < SAME);
  const rules = others.map((rule) => scoresOf(study, rule)).filter((of) => highest(of) > -Infinity);
  const agreeing = rules.filter((of) => highest(of) - of[best[0]] < SAME);
  box.querySelector(".leader").textContent = best.length
    ? `${firstWords(leaders.map((entry) => study.labels[entry]))} under ${agreeing.length + 1} of ${rules.length + 1} rules.`
    : "No configuration has a place in the triangle.";
  const rows = best.slice(0, TOP).map((entry) => {
    const benefits = study.triangle[shownRule].subarray(3 * entry, 3 * entry + 3);
    const row = element("tr");
    const name = element("th", study.labels[entry]);
    name.scope = "row";
    row.append(name, ...[scores[entry], ...benefits].map((value) => element("td", fixed(value, 2))));
    row.classList.toggle("faded", Boolean(study.faded[entry]));
    return [row, entry];
  });
  box.querySelector("tbody").replaceChildren(...rows.map(([row]) => row));
  study.shown.set("weighed", rows);
}

function firstWords([name, ...others]) {
  return others.length ? `${name} shares the first place with ${listed(others)}, and is first` : `${name} comes first,`;
}

function benefitsOf(study, variant, entry) {
  const rule = variant || Object.keys(study.triangle)[0];
  const [c, m, s] = study.triangle[rule].subarray(3 * entry).subarray(0, 3);
  return `benefits: capacity ${fixed(c, 2)}, memory ${fixed(m, 2)}, speed ${fixed(s, 2)}`;
}

function ownPoint(study) {
  const [a, b, c] = study.weights.map((weight) => [weight]);
  return {
    type: "scatterternary", mode: "markers", a, b, c, cliponaxis: false,
    marker: { symbol: "cross-thin-open", size: 18, color: "--ink", line: { width: 2.5 } },
    customdata: ["Your weights"], hovertemplate: "%{customdata}<extra></extra>", meta: { own: true },
  };
}

function moveOwnPoint(study) {
  clearTimeout(study.moving);
  const picture = pictures.find((it) => it.study === study && it.plot.data?.some((trace) => trace.meta?.own));
  if (!picture) return;
  study.moving = setTimeout(() => {
    const place = picture.plot.data.findIndex((trace) => trace.meta?.own);
    const { a, b, c } = ownPoint(study);
    Plotly.restyle(picture.plot, { a: [a], b: [b], c: [c] }, [place]);
  }, 60);
}
