// The methods table: sorted and filtered by figures, so that rows that are not shown need not exist.

for (const study of studies.values()) {
  const table = study.article.querySelector("table.methods");
  if (table) prepareMethods(study, table);
}

function prepareMethods(study, table) {
  const made = new Map();
  for (const row of table.tBodies[0].rows) made.set(Number(row.dataset.entry), row);
  study.methodsTable = { table, made, pattern: table.tBodies[0].rows[0], column: 0, ascending: true, most: made.size, step: made.size };
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    const button = header.querySelector("button");
    if (button) button.addEventListener("click", () => sortMethods(study, header, column));
  });
  const tools = study.article.querySelector(".table-tools");
  study.methodsTable.button = table.closest("section").querySelector(".more");
  study.methodsTable.button.addEventListener("click", () => {
    study.methodsTable.most += study.methodsTable.step;
    showMethods(study);
  });
  tools.querySelector(".csv").addEventListener("click", () => download(study, "csv", csvOf(study, study.inTable)));
  tools.querySelector(".tex").addEventListener("click", () => download(study, "tex", latexOf(study, study.inTable)));
  tools.hidden = false;
  study.listeners.push(() => showMethods(study));
  showMethods(study);
}

function sortMethods(study, header, column) {
  Object.assign(study.methodsTable, { column, ascending: turned(header) });
  showMethods(study);
}

function inOrder(study, { column, ascending }) {
  const entries = [...study.order];
  if (column === 1) {
    const { compare } = new Intl.Collator("en", { numeric: true });
    entries.sort((a, b) => compare(study.labels[a], study.labels[b]));
    return ascending ? entries : entries.reverse();
  }
  const values = column === 0 ? study.ranks.map((rank) => rank ?? NaN) : figure(study, study.columns[column - 2].figure).value;
  const sign = ascending ? 1 : -1;
  // What was not measured stands last, whichever way the rest is turned.
  return entries.sort((a, b) =>
    Number.isNaN(values[a]) || Number.isNaN(values[b])
      ? Number.isNaN(values[a]) - Number.isNaN(values[b])
      : sign * (values[a] - values[b]),
  );
}

function showMethods(study) {
  const { table, made, most } = study.methodsTable;
  const among = amongOf(study);
  study.inTable = inOrder(study, study.methodsTable).filter((entry) => !among || among[entry]);
  const shownNow = study.inTable.slice(0, most);
  const rows = shownNow.map((entry) => {
    if (!made.has(entry)) made.set(entry, makeRow(study, entry));
    const row = made.get(entry);
    row.classList.toggle("faded", Boolean(study.faded[entry]));
    return [row, entry];
  });
  study.shown.set("methods", rows);
  table.tBodies[0].replaceChildren(...rows.map(([row]) => row));
  const tools = study.article.querySelector(".table-tools");
  study.methodsTable.button.hidden = shownNow.length === study.inTable.length;
  tools.querySelector("output").textContent = `${shownNow.length} of ${study.count} rows`;
}

// A row like those that the page came with.
function makeRow(study, entry) {
  const row = study.methodsTable.pattern.cloneNode(true);
  row.dataset.entry = entry;
  row.dataset.trial = study.trials[entry];
  const [rank, name, ...cells] = row.cells;
  fill(rank, { text: rankOf(study, entry), below: "", reason: study.ranks[entry] === null ? figure(study, "quality").why(entry) : "" });
  const glyph = study.article.querySelectorAll(".legend li svg")[study.methods.codes[entry]];
  name.replaceChildren(glyph.cloneNode(true), ` ${study.labels[entry]}`);
  if (study.tags[entry]) name.append(element("small", study.tags[entry].join(", ")));
  const records = cells.pop();
  study.columns.forEach((column, place) => fill(cells[place], cellOf(figure(study, column.figure), entry, column.show)));
  records.replaceChildren(...recordsOf(study, entry));
  return row;
}

function fill(cell, { text, below, reason }) {
  cell.removeAttribute("title");
  delete cell.dataset.order;
  cell.textContent = text;
  if (reason) {
    cell.title = reason;
    const hidden = element("span", DASH);
    hidden.ariaHidden = "true";
    cell.replaceChildren(hidden, element("span", `none: ${reason}`, "hidden"));
  }
  if (below) cell.append(" ", element("small", below));
}

function recordsOf(study, entry) {
  return study.trials[entry].split(" ").flatMap((trial, place) => {
    const seed = String(study.seeds[entry][place] ?? "record");
    if (study.records === null) return [seed, " "];
    const link = element("a");
    link.href = `${study.records}${trial}/record.json`;
    link.dataset.trial = trial;
    link.append(element("span", "seed ", "hidden"), seed);
    return [link, " "];
  });
}

function rankOf(study, entry) {
  study.sharing ??= study.ranks.reduce((all, rank) => all.set(rank, (all.get(rank) ?? 0) + 1), new Map());
  const rank = study.ranks[entry];
  if (rank === null) return DASH;
  return `${rank}${study.sharing.get(rank) > 1 ? "=" : ""}`;
}

function download(study, suffix, text) {
  const link = element("a");
  link.download = `${study.name.replace(/[^\w.-]+/g, "-")}-methods.${suffix}`;
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
