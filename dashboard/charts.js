// Charts, by uPlot (a global of assets/uplot.js): bars and a line over days or hours of UTC, with a legend that tells what
// is under the pointer. What they show stands in a table, too: see overview.js.

import { make } from "./table.js";

const HEIGHT = 230;
const dark = matchMedia("(prefers-color-scheme: dark)");
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const label = (options) => {
  const format = new Intl.DateTimeFormat("en", { timeZone: "UTC", ...options });
  return (seconds) => format.format(seconds * 1000);
};
const asDay = label({ month: "short", day: "numeric" });
const asHour = label({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

// series: `title`, `color` (a property of the style sheet), `bars`, `scale`, `shown(value)`, `axis(value)`.
export class Chart {
  constructor(host, { title, series }) {
    Object.assign(this, { host, title, series, data: undefined });
    this.values = series.map(() => make("b"));
    this.at = make("span", { className: "fine" });
    const marks = series.map((one, at) =>
      make("li", {}, make("i", { className: one.bars ? "mark bars" : "mark", "data-color": one.color }), `${one.title} `, this.values[at]),
    );
    this.plot = make("div", { className: "plot", role: "img" });
    this.host.replaceChildren(
      make("figcaption", {}, make("h2", {}, title), this.at),
      this.plot,
      make("ul", { className: "legend" }, ...marks),
    );
    new ResizeObserver(() => this.resize()).observe(this.plot);
    dark.addEventListener("change", () => this.draw());
  }

  // times: the beginnings of equal spans, in seconds; values: a list for each series; step: a span, in seconds.
  show(data) {
    this.data = data;
    this.draw();
  }

  resize() {
    const width = this.plot.clientWidth;
    if (this.uplot && width > 0 && width !== this.uplot.width) this.uplot.setSize({ width, height: HEIGHT });
  }

  draw() {
    this.uplot?.destroy();
    if (!this.data || this.plot.clientWidth === 0) return;
    const { times, values } = this.data;
    this.uplot = new uPlot(this.options(), [times, ...values], this.plot);
    this.tell(null);
    const most = this.series.map(({ title, shown }, at) => `${title}: ${shown(total(values[at]))}, at most ${shown(Math.max(...values[at], 0))}`);
    this.plot.setAttribute("aria-label", `${this.title}. ${most.join("; ")}. The same is in the table of days and hours.`);
  }

  // What the legend says: of one span, or of all together.
  tell(index) {
    const { times, values, step } = this.data;
    const one = index !== null && index !== undefined;
    this.at.textContent = one ? (step < 86_400 ? `${asDay(times[index])}, ${asHour(times[index])}` : asDay(times[index])) : "in all";
    this.series.forEach(({ shown }, at) => {
      this.values[at].textContent = shown(one ? (values[at][index] ?? 0) : total(values[at]));
    });
  }

  options() {
    const { times, step } = this.data;
    const [ink, line] = [color("--soft"), color("--line")];
    const font = "12px system-ui, sans-serif";
    const half = step / 2;
    const axis = { stroke: ink, font, ticks: { show: false }, gap: 6 };
    const scales = [...new Set(this.series.map(({ scale }) => scale))];
    const from = (min) => (min < 0 ? min * 1.1 : 0);
    return {
      width: this.plot.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      padding: [10, scales.length > 1 ? 0 : 10, 0, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { size: 7 } },
      scales: {
        x: { time: true, range: () => [times[0] - half, times.at(-1) + half] },
        ...Object.fromEntries(scales.map((scale) => [scale, { range: (_, min, max) => [from(min), max > 0 ? max * 1.08 : 1] }])),
      },
      axes: [
        { ...axis, grid: { show: false }, size: 30, space: 64, values: (_, splits) => splits.map(step < 86_400 ? asHour : asDay) },
        ...scales.map((scale, nth) => ({
          ...axis,
          scale,
          side: nth === 0 ? 3 : 1,
          size: 58,
          grid: nth === 0 ? { stroke: line, width: 1 } : { show: false },
          values: (_, splits) => splits.map(this.series.find((one) => one.scale === scale).axis),
        })),
      ],
      series: [
        {},
        ...this.series.map((one) => ({
          scale: one.scale,
          stroke: color(one.color),
          width: one.bars ? 0 : 2,
          fill: one.bars ? color(one.color) : undefined,
          paths: one.bars ? uPlot.paths.bars({ size: [0.66, 36], radius: 0.15 }) : undefined,
          points: { show: !one.bars && times.length < 32, size: 5, fill: color(one.color) },
        })),
      ],
      hooks: { setCursor: [({ cursor }) => this.tell(cursor.idx ?? null)] },
    };
  }
}

const total = (values) => values.reduce((sum, value) => sum + value, 0);
