// What a study's reader has ruled out, faint wherever it is shown.

for (const study of studies.values()) {
  const rows = [...study.article.querySelectorAll("tr[data-entry], tr[data-trial]")]
    .map((row) => [row, entryOf(study, row)])
    .filter(([row, entry]) => entry !== undefined && !row.closest(".methods"));
  // Rows with the entry of each, by who puts them into the page; what is folded waits.
  study.shown = new Map([["page", rows.filter(([row]) => !row.closest("details"))]]);
  for (const details of study.article.querySelectorAll("details")) {
    const folded = rows.filter(([row]) => details.contains(row));
    if (folded.length) details.addEventListener("toggle", () => unfold(study, details, folded));
  }
}

function unfold(study, details, rows) {
  if (details.open) {
    study.shown.set(details, rows);
    fadeRows(study, rows);
  } else study.shown.delete(details);
}

function entryOf(study, row) {
  if (row.dataset.entry) return Number(row.dataset.entry);
  return study.byTrial.get(row.dataset.trial.split(" ")[0]);
}

function fade(study, faded) {
  study.faded = faded;
  for (const rows of study.shown.values()) fadeRows(study, rows);
  for (const picture of pictures) {
    if (picture.study !== study) continue;
    picture.stale = true;
    if (picture.visible) fadePicture(picture);
  }
}

function fadeRows({ faded }, rows) {
  for (const [row, entry] of rows) row.classList.toggle("faded", Boolean(faded[entry]));
}

// By the drawn elements: restyling through the library would lay out the whole plot anew.
function fadePicture(picture) {
  picture.stale = false;
  if (!picture.study) return;
  const { faded } = picture.study;
  for (const group of picture.plot.querySelectorAll(".trace")) {
    const points = group.__data__;
    const entries = points?.[0]?.trace?.meta?.entries;
    if (!entries) continue;
    for (const element of group.querySelectorAll(".point, .textpoint, .errorbar")) {
      const entry = entries[element.__data__?.i];
      if (entry != null) element.classList.toggle("faded", Boolean(faded[entry]));
    }
  }
}

const inView = new IntersectionObserver(
  (changes) => {
    for (const { target, isIntersecting } of changes) {
      const picture = pictures.find(({ box }) => box === target);
      picture.visible = isIntersecting;
      if (!isIntersecting) continue;
      if (picture.stale) fadePicture(picture);
      if (inView.started) whenIdle(() => drawFirst(picture));
    }
  },
  { rootMargin: "200px 0px" },
);
for (const { box } of pictures) inView.observe(box);
