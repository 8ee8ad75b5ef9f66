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

// Best first under one rule: entries and scores; those without a position are left out.
function weighed(study, rule) {
  const benefits = study.triangle[rule];
  const [capacity, memory, speed] = study.weights;
  const found = [];
  for (let entry = 0; entry < study.count; entry += 1) {
    const [c, m, s] = benefits.subarray(3 * entry, 3 * entry + 3);
    if (!Number.isNaN(c)) found.push({ entry, benefits: [c, m, s], score: capacity * c + memory * m + speed * s });
  }
  return found.sort((a, b) => b.score - a.score || a.entry - b.entry);
}

function tellWeighed(study) {
  const [shownRule, ...others] = Object.keys(study.triangle);
  const best = weighed(study, shownRule);
  const box = study.article.querySelector(".weighed");
  const leaders = best.filter((it) => best[0].score - it.score < SAME);
  const rules = others.filter((rule) => study.triangle[rule].some((value) => !Number.isNaN(value)));
  const agreeing = rules.filter((rule) => {
    const order = weighed(study, rule);
    const own = order.find((it) => it.entry === best[0]?.entry);
    return own && order[0].score - own.score < SAME;
  });
  box.querySelector(".leader").textContent = best.length
    ? `${firstWords(leaders.map((it) => study.labels[it.entry]))} under ${agreeing.length + 1} of ${rules.length + 1} rules.`
    : "No configuration has a place in the triangle.";
  const rows = best.slice(0, TOP).map(({ entry, benefits, score }) => {
    const row = element("tr");
    const name = element("th", study.labels[entry]);
    name.scope = "row";
    row.append(name, ...[score, ...benefits].map((value) => element("td", fixed(value, 2))));
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
