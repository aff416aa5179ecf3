// Numbers, ages and times as people read them. Pure: nothing here knows the page or the clock.

export const UNKNOWN = "–";
const FIGURE_SPACE = "\u2007"; // as wide as a digit: it keeps the decimal points below each other
const MINUS = "\u2212";
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

const signed = (text) => text.replace("-", MINUS);

// How many decimals show `digits` significant ones of `value`, at least `least` and at most `most`.
function decimalsFor(value, digits, least, most) {
  if (value === 0) return least;
  const leading = Math.floor(Math.log10(Math.abs(value)));
  return Math.min(most, Math.max(least, digits - 1 - leading));
}

// `text` with figure spaces in the place of decimals up to `width`: numbers below each other align.
function padded(text, width) {
  const point = text.indexOf(".");
  const decimals = point < 0 ? -1 : text.length - point - 1; // without a point, one place more
  return text + FIGURE_SPACE.repeat(Math.max(0, width - decimals));
}

// A percentage: `least` decimals, more where fewer than three significant digits would be left. In a
// column, `room` for so many more decimals is kept.
export function percent(value, { least = 4, room = 0 } = {}) {
  if (!isNumber(value)) return UNKNOWN;
  const most = least + 4;
  if (value !== 0 && Math.abs(value) < 10 ** -most) return signed(value.toExponential(1));
  const text = value.toFixed(decimalsFor(value, 3, least, most));
  return signed(room ? padded(text, least + room) : text);
}

// A price, to some seven significant digits.
export function price(value, { pad = false } = {}) {
  if (!isNumber(value)) return UNKNOWN;
  const size = Math.abs(value);
  let decimals = size >= 1000 ? 2 : size >= 1 ? 4 : size >= 0.01 ? 6 : 0;
  if (!decimals) decimals = decimalsFor(value, 5, 2, 12);
  const [whole, part] = value.toFixed(decimals).split(".");
  const text = `${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${part}`;
  return signed(pad ? padded(text, 6) : text);
}

export function fixed(value, decimals) {
  return isNumber(value) ? signed(value.toFixed(decimals)) : UNKNOWN;
}

export function count(value) {
  return isNumber(value) ? signed(Math.round(value).toLocaleString("en-US")) : UNKNOWN;
}

// One thing or several: `3 symbols`.
export function counted(value, noun) {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

// How long ago, in the largest unit that says enough: `0.8 s`, `14 s`, `3 min`, `2.5 h`, `4 days`.
export function age(seconds) {
  if (!isNumber(seconds)) return UNKNOWN;
  const past = Math.max(0, seconds);
  if (past < 9.95) return `${past.toFixed(1)} s`;
  if (past < 100) return `${Math.round(past)} s`;
  if (past < 100 * MINUTE) return `${Math.floor(past / MINUTE)} min`;
  if (past < 2 * DAY) return `${(past / HOUR).toFixed(1)} h`;
  return `${Math.floor(past / DAY)} days`;
}

// The time until something happens: `7:59:12`, `12:05` (minutes and seconds), `2 d 03:00`.
export function countdown(seconds) {
  if (!isNumber(seconds)) return UNKNOWN;
  if (seconds <= 0) return "now";
  const whole = Math.floor(seconds);
  const two = (value) => String(value).padStart(2, "0");
  const days = Math.floor(whole / DAY);
  const hours = Math.floor((whole % DAY) / HOUR);
  const minutes = Math.floor((whole % HOUR) / MINUTE);
  if (days) return `${days} d ${two(hours)}:${two(minutes)}`;
  const rest = two(whole % MINUTE);
  return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

// An instant (Unix seconds) in UTC or in the browser's time zone: `2026-11-27 21:14:03`.
export function instant(at, { local = false, date = true, seconds = true } = {}) {
  if (!isNumber(at)) return UNKNOWN;
  const moment = new Date(at * 1000);
  const shifted = local ? new Date(moment - moment.getTimezoneOffset() * MINUTE * 1000) : moment;
  const text = shifted.toISOString();
  const time = text.slice(11, seconds ? 19 : 16);
  return date ? `${text.slice(0, 10)} ${time}` : time;
}
