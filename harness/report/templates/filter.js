// By name and family: one filter of a study, shown wherever it is of use.

function prepareFilters(study) {
  for (const box of study.article.querySelectorAll(".filter")) {
    box.addEventListener("input", (event) => {
      event.stopPropagation();
      const families = [...box.querySelectorAll(".by-family:checked")].map((input) => input.value);
      const name = box.querySelector(".by-name").value;
      setFilter(study, { name, families: new Set(families) }, box);
    });
  }
}

function setFilter(study, filter, source) {
  study.filter = filter;
  for (const box of study.article.querySelectorAll(".filter")) {
    if (box === source) continue;
    box.querySelector(".by-name").value = filter.name;
    for (const input of box.querySelectorAll(".by-family")) input.checked = filter.families.has(input.value);
  }
  for (const listener of study.listeners) listener();
}

// Which entries it lets through; null where it asks nothing.
function amongOf(study) {
  const words = study.filter.name.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length && study.filter.families.size === study.families.words.length) return null;
  const names = study.labels.map((label) => label.toLowerCase());
  return names.map(
    (name, entry) =>
      study.filter.families.has(wordOf(study.families, entry)) && words.every((word) => name.includes(word)),
  );
}
