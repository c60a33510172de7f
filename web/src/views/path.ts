import { extent } from "d3-array";
import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import { add, alphaAxes, alphaScale, chart, COLOURS, counted, cursor, cuts, follow, leftAxis, logAlphas, OTHER, runsOff, seen, signed, spread, told, within, type Svg } from "../frame";
import { dialAt, type PageRecord } from "../record";
import type { Store } from "../state";

const HEIGHT = 380;
const LABELLED = 12;
const DRAWN = 200; // lines, the largest

/** Coefficients per standard deviation of their columns: [feature][alpha]. */
export const perSd = (record: PageRecord): number[][] =>
  record.path.coefs.map((row, j) => row.map((w) => w * (record.features.sd[j] / record.features.unit[j])));

/** Features by their largest size on the path, the largest first. */
export function byReach(values: number[][]): number[] {
  const reach = values.map((row) => row.reduce((most, w) => Math.max(most, Math.abs(w)), 0));
  return reach.map((_, j) => j).sort((a, b) => reach[b] - reach[a] || a - b);
}

export function mount(element: HTMLElement, record: PageRecord, store: Store): void {
  const values = perSd(record);
  const off = runsOff(values, seen(record));
  const near = off ? values.map((row) => row.slice(0, seen(record))) : values;
  const order = byReach(near);
  const colour = (j: number) => COLOURS[order.indexOf(j)] ?? OTHER;
  const saying = add(element, "p", "", { class: "saying", "aria-live": "polite" });
  const label = `Coefficients of ${counted(record.features.names.length, "feature")} from a strong penalty to a weak one; the table below has the numbers.`;
  const draw = (svg: Svg, width: number) => {
    const named = order.slice(0, LABELLED).filter((j) => near[j].some((w) => w !== 0));
    const room = width < 480 ? 96 : 150;
    const [top, bottom, left, right] = [62, HEIGHT - 44, 52, width - room];
    const x = alphaScale(record, left, right);
    const logs = logAlphas(record);
    const [low, high] = extent(order.slice(0, DRAWN).flatMap((j) => near[j])) as [number, number];
    const y = scaleLinear().domain([Math.min(low ?? 0, 0), Math.max(high ?? 0, 0)]).nice().range([bottom, top]);
    if (y.domain()[0] === y.domain()[1]) y.domain([-1, 1]);
    alphaAxes(svg, record, x, top, bottom);
    leftAxis(svg, y, left, "coefficient per standard deviation of its column", top);
    cursor(svg, record, store, x, top, bottom);
    svg.append("line").attr("class", "zero").attr("x1", left).attr("x2", right).attr("y1", y(0)).attr("y2", y(0));
    const shape = line<number>((_, i) => x(logs[i]), (w) => y(w));
    const lines = off ? within(svg, left, right, top, bottom) : svg;
    for (const j of order.slice(0, DRAWN).reverse()) {
      lines
        .append("path")
        .datum(values[j])
        .attr("class", named.includes(j) ? "coefficient" : "coefficient faint")
        .attr("data-feature", j)
        .attr("stroke", colour(j))
        .attr("d", shape)
        .on("click", () => store.set({ feature: j }))
        .append("title")
        .text(record.features.names[j]);
    }
    const ends = named.map((j) => Math.min(Math.max(y(values[j][logs.length - 1]), top), bottom));
    const short = cuts(named.map((j) => record.features.names[j]), Math.floor((room - 18) / 8.2));
    const places = spread(ends, 14, top + 4, bottom);
    named.forEach((j, k) => {
      svg
        .append("line")
        .attr("x1", right + 1)
        .attr("x2", right + 12)
        .attr("y1", ends[k])
        .attr("y2", places[k])
        .attr("stroke", colour(j))
        .attr("stroke-width", 2);
      const name = record.features.names[j];
      svg
        .append("text")
        .attr("class", "label")
        .attr("data-feature", j)
        .attr("x", right + 15)
        .attr("y", places[k] + 4)
        .text(short[k])
        .on("click", () => store.set({ feature: j }))
        .append("title")
        .text(name);
    });
    svg.select<SVGLineElement>(".at").raise();
    emphasise(svg);
  };
  const emphasise = (svg: Svg) => {
    svg.selectAll<SVGPathElement, unknown>(".coefficient").classed("chosen", function () {
      return +this.getAttribute("data-feature")! === store.now.feature;
    });
    svg.selectAll<SVGTextElement, unknown>(".label").style("font-weight", function () {
      return +this.getAttribute("data-feature")! === store.now.feature ? "700" : "400";
    });
  };
  const svg = chart(element, label, HEIGHT, draw);
  if (record.features.names.length > DRAWN || record.features.left_out)
    add(
      element,
      "p",
      `${counted(Math.min(DRAWN, record.features.names.length), "line is", "lines are")} drawn, the largest. ` +
        (record.features.left_out ? `${record.features.left_out} of ${counted(record.p, "feature")} ${record.features.left_out === 1 ? "is" : "are"} not listed: used at no alpha here, or smaller than the others.` : ""),
      { class: "note" },
    );
  if (off) add(element, "p", "Weaker penalties than the chosen one let coefficients grow beyond what is drawn: their lines are cut off at the edge.", { class: "note" });
  store.subscribe((state, changed) => {
    if (changed("index")) follow(svg);
    if (changed("feature")) emphasise(svg);
    saying.textContent = words(record, values, state.index, state.feature);
  });
}

function words(record: PageRecord, values: number[][], index: number, feature: number): string {
  const alpha = record.path.alphas[index];
  const dial = record.dial.name === "alpha" && record.dial.factor === 1 ? "" : ` (${record.dial.name} = ${told(dialAt(record, alpha))})`;
  const kept = record.path.nonzeros[index];
  const name = record.features.names[feature];
  const w = values[feature]?.[index] ?? 0;
  const enters = values[feature]?.findIndex((v) => v !== 0) ?? -1;
  const where =
    w !== 0
      ? `${name} stands at ${signed(w)} per standard deviation.`
      : enters > index
        ? `${name} is exactly zero, and comes in at alpha = ${told(record.path.alphas[enters])}.`
        : `${name} is exactly zero.`;
  return `At alpha = ${told(alpha)}${dial} the model keeps ${kept} of ${counted(record.p, "feature")}. ${where}`;
}
