"use strict";

const NARROW = 560;
const CONFIG = {
  displaylogo: false,
  responsive: true,
  plotlyServerURL: "",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
};
const pictures = [];

document.documentElement.classList.add("js");
for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);
for (const box of document.querySelectorAll(".picture")) preparePicture(box);
if (pictures.length) addEventListener("load", () => whenIdle(loadLibrary));
markSection();

function makeSortable(table) {
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const button = header.querySelector("button");
    if (button) button.addEventListener("click", () => sortBy(table, headers, column));
  });
}

function sortBy(table, headers, column) {
  const header = headers[column];
  const ascending = header.getAttribute("aria-sort") !== "ascending";
  const isText = header.querySelector("button").dataset.kind === "text";
  const order = (row) => row.cells[column].dataset.order;
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => {
    const [x, y] = [order(a), order(b)];
    // What was not measured stands last, whichever way the rest is turned.
    if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
    const difference = isText ? x.localeCompare(y, "en", { numeric: true }) : x - y;
    return ascending ? difference : -difference;
  });
  for (const other of headers) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  table.tBodies[0].append(...rows);
}

function preparePicture(box) {
  const figure = box.closest("figure");
  const picture = {
    box,
    plot: box.querySelector(".plot"),
    specs: JSON.parse(box.querySelector(".plot-data").textContent),
    variant: "",
  };
  pictures.push(picture);
  for (const input of figure.querySelectorAll(".rules input")) {
    input.addEventListener("change", () => {
      picture.variant = input.value;
      draw(picture);
    });
  }
}

// The library's text waits inert in the page, so that the first paint does not wait for it.
function loadLibrary() {
  const script = document.createElement("script");
  script.textContent = document.getElementById("plot-library").textContent;
  document.head.append(script);
  drawNext([...pictures]);
  for (const query of ["(prefers-color-scheme: dark)", `(max-width: ${NARROW}px)`]) {
    matchMedia(query).addEventListener("change", () => pictures.forEach(draw));
  }
}

function drawNext(queue) {
  const picture = queue.shift();
  if (!picture) {
    document.documentElement.dataset.plots = "drawn";
    return;
  }
  picture.box.classList.add("drawn");
  draw(picture);
  const rules = picture.box.closest("figure").querySelector(".rules");
  if (rules) rules.hidden = false;
  whenIdle(() => drawNext(queue));
}

function draw(picture) {
  const spec = withColours(structuredClone(picture.specs[picture.variant]));
  if (picture.box.clientWidth < NARROW) fitNarrow(spec);
  Plotly.react(picture.plot, spec.data, spec.layout, CONFIG);
}

function fitNarrow(spec) {
  for (const trace of spec.data) {
    if (trace.meta && trace.meta.narrow) Object.assign(trace, trace.meta.narrow);
  }
  // A finger that scrolls the page must not zoom the plot instead.
  spec.layout.dragmode = false;
  if (spec.layout.ternary) spec.layout.height = 380;
}

// Colours come as names of the page's custom properties.
function withColours(value) {
  if (Array.isArray(value)) return value.map(withColours);
  if (value && typeof value === "object") {
    for (const key of Object.keys(value)) value[key] = withColours(value[key]);
    return value;
  }
  if (typeof value !== "string" || !value.startsWith("--")) return value;
  // A name may end in an opacity, as hexadecimal digits: --family-prompt/60.
  const [name, opacity = ""] = value.split("/");
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim() + opacity;
}

function markSection() {
  const links = new Map();
  for (const link of document.querySelectorAll("nav a")) links.set(link.hash.slice(1), link);
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const link = links.get(target.id);
        if (isIntersecting) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    },
    { rootMargin: "-20% 0px -70% 0px" },
  );
  for (const id of links.keys()) observer.observe(document.getElementById(id));
}

function whenIdle(task) {
  if (window.requestIdleCallback) requestIdleCallback(task, { timeout: 500 });
  else setTimeout(task, 50);
}
