/** What charts share: an svg that is drawn at the width it has, and the axis of alphas with its cursor. */
import { axisBottom, axisLeft, axisTop } from "d3-axis";
import { format } from "d3-format";
import { scaleLinear, type ScaleLinear } from "d3-scale";
import { pointer, select, type Selection } from "d3-selection";
import type { PageRecord } from "./record";
import type { Store } from "./state";

export type Svg = Selection<SVGSVGElement, unknown, null, undefined>;
export type Group = Selection<SVGGElement, unknown, null, undefined>;

export const COLOURS = ["var(--c0)", "var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)"];
export const OTHER = "var(--c6)";

/** A number as text: three or four digits that matter, a real minus. */
export function told(x: number | null | undefined, digits = 4): string {
  if (x === null || x === undefined || !Number.isFinite(x)) return "–";
  if (x === 0) return "0";
  const size = Math.abs(x);
  const text = size >= 1e6 || size < 1e-4 ? format(`.${digits - 1}~e`)(x) : format(`.${digits}~r`)(x);
  return text.replace("-", "−");
}

export const signed = (x: number, digits = 3): string => (x > 0 ? "+" : "") + told(x, digits);
/** "1 row", "3 rows"; `many` where it is not `one` with an s. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
export const percent = (x: number): string => `${format(".0f")(100 * x)}%`;

export function add<K extends keyof HTMLElementTagNameMap>(
  parent: Element,
  name: K,
  text = "",
  attributes: { [name: string]: string } = {},
): HTMLElementTagNameMap[K] {
  const child = document.createElement(name);
  child.textContent = text;
  for (const [key, value] of Object.entries(attributes)) child.setAttribute(key, value);
  parent.append(child);
  return child;
}

/** A name that may go on in the next line after an underscore. */
export function writeName(parent: Element, text: string): void {
  text.split(/(?<=_)/).forEach((part, i) => parent.append(...(i ? [document.createElement("wbr"), part] : [part])));
}

/** A name in at most that many characters, cut in the middle: long names often differ at their ends only. */
export function cut(name: string, most: number): string {
  if (name.length <= most) return name;
  const tail = Math.max(Math.floor((most - 1) / 2), 1);
  return `${name.slice(0, Math.max(most - 1 - tail, 1))}…${name.slice(-tail)}`;
}

/** Names in at most that many characters each. Those that would read the same are shown where they differ. */
export function cuts(names: string[], most: number): string[] {
  const short = names.map((name) => cut(name, most));
  return names.map((name, i) => {
    const alike = names.filter((_, k) => short[k] === short[i]);
    return alike.length > 1 ? differing(name, alike, most) : short[i];
  });
}

function differing(name: string, alike: string[], most: number): string {
  const shared = (at: (word: string, i: number) => string) => {
    let i = 0;
    while (i < name.length && alike.every((word) => at(word, i) === at(name, i))) i++;
    return i;
  };
  const head = shared((word, i) => word[i]);
  const tail = shared((word, i) => word[word.length - 1 - i]);
  const room = Math.max(most - 2, 1);
  const spare = Math.max(room - Math.max(name.length - head - tail, 1), 0);
  const from = Math.max(Math.min(head - Math.floor(spare / 2), name.length - room), 0);
  return `${from > 0 ? "…" : ""}${name.slice(from, from + room).trim()}${from + room < name.length ? "…" : ""}`;
}

/** The models from the strongest penalty to the chosen one, or to the smallest held-out error where that is weaker. */
export const seen = (record: PageRecord): number => Math.max(record.path.index, record.curve?.index_min ?? 0) + 1;

const TOO_FAR = 5;

/** Whether values of models beyond the seen ones are so large that on one scale with them the seen ones would look like zero. */
export function runsOff(rows: number[][], count: number): boolean {
  const most = (from: number, to: number) => Math.max(0, ...rows.map((row) => row.slice(from, to).reduce((far, w) => Math.max(far, Math.abs(w)), 0)));
  const near = most(0, count);
  return near > 0 && most(count, Infinity) > TOO_FAR * near;
}

/** A group of which only what lies within these pixels is drawn. */
export function within(svg: Svg, left: number, right: number, top: number, bottom: number): Group {
  const id = `within-${++groups}`;
  const clip = svg.append("clipPath").attr("id", id).append("rect");
  clip.attr("x", left).attr("width", right - left).attr("y", top).attr("height", bottom - top);
  return svg.append("g").attr("clip-path", `url(#${id})`);
}
let groups = 0;

/** An svg in `element`, drawn anew whenever its width changes. `label` is what a screen reader says of it. */
export function chart(element: HTMLElement, label: string, height: number, draw: (svg: Svg, width: number) => void): Svg {
  const svg = select(element).append("svg").attr("role", "img").attr("aria-label", label);
  let drawn = 0;
  const redraw = () => {
    const width = Math.max(260, Math.floor(element.clientWidth || 700));
    if (width === drawn) return;
    drawn = width;
    svg.attr("viewBox", `0 0 ${width} ${height}`).selectAll("*").remove();
    draw(svg, width);
  };
  redraw();
  if (typeof ResizeObserver !== "undefined") new ResizeObserver(redraw).observe(element);
  return svg;
}

