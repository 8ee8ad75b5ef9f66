const filter = document.querySelector(".filter");
if (filter) {
  filter.hidden = false;
  filter.addEventListener("change", () => showOnly(filter.elements));
}

// A row carries the smallest cards that it trains and infers on; none means no card does.
function showOnly({ use, card, shape }) {
  const rows = [...document.querySelector(".fits").tBodies[0].rows];
  for (const row of rows) {
    const smallest = Number(row.dataset[use.value] ?? Infinity);
    const fits = !card.value || smallest <= Number(card.value);
    row.hidden = !fits || (shape.value !== "" && row.dataset.shape !== shape.value);
  }
  const shown = rows.filter((row) => !row.hidden).length;
  filter.querySelector("output").textContent = `${shown} of ${rows.length} settings`;
}
