// The pick of a study: what harness/analysis/choice.py does in Python, on the same figures. A test
// holds the two together.

const CERTAIN = 0.975;
const RUNNERS_UP = 3;

// `limits` are numbers by name, `among` says which entries the reader's filter lets through.
function choose(study, { limits = {}, needs = [], prefer = "quality", among = null }) {
  const preference = heldTo(study, study.preferences[prefer], needs);
  const asked = Object.entries(limits).map(([name, bound]) => ({
    name,
    bound,
    ...heldTo(study, study.limits[name], needs),
  }));
  const rules = { asked, needs, prefer, preference };
  const [candidates, eligible, ruledOut] = [[], [], []];
  for (let entry = 0; entry < study.count; entry += 1) {
    if (among && !among[entry]) {
      ruledOut.push({ entry, filtered: true, violations: [] });
      continue;
    }
    const violations = violationsOf(study, entry, rules);
    // Whether a resample keeps to a least quality hangs on the resample.
    if (violations.every((it) => it.by === "min_quality" && it.value !== null)) eligible.push(entry);
    if (violations.length) ruledOut.push({ entry, filtered: false, violations });
    else candidates.push(entry);
  }
  const wins = winsOf(study, eligible, preference, prefer, limits.min_quality);
  if (!candidates.length) {
    const nearest = leastEffort(ruledOut.filter((it) => !it.filtered));
    return { pick: null, ties: [], runnersUp: [], ruledOut, nearest, wins };
  }
  const [pick, ...others] = ordered(study, candidates, preference, prefer);
  const tied = prefer === "quality" ? resampledTie(study, pick) : overlap(preference.column, pick);
  const ties = others.filter(tied);
  const apart = new Set(ties);
  const runnersUp = others.filter((entry) => !apart.has(entry)).slice(0, RUNNERS_UP);
  return { pick, ties, runnersUp, ruledOut, nearest: null, wins };
}

function heldTo(study, held, needs) {
  const need = needs.find((name) => held.instead[name]);
  const name = need ? held.instead[need] : held.figure;
  return { figure: name, more: held.more, column: figure(study, name) };
}

function violationsOf(study, entry, { asked, needs, prefer, preference }) {
  const found = [];
  const quality = figure(study, "quality");
  if (Number.isNaN(quality.value[entry])) {
    found.push({ by: "quality", value: null, reason: quality.why(entry) });
  }
  if (prefer !== "quality" && Number.isNaN(preference.column.value[entry])) {
    found.push({ by: "prefer", value: null, reason: preference.column.why(entry) });
  }
  for (const { name, bound, more, column } of asked) {
    const value = column.value[entry];
    if (Number.isNaN(value)) {
      found.push({ by: name, limit: bound, value: null, reason: column.why(entry) });
    } else if (more ? value < bound : value > bound) {
      found.push({ by: name, limit: bound, value, more });
    }
  }
  for (const need of needs) {
    const reason = wordOf(study.needs[need], entry);
    if (reason) found.push({ by: need, value: null, reason });
  }
  return found;
}

// Fewest constraints first, then the smallest relative relaxation; the impossible last.
function leastEffort(ruledOut) {
  let least = null;
  for (const out of ruledOut) {
    const steps = out.violations
      .filter((it) => it.value !== null)
      .map(({ value, limit }) => Math.abs(value - limit) / Math.max(Math.abs(limit), 1e-12));
    const effort = [
      Number(steps.length < out.violations.length),
      out.violations.length,
      steps.reduce((sum, step) => sum + step, 0),
    ];
    if (!least || comesBefore(effort, least.effort)) least = { ...out, effort };
  }
  return least;
}

function comesBefore(first, second) {
  for (const [place, value] of first.entries()) {
    if (value !== second[place]) return value < second[place];
  }
  return false;
}

// Best first; among equals the better quality, then the first in the study.
function ordered(study, entries, preference, prefer) {
  const quality = figure(study, "quality").value;
  const [better, sign] = [study.higher ? -1 : 1, preference.more ? -1 : 1];
  const preferred = preference.column.value;
  return [...entries].sort((a, b) => {
    const first = prefer === "quality" ? 0 : sign * (preferred[a] - preferred[b]);
    return first || better * (quality[a] - quality[b]);
  });
}

// Told apart from the pick is what the pick beats in 97.5% of the resamples.
function resampledTie(study, pick) {
  const { codes, count } = study.resamples;
  return (entry) => {
    let beaten = 0;
    for (let start = 0; start < codes.length; start += study.count) {
      const difference = codes[start + pick] - codes[start + entry];
      if (study.higher ? difference > 0 : difference < 0) beaten += 1;
    }
    return beaten < CERTAIN * count;
  };
}

function overlap(column, pick) {
  const ends = (entry) => {
    const [value, low, high] = [column.value[entry], column.low[entry], column.high[entry]];
    const top = Number.isNaN(high) ? value : high;
    return [Number.isNaN(low) ? value : low, column.atLeast.has(entry) ? Infinity : top];
  };
  const [low, high] = ends(pick);
  return (entry) => {
    const [otherLow, otherHigh] = ends(entry);
    return low <= otherHigh && otherLow <= high;
  };
}

// In how many resamples each entry is the best that keeps to everything; equals share one.
function winsOf(study, eligible, preference, prefer, least) {
  const { codes, low, step, unknown } = study.resamples;
  const wins = new Float64Array(study.count);
  const sign = study.higher ? 1 : -1;
  const cost = (entry) =>
    prefer === "quality" ? 0 : (preference.more ? -1 : 1) * preference.column.value[entry];
  const inOrder = [...eligible].sort((a, b) => cost(a) - cost(b));
  const costs = inOrder.map(cost);
  for (let start = 0; start < codes.length; start += study.count) {
    let winners = [];
    let [winning, best] = [0, 0];
    for (let place = 0; place < inOrder.length; place += 1) {
      if (winners.length && costs[place] > winning) break;
      const entry = inOrder[place];
      const code = codes[start + entry];
      if (code === unknown) continue;
      // Half a step, since a quality that equals the least keeps to it.
      if (least !== undefined && sign * ((low + code) * step - least) < -step / 2) continue;
      if (!winners.length || sign * (code - best) > 0) [winners, winning, best] = [[entry], costs[place], code];
      else if (code === best) winners.push(entry);
    }
    for (const winner of winners) wins[winner] += 1 / winners.length;
  }
  return wins;
}
