// The methods table as files; byte for byte what harness/report/export.py writes.

const TEX = {
  "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}",
  "&": "\\&", "%": "\\%", "$": "\\$", "#": "\\#", _: "\\_", "{": "\\{", "}": "\\}",
  "<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}", "\u00a0": "~",
  "–": "--", "−": "$-$", "×": "$\\times$", "≥": "$\\geq$",
};

function csvOf(study, entries) {
  const named = study.columns.map((column) => [column.figure, figure(study, column.figure)]);
  const fields = named.flatMap(([name, { bounded, atLeast }]) => [
    name,
    ...(bounded ? [`${name}_low`, `${name}_high`] : []),
    ...(atLeast.size ? [`${name}_at_least`] : []),
  ]);
  const lines = [["label", "method", "family", "size", "seeds", "trials", "rank", ...fields]];
  const number = (value) => (Number.isNaN(value) ? "" : String(value));
  for (const entry of entries) {
    lines.push([
      study.labels[entry],
      wordOf(study.methods, entry),
      wordOf(study.families, entry),
      String(study.sizes[entry] ?? ""),
      study.seeds[entry].filter((seed) => seed !== null).join(" "),
      study.trials[entry],
      String(study.ranks[entry] ?? ""),
      ...named.flatMap(([, { value, low, high, bounded, atLeast }]) => [
        number(value[entry]),
        ...(bounded ? [number(low[entry]), number(high[entry])] : []),
        ...(atLeast.size ? [atLeast.has(entry) ? "1" : "0"] : []),
      ]),
    ].map((text, place) => (place < 3 ? neutral(text) : text)));
  }
  return lines.map((line) => `${line.map(quoted).join(",")}\r\n`).join("");
}

// A spreadsheet takes these for the start of a formula.
const neutral = (text) => (/^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text);
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function latexOf(study, entries) {
  const columns = study.columns;
  const heads = [
    ["Rank", "Method", ...columns.map((column) => column.title)],
    ["", "", ...columns.map((column) => column.unit)],
  ];
  const rows = entries.map((entry) => [
    rankOf(study, entry),
    study.labels[entry],
    ...columns.map((column) => {
      const { text, below } = cellOf(figure(study, column.figure), entry, column.show);
      return below ? `${text} (${below})` : text;
    }),
  ]);
  const line = (cells) => `${cells.map(tex).join(" & ")} \\\\`;
  return [
    `\\begin{tabular}{rl${"r".repeat(columns.length)}}`,
    "\\toprule",
    ...heads.map(line),
    "\\midrule",
    ...rows.map(line),
    "\\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n");
}

function tex(text) {
  return text.replace(/[\s\u0000-\u001f\u0085]/g, (space) => (space === "\u00a0" ? space : " ")).replace(/./gu, (letter) => TEX[letter] ?? letter);
}