/** log10 alpha of every model; an alpha of zero stands one step beyond the last. */
export function logAlphas(record: PageRecord): number[] {
  const logs = record.path.alphas.map((a) => Math.log10(a));
  const known = logs.filter(Number.isFinite);
  const step = known.length > 1 ? known[known.length - 2] - known[known.length - 1] : 0.1;
  return logs.map((x) => (Number.isFinite(x) ? x : (known[known.length - 1] ?? 0) - Math.max(step, 0.05)));
}

/** The axis of alphas: strong penalties on the left, weak ones on the right. */
export function alphaScale(record: PageRecord, left: number, right: number): ScaleLinear<number, number> {
  const logs = logAlphas(record);
  const ends = logs.length > 1 ? [logs[0], logs[logs.length - 1]] : [logs[0] + 0.5, logs[0] - 0.5];
  return scaleLinear().domain(ends).range([left, right]);
}

/** Powers of ten below, numbers of features kept above. */
export function alphaAxes(svg: Svg, record: PageRecord, x: ScaleLinear<number, number>, top: number, bottom: number): void {
  const [high, low] = x.domain();
  const width = x.range()[1] - x.range()[0];
  const powers: number[] = [];
  for (let k = Math.ceil(low); k <= Math.floor(high); k++) powers.push(k);
  const ticks = powers.length >= 2 ? powers : x.ticks(4);
  const name = (k: number) => told(10 ** k, 2);
  svg
    .append("g")
    .attr("transform", `translate(0,${bottom})`)
    .call(axisBottom(x).tickValues(ticks).tickFormat((k) => name(+k)).tickSizeOuter(0));
  svg
    .append("text")
    .attr("class", "soft")
    .attr("x", (x.range()[0] + x.range()[1]) / 2)
    .attr("y", bottom + 34)
    .attr("text-anchor", "middle")
    .text("alpha (strong penalty left, weak right)");
  const logs = logAlphas(record);
  const count = Math.max(2, Math.min(8, Math.floor(width / 70)));
  const at = [...new Set(Array.from({ length: count }, (_, i) => Math.round((i * (logs.length - 1)) / (count - 1))))];
  svg
    .append("g")
    .attr("transform", `translate(0,${top})`)
    .call(
      axisTop(x)
        .tickValues(at.map((i) => logs[i]))
        .tickFormat((_, i) => String(record.path.nonzeros[at[i]]))
        .tickSizeOuter(0)
        .tickSize(4),
    );
  svg
    .append("text")
    .attr("class", "soft")
    .attr("x", x.range()[0])
    .attr("y", top - 24)
    .text("features kept:");
}

export function leftAxis(svg: Svg, y: ScaleLinear<number, number>, left: number, label: string, top: number): void {
  svg
    .append("g")
    .attr("transform", `translate(${left},0)`)
    .call(axisLeft(y).ticks(5).tickFormat((v) => told(+v, 3)).tickSizeOuter(0));
  svg.append("text").attr("class", "soft").attr("x", 0).attr("y", top - 24 - 18).text(label);
}

/** The one cursor: a line that follows the store, and a surface on which it is dragged. */
export function cursor(svg: Svg, record: PageRecord, store: Store, x: ScaleLinear<number, number>, top: number, bottom: number): void {
  const logs = logAlphas(record);
  const line = svg.append("line").attr("class", "at").attr("y1", top).attr("y2", bottom);
  const place = () => {
    const at = x(logs[store.now.index]);
    line.attr("x1", at).attr("x2", at).attr("data-index", store.now.index);
  };
  place();
  (svg.node() as unknown as { place?: () => void }).place = place;
  const move = (event: PointerEvent) => {
    const wanted = x.invert(pointer(event, svg.node())[0]);
    let best = 0;
    logs.forEach((value, i) => (best = Math.abs(value - wanted) < Math.abs(logs[best] - wanted) ? i : best));
    store.set({ index: best });
  };
  svg
    .insert("rect", ":first-child")
    .attr("x", x.range()[0])
    .attr("y", top)
    .attr("width", x.range()[1] - x.range()[0])
    .attr("height", bottom - top)
    .attr("fill", "transparent")
    .style("cursor", "ew-resize")
    .on("pointerdown", (event: PointerEvent) => {
      (event.target as Element).setPointerCapture(event.pointerId);
      move(event);
    })
    .on("pointermove", (event: PointerEvent) => event.buttons && move(event));
}

/** Move the cursor line of a chart to where the store is. */
export const follow = (svg: Svg): void => (svg.node() as unknown as { place?: () => void }).place?.();

/** Push labels apart: wanted heights, in order, at least `gap` apart and within [low, high]. */
export function spread(wanted: number[], gap: number, low: number, high: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const out = wanted.slice();
  let last = low - gap;
  for (const i of order) last = out[i] = Math.max(wanted[i], last + gap);
  let next = high + gap;
  for (const i of order.slice().reverse()) next = out[i] = Math.min(out[i], next - gap);
  return out;
}
