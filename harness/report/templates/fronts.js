const ROLES = ["x", "y", "z"];
const AXES_HEIGHT = 402; // px of the plot without its margins
const MARGINS = 70;
const NAMED = 60; // names tried in the plot: more would not be read
const TOLD = 12;

for (const element of document.querySelectorAll(".front")) prepareFront(element);

function prepareFront(element) {
  const box = element.querySelector(".picture-box");
  const study = studies.get(box.closest("article"));
  const data = { study, ...JSON.parse(element.querySelector(".front-data").textContent) };
  for (const [name, told] of Object.entries(data.figures)) Object.assign(told, figure(study, name));
  const words = element.querySelector(".front-words");
  const selects = Object.fromEntries(
    ROLES.map((role) => [role, element.querySelector(`select[data-role="${role}"]`)]),
  );
  for (const option of element.querySelectorAll("option")) {
    option.disabled = !data.figures[option.value];
  }
  const roles = {};
  ROLES.forEach((role, place) => {
    roles[role] = selects[role].value = data.first[place];
  });
  const picture = {
    box,
    plot: box.querySelector(".plot"),
    variant: "",
    study,
    visible: false,
    stale: false,
    specs: {
      get ""() {
        return frontSpec(data, roles, box.clientWidth);
      },
    },
  };
  const tell = () => {
    words.textContent = frontWords(data, roles);
    words.hidden = false;
  };
  for (const role of ROLES) {
    selects[role].addEventListener("change", () => {
      // Three different figures: the one that stood elsewhere goes where this role's stood.
      const other = ROLES.find((r) => r !== role && roles[r] === selects[role].value);
      if (other) roles[other] = selects[other].value = roles[role];
      roles[role] = selects[role].value;
      tell();
      draw(picture);
    });
  }
  tell();
  pictures.push(picture);
}

// Places of the non-dominated, as harness.analysis.pareto finds them.
function paretoFront(figures) {
  const costs = figures.map(({ value, more }) => (more ? value.map((it) => -it) : value));
  const complete = [...costs[0].keys()].filter((n) => costs.every((c) => !Number.isNaN(c[n])));
  const front = [];
  // In lexicographic order whatever dominates comes first.
  complete.sort((a, b) => {
    for (const cost of costs) if (cost[a] !== cost[b]) return cost[a] - cost[b];
    return a - b;
  });
  for (const n of complete) {
    const dominated = front.some(
      (m) => costs.every((c) => c[m] <= c[n]) && costs.some((c) => c[m] < c[n]),
    );
    if (!dominated) front.push(n);
  }
  return { front, complete };
}

function chosen(data, roles) {
  const figures = ROLES.map((role) => data.figures[roles[role]]);
  const { front, complete } = paretoFront(figures);
  const key = Object.keys(data.loose).find((names) => {
    const three = names.split(" ");
    return ROLES.every((role) => three.includes(roles[role]));
  });
  return { figures, front, complete, loose: new Set(data.loose[key]) };
}

function frontWords(data, roles) {
  const { figures, front, complete, loose } = chosen(data, roles);
  const names = (places) => {
    const told = places.slice(0, TOLD).map((n) => data.study.labels[n]);
    const rest = places.length - told.length;
    return told.join(", ") + (rest ? ` and ${rest} more` : "");
  };
  const firm = front.filter((n) => !loose.has(n));
  const chance = front.filter((n) => loose.has(n));
  const size = figures[2];
  const known = size.value.filter((value) => !Number.isNaN(value)).sort();
  const [least, most] = [known.at(0), known.at(-1)].map((value) => shown(size.show, value));
  const [large, small] = size.more ? [most, least] : [least, most];
  return [
    `${front.length} of ${complete.length} on the front.`,
    firm.length ? `Full marks, firmly: ${names(firm)}.` : "",
    chance.length ? `Outlined, by chance, perhaps: ${names(chance)}.` : "",
    `Largest mark: ${size.title} ${large}, the best; smallest: ${small}.`,
  ]
    .filter(Boolean)
    .join(" ");
}

