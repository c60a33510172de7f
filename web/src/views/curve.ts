import { extent } from "d3-array";
import { scaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import { add, alphaAxes, alphaScale, chart, cursor, follow, leftAxis, logAlphas, runsOff, seen, told, within, type Svg } from "../frame";
import type { PageRecord } from "../record";
import type { Store } from "../state";

const HEIGHT = 330;

export function mount(element: HTMLElement, record: PageRecord, store: Store): void {
  const curve = record.curve;
  if (!curve) {
    add(element, "p", "There is no held-out error: too few rows for folds, or targets whose squares are no floating-point numbers.", { class: "note" });
    return;
  }
  const rows = [curve.train, curve.mean.map((m, i) => m + curve.se[i]), curve.mean.map((m, i) => m - curve.se[i])];
  const off = runsOff(rows, seen(record));
  const saying = add(element, "p", "", { class: "saying", "aria-live": "polite" });
  const draw = (svg: Svg, width: number) => {
    const [top, bottom, left, right] = [62, HEIGHT - 44, 60, width - (width < 480 ? 96 : 150)];
    const x = alphaScale(record, left, right);
    const logs = logAlphas(record);
    const every = off ? [...curve.train, ...rows.flatMap((row) => row.slice(0, seen(record)))] : rows.flat();
    const y = scaleLinear().domain(extent(every.filter(Number.isFinite)) as [number, number]).nice().range([bottom, top]);
    const inside = (value: number) => Math.min(Math.max(y(value), top + 8), bottom);
    alphaAxes(svg, record, x, top, bottom);
    leftAxis(svg, y, left, record.loss.label, top);
    cursor(svg, record, store, x, top, bottom);
    const band = area<number>()
      .x((_, i) => x(logs[i]))
      .y0((m, i) => y(m - curve.se[i]))
      .y1((m, i) => y(m + curve.se[i]));
    const shape = line<number>((_, i) => x(logs[i]), (m) => y(m));
    const lines = off ? within(svg, left, right, top, bottom) : svg;
    const quiet = (s: any) => s.style("pointer-events", "none");
    quiet(lines.append("path").datum(curve.mean).attr("class", "band").attr("d", band));
    quiet(lines.append("path").datum(curve.mean).attr("class", "held").attr("d", shape));
    quiet(lines.append("path").datum(curve.train).attr("class", "train").attr("d", shape));
    const same = curve.index_min === curve.index_1se;
    for (const [index, name, anchor] of [
      [curve.index_1se, "1se", "end"],
      [curve.index_min, "min", "start"],
    ] as [number, string, string][]) {
      if (same && name === "1se") continue;
      const at = x(logs[index]);
      svg.append("line").attr("class", "mark").attr("x1", at).attr("x2", at).attr("y1", top).attr("y2", bottom);
      svg
        .append("text")
        .attr("class", "soft")
        .attr("x", at + (anchor === "end" ? -4 : 4))
        .attr("y", top + 12)
        .attr("text-anchor", anchor)
        .text(name);
    }
    const last = logs.length - 1;
    const gap = y(curve.mean[last]) < y(curve.train[last]);
    for (const [name, value, shift] of [
      ["held out", curve.mean[last], gap ? 0 : 12],
      ["training", curve.train[last], gap ? 12 : 0],
    ] as [string, number, number][])
      svg.append("text").attr("x", right + 8).attr("y", inside(value) + shift).text(name);
    svg.append("circle").attr("class", "dot here").attr("r", 4.5).style("pointer-events", "none");
    svg.select<SVGLineElement>(".at").raise();
    here(svg, x, y);
  };
  let scales: [any, any] | null = null;
  const here = (svg: Svg, x: any, y: any) => {
    scales = [x, y];
    const i = store.now.index;
    svg.select(".here").attr("cx", x(logAlphas(record)[i])).attr("cy", y(curve.mean[i])).style("display", y(curve.mean[i]) < y.range()[1] ? "none" : "").raise();
  };
  const svg = chart(element, "Error in training rows beside error in held-out rows, over alpha.", HEIGHT, draw);
  add(element, "p", `Band: one standard error on either side. ${curve.words}. 1se: the strongest penalty within one standard error of the minimum.${off ? " What goes beyond the picture is cut off at its edge." : ""}`, { class: "note" });
  store.subscribe((state, changed) => {
    if (!changed("index")) return;
    follow(svg);
    if (scales) here(svg, ...scales);
    saying.textContent = words(record, state.index);
  });
}

function words(record: PageRecord, i: number): string {
  const curve = record.curve!;
  const held = `Held out, the ${record.loss.label} is ${told(curve.mean[i])} (standard error ${told(curve.se[i], 2)}); in training rows ${told(curve.train[i])}.`;
  if (i === curve.index_min) return `${held} This is the minimum.`;
  const worse = curve.mean[i] > curve.mean[curve.index_min] + curve.se[curve.index_min];
  if (i < curve.index_min)
    return `${held} ${worse ? "The penalty is too strong here: it holds down what the data support." : "A stronger penalty than the best, and no worse within one standard error."}`;
  return `${held} ${worse ? "The penalty is too weak here: the model follows the noise of its own rows." : "A weaker penalty than the best, and hardly worse."}`;
}
