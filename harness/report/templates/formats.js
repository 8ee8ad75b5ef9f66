// Numbers as the rest of the page shows them: each function here has its namesake in
// harness/analysis/numbers.py, and a test holds the one to the other.

const UNITS = [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]];
const DASH = "–";

// Python rounds halves to even digits, toFixed away from zero.
function fixed(value, digits) {
  const scale = 10 ** digits;
  const half = Math.abs(value) * scale + 0.5;
  if (Math.abs(half - Math.round(half)) > 1e-6 && digits >= 0) return value.toFixed(digits);
  const spare = 60;
  const exact = Math.abs(value).toFixed(Math.max(digits, 0) + Math.min(spare, 100 - Math.max(digits, 0)));
  const [whole, part] = exact.split(".");
  const cut = 10n ** BigInt(part.length - digits);
  const all = BigInt(whole + part);
  let kept = all / cut;
  const rest = 2n * (all % cut);
  if (rest > cut || (rest === cut && kept % 2n === 1n)) kept += 1n;
  const sign = value < 0 ? "-" : "";
  if (digits <= 0) return sign + kept * 10n ** BigInt(-digits);
  const text = String(kept).padStart(digits + 1, "0");
  return `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

function grouped(value, digits) {
  const [whole, part] = fixed(value, digits).split(".");
  const spaced = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return part === undefined ? spaced : `${spaced}.${part}`;
}

const magnitude = (value) => Number(value.toExponential().split("e")[1]);

const formats = {
  significant(value, digits = 3) {
    if (value === 0) return "0";
    const rounded = Number(fixed(value, digits - 1 - magnitude(value)));
    if (rounded === 0 || Math.abs(rounded) < 1e-4 || Math.abs(rounded) >= 1e15) {
      return value.toExponential(digits - 1).replace(/e([+-])(\d)$/, "e$10$2");
    }
    return grouped(rounded, Math.max(0, digits - 1 - magnitude(rounded)));
  },
  signed: (value) =>
    `${value > 0 ? "+" : ""}${formats.significant(value)}`.replace("-", "−"),
  points: (value) => fixed(100 * value, 1),
  signedPoints: (value) => withSign(fixed(100 * value, 1)),
  nats: (value) => withSign(fixed(value, 3)),
  seconds: (value) => (value < 60 ? formats.significant(value) : grouped(value, 0)),
  ratio: (value) => `${value < 100 ? fixed(value, 2) : formats.significant(value)}×`,
  count(value) {
    for (const [name, size] of [["B", 1e9], ["M", 1e6], ["k", 1e3]]) {
      if (value >= size) return formats.significant(value / size) + name;
    }
    return fixed(value, 0);
  },
  bytes(value) {
    if (value < 1024) return `${fixed(value, 0)}\u00a0B`;
    const [name, size] = UNITS.find(([, size]) => value >= size);
    return `${formats.significant(value / size)}\u00a0${name}`;
  },
};

function withSign(text) {
  if (Number(text) === 0) return text.replace("-", "");
  return text.startsWith("-") ? text.replace("-", "−") : `+${text}`;
}

function shown(show, value) {
  return formats[show.as](show.per ? value / show.per : value);
}

function between(low, high) {
  return /^[+−]/.test(low) || /^[+−]/.test(high) ? `${low} to ${high}` : `${low}–${high}`;
}

// A figure of an entry as a cell shows it: its text and, below, its interval.
function cellOf(column, entry, show) {
  const value = column.value[entry];
  if (Number.isNaN(value)) return { text: DASH, below: "", reason: column.why(entry) };
  if (column.atLeast.has(entry)) return { text: `≥\u00a0${shown(show, value)}`, below: "" };
  const [low, high] = [column.low[entry], column.high[entry]];
  const below = low < high ? between(shown(show, low), shown(show, high)).replaceAll("×", "") : "";
  return { text: shown(show, value), below };
}

// The same in one line.
function withInterval(column, entry, show, bounded = true) {
  const value = column.value[entry];
  if (Number.isNaN(value)) return DASH;
  if (!bounded) return shown(show, value);
  if (column.atLeast.has(entry)) return `≥\u00a0${shown(show, value)}`;
  const [low, high] = [column.low[entry], column.high[entry]];
  if (Number.isNaN(low) || Number.isNaN(high)) return shown(show, value);
  return `${shown(show, value)} (${between(shown(show, low), shown(show, high))})`;
}

// For where a long name would push a drawing aside.
function shortened(text, most = 32) {
  const letters = [...text];
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join("").trimEnd()}…`;
}

function listed(names, most = 6) {
  const all = names.length > most ? [...names.slice(0, most), `${names.length - most} more`] : names;
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}