function frontSpec(data, roles, width) {
  const { figures, front, complete, loose } = chosen(data, roles);
  const { study } = data;
  const [x, y, z] = figures;
  const on = new Set(front);
  const size = (n) => {
    const share = along(z, z.value[n]);
    return data.sizes[0] + (data.sizes[1] - data.sizes[0]) * (z.more ? share : 1 - share);
  };
  const places = namePlaces(data, front, x, y, size, Math.max(120, width - MARGINS));
  const trace = (members, style) => ({
    type: "scatter",
    mode: "markers",
    x: members.map((n) => drawnAt(x, x.value[n])),
    y: members.map((n) => drawnAt(y, y.value[n])),
    customdata: members.map((n) =>
      [shortened(study.labels[n]), ...figures.map((f) => `${f.title} ${withInterval(f, n, f.show)}`)]
        .map(escaped)
        .join("<br>"),
    ),
    hovertemplate: "%{customdata}<extra></extra>",
    meta: { entries: members },
    ...style(members),
  });
  const colour = (n) => data.colours[wordOf(study.families, n)];
  const marker = (members, opacity, outlined) => ({
    symbol: members.map((n) => data.symbols[wordOf(study.methods, n)]),
    size: members.map(size),
    color: members.map((n) => colour(n) + (outlined ? "/38" : "")),
    opacity,
    line: outlined
      ? { color: members.map(colour), width: 1.4 }
      : { color: "--paper", width: 0.8 },
  });
  const named = (outlined) => (members) => ({
    mode: "markers+text",
    text: members.map((n) => (places.has(n) ? escaped(shortened(study.labels[n])) : "")),
    textposition: members.map((n) => places.get(n) ?? "middle right"),
    textfont: { color: "--ink", size: 12 },
    marker: marker(members, 1, outlined),
    error_x: whiskersOf(x, members),
    error_y: whiskersOf(y, members),
  });
  const rest = complete.filter((n) => !on.has(n));
  return {
    data: [
      trace(rest, (members) => ({ marker: marker(members, 0.3, false) })),
      trace(front.filter((n) => loose.has(n)), named(true)),
      trace(front.filter((n) => !loose.has(n)), named(false)),
    ],
    layout: {
      height: 460,
      margin: { l: 56, r: 14, t: 10, b: 48 },
      showlegend: false,
      hovermode: "closest",
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: "system-ui, sans-serif", size: 12, color: "--ink" },
      hoverlabel: {
        bgcolor: "--surface",
        bordercolor: "--muted",
        font: { color: "--ink" },
        align: "left",
      },
      xaxis: x.axis,
      yaxis: y.axis,
      annotations: [betterCorner(x, y)],
    },
  };
}

function whiskersOf(figure, members) {
  const reach = (bounds, n) => (Number.isNaN(bounds[n]) ? 0 : Math.abs(bounds[n] - figure.value[n]));
  return {
    type: "data",
    symmetric: false,
    array: members.map((n) => reach(figure.high, n)),
    arrayminus: members.map((n) => reach(figure.low, n)),
    color: "--muted/60",
    thickness: 1,
    width: 0,
  };
}

function betterCorner(x, y) {
  const arrow = y.more ? (x.more ? "↗" : "↖") : x.more ? "↘" : "↙";
  return {
    text: x.more ? `<i>better</i> ${arrow}` : `${arrow} <i>better</i>`,
    showarrow: false,
    font: { color: "--muted" },
    xref: "paper",
    yref: "paper",
    x: x.more ? 0.99 : 0.01,
    y: y.more ? 0.99 : 0.01,
    xanchor: x.more ? "right" : "left",
    yanchor: y.more ? "top" : "bottom",
  };
}

// Zeros have a place of their own on a log axis.
function drawnAt(figure, value) {
  return figure.zero !== null && value <= 0 ? figure.zero : value;
}

function along(figure, value) {
  const [low, high] = figure.ends;
  if (figure.axis.type === "log") return Math.log(drawnAt(figure, value) / low) / Math.log(high / low);
  return (value - low) / (high - low);
}

// Beside which marks of the front a name fits without covering another, and where.
function namePlaces(data, front, x, y, size, width) {
  const centre = (n) => [along(x, x.value[n]) * width, along(y, y.value[n]) * AXES_HEIGHT];
  const boxes = front.map((n) => {
    const [cx, cy] = centre(n);
    const reach = size(n) / 2;
    return [cx - reach, cy - reach, cx + reach, cy + reach];
  });
  const free = (box, own) =>
    box[0] >= 0 && box[2] <= width && box[1] >= 0 && box[3] <= AXES_HEIGHT &&
    boxes.every((b, n) => n === own || box[0] >= b[2] || b[0] >= box[2] || box[1] >= b[3] || b[1] >= box[3]);
  const places = new Map();
  front.slice(0, NAMED).forEach((n, own) => {
    const [cx, cy] = centre(n);
    const reach = size(n) / 2 + 3;
    const long = 6.8 * shortened(data.study.labels[n]).length;
    const options = {
      "middle right": [cx + reach, cy - 7, cx + reach + long, cy + 7],
      "middle left": [cx - reach - long, cy - 7, cx - reach, cy + 7],
      "top center": [cx - long / 2, cy + reach, cx + long / 2, cy + reach + 14],
      "bottom center": [cx - long / 2, cy - reach - 14, cx + long / 2, cy - reach],
    };
    for (const [place, box] of Object.entries(options)) {
      if (!free(box, own)) continue;
      places.set(n, place);
      boxes.push(box);
      break;
    }
  });
  return places;
}
