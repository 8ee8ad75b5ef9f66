const NARROW = 560;
const CONFIG = {
  displaylogo: false,
  responsive: true,
  plotlyServerURL: "",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
};
const pictures = [];

for (const box of document.querySelectorAll(".picture")) preparePicture(box);
if (!("DecompressionStream" in window)) document.getElementById("stills-only").hidden = !pictures.length;
else if (pictures.length) {
  document.documentElement.dataset.plots = "awaited";
  addEventListener("load", () => whenIdle(loadLibrary));
}

function preparePicture(box) {
  const figure = box.closest("figure");
  const picture = {
    box,
    plot: box.querySelector(".plot"),
    specs: null,
    variant: "",
    study: studies.get(box.closest("article")),
    visible: false,
    stale: false,
  };
  pictures.push(picture);
  for (const input of figure.querySelectorAll(".rules input")) {
    input.addEventListener("change", () => {
      picture.variant = input.value;
      draw(picture);
    });
  }
}

// The library's text waits packed in the page, so that the first paint does not wait for it.
async function loadLibrary() {
  const script = document.createElement("script");
  script.textContent = await unzipped(document.getElementById("plot-library").textContent);
  document.head.append(script);
  // Of several studies the first is drawn at once, the others as a reader comes near; so are the
  // plots of a study of many configurations.
  const first = document.querySelector("article");
  drawNext(pictures.filter(({ box, visible }) => visible || (first.contains(box) && !box.closest(".many"))));
  inView.started = true;
  for (const query of ["(prefers-color-scheme: dark)", `(max-width: ${NARROW}px)`]) {
    matchMedia(query).addEventListener("change", () => {
      pictures.filter(({ box }) => box.classList.contains("drawn")).forEach(draw);
    });
  }
}

async function unzipped(base64) {
  const stream = new Blob([unpacked(base64, Uint8Array)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

async function drawNext(queue) {
  const picture = queue.shift();
  if (!picture) {
    document.documentElement.dataset.plots = "drawn";
    return;
  }
  await drawFirst(picture);
  whenIdle(() => drawNext(queue));
}

async function drawFirst(picture) {
  if (picture.begun) return;
  picture.begun = true;
  picture.specs ??= await specsOf(picture);
  picture.box.classList.add("drawn");
  draw(picture);
  // A plot that is drawn anew, as when it is zoomed, has new elements.
  picture.plot.on("plotly_afterplot", () => fadePicture(picture));
  fadePicture(picture);
  const rules = picture.box.closest("figure").querySelector(".rules");
  if (rules) rules.hidden = false;
}

async function specsOf({ box }) {
  const data = box.querySelector(".plot-data");
  return JSON.parse(box.matches(".unstilled") ? await unzipped(data.textContent) : data.textContent);
}

function draw(picture) {
  const spec = structuredClone(picture.specs[picture.variant]);
  for (const trace of spec.data) tellEntries(picture, trace);
  if (spec.layout.ternary && picture.study.weights) spec.data.push(ownPoint(picture.study));
  withColours(spec);
  if (picture.box.clientWidth < NARROW) fitNarrow(spec);
  Plotly.react(picture.plot, spec.data, spec.layout, CONFIG);
}

// A mark without words of its own tells what is told of its entry everywhere.
function tellEntries({ study, variant }, trace) {
  const { entries } = trace.meta ?? {};
  if (!entries) return;
  const given = trace.customdata ?? [];
  trace.customdata = entries.map((entry, place) => {
    if (given[place] || entry === null) return given[place];
    const lines = toldOf(study, entry);
    return (trace.a ? [...lines, benefitsOf(study, variant, entry)] : lines).map(escaped).join("<br>");
  });
}

function escaped(text) {
  const codes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", $: "&#36;", "\n": "<br>" };
  return text.replace(/[&<>$\n]/g, (letter) => codes[letter]);
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

function whenIdle(task) {
  if (window.requestIdleCallback) requestIdleCallback(task, { timeout: 500 });
  else setTimeout(task, 50);
}
