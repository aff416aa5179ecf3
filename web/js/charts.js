// Two charts over time, drawn by uPlot (web/vendor/uplot), in the colours of the page's theme.
// A table beside each holds the same numbers for those who cannot see it.

const LIBRARY = "/web/vendor/uplot/uPlot.esm.js";
const HEIGHT = 240;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const faint = (name) => `${colour(name)}30`;

let library = null;
const load = () => (library ??= import(LIBRARY).then((found) => found.default));

const DAY = 86_400;

// Labels of the time axis: the hour, and the date where a day begins or each label is a day.
function times(_plot, ticks, _axis, _space, step) {
  return ticks.map((at, number) => {
    const text = new Date(at * 1000).toISOString();
    const [date, time] = [text.slice(5, 10), text.slice(11, 16)];
    if (step >= DAY) return date;
    return number === 0 || at % DAY === 0 ? `${time}\n${date}` : time;
  });
}

// Labels of the other axis, all with as many decimals as its steps need.
function values(_plot, ticks) {
  const step = Math.abs(ticks[1] - ticks[0]) || 1;
  const decimals = Math.max(0, Math.min(10, Math.ceil(-Math.log10(step) - 1e-9)));
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return ticks.map((tick) => tick.toLocaleString("en-US", options).replace("-", "\u2212"));
}

// One chart in `place`; `describe(uPlot)` gives uPlot's series and bands in the colours of now.
class Chart {
  #plot = null;
  #data = null;
  #drawing = false;

  constructor(place, describe) {
    Object.assign(this, { place, describe });
    this.resizing = new ResizeObserver(() => this.#resize());
    this.resizing.observe(place);
  }

  #resize() {
    const width = this.place.clientWidth;
    if (this.#plot && width && width !== this.#plot.width)
      this.#plot.setSize({ width, height: HEIGHT });
  }

  async show(data) {
    this.#data = data;
    if (this.#plot) this.#plot.setData(data);
    else await this.#draw();
  }

  async #draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    const Plot = await load();
    this.#drawing = false;
    if (!this.place.isConnected || !this.#data) return;
    const axis = {
      stroke: colour("--muted"),
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
    };
    this.#plot = new Plot(
      {
        width: this.place.clientWidth || 600,
        height: HEIGHT,
        tzDate: (at) => Plot.tzDate(new Date(at * 1000), "Etc/UTC"),
        cursor: { y: false },
        axes: [
          { ...axis, values: times },
          { ...axis, size: 80, values },
        ],
        ...this.describe(Plot),
      },
      this.#data,
      this.place,
    );
  }

  // Draw it again from nothing: the colours, or what is shown, have changed.
  async again() {
    this.#plot?.destroy();
    this.#plot = null;
    if (this.#data) await this.#draw();
  }

  end() {
    this.resizing.disconnect();
    this.#plot?.destroy();
    this.#data = null;
  }
}

// Settled rates as steps; apart from them, dashed, the running estimate up to the next settlement.
export function rateChart(place, { format, label }) {
  const value = (_plot, number) => (number == null ? "–" : format(number));
  return new Chart(place, (Plot) => ({
    series: [
      { label: "UTC", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" },
      {
        label: `settled, ${label()}`,
        value,
        stroke: colour("--accent"),
        fill: faint("--accent"),
        width: 1.5,
        points: { show: true, size: 4, fill: colour("--accent") },
        paths: Plot.paths.stepped({ align: -1 }),
      },
      {
        label: "running estimate, not charged yet",
        value,
        stroke: colour("--warning"),
        width: 2,
        dash: [5, 4],
        spanGaps: true,
        points: { show: true, size: 7, fill: colour("--surface"), stroke: colour("--warning") },
      },
    ],
    scales: { y: { range: withZero } },
  }));
}

function withZero(_plot, low, high) {
  const [least, most] = [Math.min(0, low ?? 0), Math.max(0, high ?? 0)];
  const room = (most - least || 1) * 0.08;
  return [least < 0 ? least - room : 0, most > 0 ? most + room : 0];
}

// Mark bars: the span of each from low to high, the close as a line, and the index for comparison.
export function barChart(place, { format }) {
  const value = (_plot, number) => (number == null ? "–" : format(number));
  const edge = { value, stroke: "transparent", width: 0, points: { show: false } };
  const line = { value, width: 1.5, points: { show: false } };
  return new Chart(place, () => ({
    series: [
      { label: "UTC", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" },
      { ...edge, label: "high" },
      { ...edge, label: "low" },
      { ...line, label: "mark, close", stroke: colour("--accent") },
      { ...line, label: "index, close", stroke: colour("--muted"), width: 1, dash: [3, 3] },
    ],
    bands: [{ series: [1, 2], fill: faint("--accent") }],
  }));
}
