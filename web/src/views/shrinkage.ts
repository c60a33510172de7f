/** What the penalty does to each coefficient: from least squares, an open ring, to the fit, a dot. */

import "./shrinkage.css";
import { add, counted, cuts, runsOff, seen } from "../frame";
import { frame, saying, short, type Frame } from "../plane";
import type { PageRecord } from "../record";
import type { State, Store } from "../state";

const MOST = 30;
const ROW = 24;

interface Row {
  feature: number;
  name: string;
  free: number;
}

export function mount(element: HTMLElement, record: PageRecord, store: Store): void {
  const rows = largest(record);
  if (rows.length === 0) {
    add(element, "p", "There are no coefficients.", { class: "note" });
    return;
  }
  const place = add(element, "div", "", { class: "plot" });
  const words = saying(element);
  const note = add(element, "p", "", { class: "note" });
  const exact = record.features.unpenalized.length > 0;
  const hidden = record.features.names.length - rows.length;
  note.textContent =
    `Rings: ${exact ? "least squares" : "the weakest penalty of the path (the unpenalised fit is not unique, or not known)"}. ` +
    `Dots: the fit. Per standard deviation of the column.${hidden > 0 ? ` The ${MOST} largest of ${hidden + rows.length} are shown.` : ""}`;
  let canvas: Frame | null = null;
  const fits = rows.map((row) => record.path.coefs[row.feature].map((w) => w * perSd(record, row.feature)));
  const all = fits.map((row, i) => [...row, rows[i].free]);
  const off = runsOff(all, seen(record));
  if (off) note.textContent += " A ring further out than the picture is left out, and its line ends at the edge.";
  const half = (index: number) => {
    const shown = off ? [...fits.map((row) => row.slice(0, seen(record))), fits.map((row) => row[index])] : all;
    return (off ? 1.3 : 1.08) * Math.max(...shown.flat().map(Math.abs)) || 1;
  };
  const update = (state: State) => {
    if (canvas === null) return;
    if (off) canvas.domain([-half(state.index), half(state.index)], null);
    draw(canvas, rows, record, state, store);
    words.textContent = shrinkWords(record, rows, state);
    element.dataset.index = String(state.index);
  };
  const longest = Math.max(...rows.map((row) => row.name.length));
  const left = Math.min(20 + 7 * longest, 170);
  const margin = { top: 8, right: 78, bottom: 40, left };
  frame(place, "Each coefficient, from least squares to the fit", () => rows.length * ROW + 48, ["coefficient per sd", ""], (built) => {
    canvas = built;
    built.domain([-half(store.now.index), half(store.now.index)], null);
    update(store.now);
  }, margin);
  store.subscribe((state, changed) => {
    if (changed("index") || changed("feature")) update(state);
  });
}

const perSd = (record: PageRecord, j: number): number => record.features.sd[j] / record.features.unit[j];

function largest(record: PageRecord): Row[] {
  const last = record.path.alphas.length - 1;
  const { unpenalized, names } = record.features;
  const free = names.map((_, j) => (unpenalized.length ? unpenalized[j] : record.path.coefs[j][last]) * perSd(record, j));
  const rows = names.map((name, feature) => ({ feature, name, free: free[feature] }));
  return rows.sort((a, b) => Math.abs(b.free) - Math.abs(a.free)).slice(0, MOST);
}

function draw(canvas: Frame, rows: Row[], record: PageRecord, state: State, store: Store): void {
  const { x, above, layer } = canvas;
  const y = (i: number) => (i + 0.5) * ROW;
  const fit = (row: Row) => record.path.coefs[row.feature][state.index] * perSd(record, row.feature);
  const of = (name: string, tag: string) => above.selectAll<SVGGElement, Row>(`${tag}.${name}`).data(rows).join(tag as "g").classed(name, true);
  const names = cuts(rows.map((row) => row.name), 20);
  const far = x.domain()[1];
  const inside = (w: number) => Math.min(Math.max(w, -far), far);
  layer.selectAll("line.zero").data([0]).join("line").attr("class", "zero")
    .attr("x1", x(0)).attr("x2", x(0)).attr("y1", 0).attr("y2", rows.length * ROW);
  of("shrunk", "line").attr("x1", (row) => x(inside(row.free))).attr("x2", (row) => x(fit(row))).attr("y1", (_, i) => y(i)).attr("y2", (_, i) => y(i));
  of("free", "circle").attr("r", 5).attr("cx", (row) => x(row.free)).attr("cy", (_, i) => y(i))
    .style("display", (row) => (inside(row.free) === row.free ? "" : "none"));
  of("fit", "circle").attr("r", (row) => (fit(row) === 0 ? 4 : 4.5)).attr("cx", (row) => x(fit(row))).attr("cy", (_, i) => y(i))
    .classed("none", (row) => fit(row) === 0);
  of("name", "text").attr("x", -8).attr("y", (_, i) => y(i) + 4).attr("text-anchor", "end")
    .classed("chosen", (row) => row.feature === state.feature)
    .text((_, i) => names[i])
    .on("click", (_, row) => store.set({ feature: row.feature }));
  of("value", "text").attr("x", x.range()[1] + 8).attr("y", (_, i) => y(i) + 4).text((row) => short(fit(row)));
}

function shrinkWords(record: PageRecord, rows: Row[], state: State): string {
  const p = record.p;
  const kept = record.path.nonzeros[state.index];
  const row = rows.find((one) => one.feature === state.feature) ?? rows[0];
  const fit = record.path.coefs[row.feature][state.index] * perSd(record, row.feature);
  const zeros = `${p - kept} of ${counted(p, "coefficient")} ${p - kept === 1 ? "is" : "are"} exactly zero`;
  if (row.free === 0) return `${zeros}.`;
  const share = fit / row.free;
  const told =
    fit === 0
      ? `${row.name} has lost all of ${short(row.free)}`
      : share < 0
        ? `${row.name} has changed its sign, from ${short(row.free)} to ${short(fit)}`
        : share > 1.005
          ? `${row.name} has grown from ${short(row.free)} to ${short(fit)}, in place of others that it resembles`
          : `${row.name} keeps ${Math.round(100 * share)}% of ${short(row.free)}`;
  return `${zeros}. ${told}.`;
}
