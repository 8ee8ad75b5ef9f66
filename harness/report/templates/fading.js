// What a study's reader has ruled out, faint wherever it is shown.

for (const study of studies.values()) {
  const rows = [...study.article.querySelectorAll("tr[data-entry], tr[data-trial]")]
    .map((row) => [row, entryOf(study, row)])
    .filter(([, entry]) => entry !== undefined);
  // Rows with the entry of each, by who puts them into the page.
  study.shown = new Map([["page", rows]]);
}

function entryOf(study, row) {
  if (row.dataset.entry) return Number(row.dataset.entry);
  return study.byTrial.get(row.dataset.trial.split(" ")[0]);
}

function fade(study, faded) {
  study.faded = faded;
  for (const [row, entry] of [...study.shown.values()].flat()) row.classList.toggle("faded", Boolean(faded[entry]));
  for (const picture of pictures) {
    if (picture.study !== study) continue;
    picture.stale = true;
    if (picture.visible) fadePicture(picture);
  }
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
      if (isIntersecting && picture.stale) fadePicture(picture);
    }
  },
  { rootMargin: "200px 0px" },
);
for (const { box } of pictures) inView.observe(box);
