"use strict";

document.documentElement.classList.add("js");
for (const table of document.querySelectorAll("table.sortable:not(.methods)")) makeSortable(table);

function makeSortable(table) {
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => {
    const button = header.querySelector("button");
    if (button) button.addEventListener("click", () => sortBy(table, headers, column));
  });
}

function sortBy(table, headers, column) {
  const ascending = turned(headers[column]);
  const isText = headers[column].querySelector("button").dataset.kind === "text";
  const order = (row) => row.cells[column].dataset.order;
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => {
    const [x, y] = [order(a), order(b)];
    // What was not measured stands last, whichever way the rest is turned.
    if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
    const difference = isText ? x.localeCompare(y, "en", { numeric: true }) : x - y;
    return ascending ? difference : -difference;
  });
  table.tBodies[0].append(...rows);
}

// Whether the column is ascending now, after its header says so and the others no more.
function turned(header) {
  const ascending = header.getAttribute("aria-sort") !== "ascending";
  for (const other of header.parentElement.cells) {
    if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
  }
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  return ascending;
}
