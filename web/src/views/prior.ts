/** One coefficient: prior times likelihood is the posterior. Its mode is the fit; its mean is another number. */

import "./prior.css";
import { drag } from "d3-drag";
import { line } from "d3-shape";
import { add, runsOff, seen } from "../frame";
import { fitting, frame, saying, short, type Frame } from "../plane";
import { energy, grid } from "../maths/slice";
import type { PageRecord } from "../record";
import { alphaOfScale, belief, nearest, priorScale, type Belief } from "../scene";
import type { State, Store } from "../state";
import { noteWords, priorWords } from "./prior-words";

const POINTS = 320;
const path = line<[number, number]>().digits(null);
const CURVES = ["prior", "likelihood", "posterior"] as const;

export function mount(element: HTMLElement, record: PageRecord, store: Store): void {
  const { dispersion } = record.noise;
  if (dispersion === null || belief(record, store.now.index, store.now.feature) === null) {
    add(element, "p", why(record), { class: "note" });
    return;
  }
  const controls = add(element, "div", "", { class: "row" });
  const choose = chooseFeature(controls, record, store);
  const scale = scaleSlider(controls, record, store);
  const place = add(element, "div", "", { class: "plot" });
  const words = saying(element);
  const note = add(element, "p", "", { class: "note" });
  let canvas: Frame | null = null;
  let ends: [number, number] = [-1, 1];
  let endsAt = (_: number) => ends;
  let dragging = false;

  const drags = (on: boolean) => {
    dragging = on;
    if (!on) update(store.now);
  };
  const update = (state: State) => {
    const now = belief(record, state.index, state.feature);
    if (now === null || canvas === null) return;
    if (!dragging && endsAt(state.index).join() !== ends.join()) rescale(state); // what is dragged keeps its scale under the pointer
    const width = priorScale(record, record.path.alphas[state.index], state.feature, dispersion);
    choose(state);
    scale(state, width);
    draw(canvas, now, ends);
    drawHandle(canvas, now, width, record, store, dispersion, drags);
    words.textContent = priorWords(record, state, now);
    note.textContent = noteWords(record, state, width);
    Object.assign(element.dataset, {
      index: state.index, feature: state.feature, mode: now.posterior.mode, mean: now.posterior.mean,
      sd: now.posterior.sd, likeliest: now.likeliest, spread: now.spread, scale: width,
    });
  };
  const rescale = (state: State) => {
    ends = endsAt(state.index);
    canvas?.domain(ends, null);
  };
  const axes = (state: State) => {
    endsAt = span(record, state.feature);
    rescale(state);
    const title = place.querySelector(".axis-title");
    const per = record.standardized ? ", per sd" : "";
    if (title) title.textContent = `coefficient of ${fitting(record.features.names, state.feature, 15 + per.length, canvas)}${per}`;
  };
  const margin = { top: 62, right: 12, bottom: 40, left: 12 };
  frame(place, "Prior, likelihood and posterior of one coefficient", () => 310, ["", ""], (built) => {
    canvas = built;
    built.y.domain([0, 1.08]);
    axes(store.now);
    update(store.now);
  }, margin);
  store.subscribe((state, changed) => {
    if (changed("feature")) axes(state);
    if (changed("feature") || changed("index")) update(state);
  });
}

function why(record: PageRecord): string {
  if (record.noise.dispersion === null) return `No prior can be told in the units of the data: ${record.noise.words}`;
  if (record.penalty.terms === null) return "Of this penalty only the value is known, so its prior is not drawn.";
  return record.features.names.length > 100
    ? "Priors are drawn for up to 100 features."
    : "The likelihood of one coefficient needs a smooth loss and a column that varies.";
}

// ---- controls

function chooseFeature(row: HTMLElement, record: PageRecord, store: Store): (state: State) => void {
  const select = add(add(row, "label", "coefficient "), "select");
  record.features.names.forEach((name, j) => (add(select, "option", name).value = String(j)));
  select.addEventListener("change", () => store.set({ feature: Number(select.value) }));
  return (state) => (select.value = String(state.feature));
}

/** The other name of alpha: the prior's scale, of the acting coefficient and in the units of the data. */
function scaleSlider(row: HTMLElement, record: PageRecord, store: Store) {
  const label = add(row, "label", "prior scale ");
  const input = add(label, "input");
  input.type = "range";
  input.min = "0";
  input.max = String(record.path.alphas.length - 1);
  input.step = "1";
  const output = add(label, "output");
  input.addEventListener("input", () => store.set({ index: Number(input.value) }));
  return (state: State, width: number) => {
    input.value = String(state.index);
    const raw = width / record.features.unit[state.feature];
    const text = Number.isFinite(width) ? `${short(raw)} in data units` : "flat";
    output.textContent = ` ${text}`;
    input.setAttribute("aria-valuetext", text);
  };
}

// ---- the picture

/** Ends of the picture: they hold zero and the likelihood at every alpha; where some run off, at those seen and at the one here. */
function span(record: PageRecord, feature: number): (index: number) => [number, number] {
  const last = record.path.alphas.length - 1;
  const reach = (i: number): [number, number] => {
    const now = belief(record, i, feature);
    return now === null ? [0, 0] : [now.likeliest - 3.5 * now.spread, now.likeliest + 3.5 * now.spread];
  };
  const indices = record.path.alphas.map((_, i) => i).filter((i) => i % 4 === 0 || i === last || i === record.path.index);
  const all = indices.map(reach);
  const count = indices.filter((i) => i < seen(record)).length;
  const off = runsOff([0, 1].map((side) => all.map((ends) => ends[side])), count);
  const usual = padded(off ? all.slice(0, count) : all);
  return (index) => (off && index >= seen(record) ? padded([...all.slice(0, count), reach(index)]) : usual);
}

function padded(all: [number, number][]): [number, number] {
  const [low, high] = [Math.min(0, ...all.flat()), Math.max(0, ...all.flat())];
  const wide = high - low;
  return [low - 0.15 * wide, high + 0.15 * wide];
}

function draw(canvas: Frame, now: Belief, ends: [number, number]): void {
  const { slice, posterior } = now;
  const kinks = [...slice.penalty.knots.flatMap((u) => [-u, u]), posterior.mode];
  const at = grid(ends[0], ends[1], POINTS, kinks);
  const best = energy(slice, posterior.mode);
  const lowest = slice.penalty.value(0);
  const height = {
    prior: (w: number) => Math.exp(-slice.precision * (slice.penalty.value(w) - lowest)),
    likelihood: (w: number) => Math.exp(-0.5 * ((w - now.likeliest) / now.spread) ** 2),
    posterior: (w: number) => Math.exp(-slice.precision * (energy(slice, w) - best)),
  };
  const curves = CURVES.map((name) => at.map((w): [number, number] => [canvas.x(w), canvas.y(height[name](w))]));
  canvas.layer.selectAll<SVGPathElement, unknown>("path.curve").data(curves).join("path")
    .attr("class", (_, i) => `curve ${CURVES[i]}`)
    .attr("d", (points) => path(points));
  marks(canvas, now);
  legend(canvas);
}

/** Mode and mean of the posterior, with labels that do not meet. */
function marks(canvas: Frame, now: Belief): void {
  const right = canvas.x.range()[1];
  const bottom = canvas.y(0);
  const all = [
    { name: "mode", w: now.posterior.mode, y: -20 },
    { name: "mean", w: now.posterior.mean, y: -5 },
  ].map((mark) => ({ ...mark, x: Math.min(Math.max(canvas.x(mark.w), 0), right) }));
  canvas.above.selectAll<SVGLineElement, unknown>("line.mark").data(all).join("line")
    .attr("class", (d) => `mark ${d.name}`)
    .attr("x1", (d) => d.x).attr("x2", (d) => d.x).attr("y1", (d) => d.y + 4).attr("y2", bottom);
  canvas.above.selectAll<SVGTextElement, unknown>("text.mark").data(all).join("text")
    .attr("class", (d) => `mark ${d.name}`)
    .attr("x", (d) => (d.x > right - 110 ? d.x - 5 : d.x + 5))
    .attr("text-anchor", (d) => (d.x > right - 110 ? "end" : "start"))
    .attr("y", (d) => d.y)
    .text((d) => `${d.name} ${short(d.w)}`);
}

function legend(canvas: Frame): void {
  const step = Math.min(110, canvas.x.range()[1] / 3);
  canvas.above.selectAll<SVGTextElement, unknown>("text.legend").data(CURVES).join("text")
    .attr("class", (name) => `legend ${name}`)
    .attr("x", (_, i) => i * step)
    .attr("y", -44)
    .text((name) => `▬ ${name}`);
}

/** The prior's scale, to be dragged: a narrower prior is a larger alpha. */
function drawHandle(
  canvas: Frame, now: Belief, width: number, record: PageRecord, store: Store, dispersion: number, drags: (on: boolean) => void,
): void {
  const fallen = Math.exp(now.slice.precision * (now.slice.penalty.value(0) - now.slice.penalty.value(width)));
  const shown = Number.isFinite(width);
  const handle = canvas.above.selectAll<SVGGElement, number>("g.scale").data([0]).join("g").attr("class", "scale");
  if (handle.select("circle").empty()) {
    handle.append("circle").attr("r", 14).attr("class", "catch");
    handle.append("circle").attr("r", 5).attr("class", "dot");
    handle.attr("tabindex", 0).attr("role", "slider").attr("aria-label", "Scale of the prior");
    handle.attr("aria-valuemin", 0).attr("aria-valuemax", record.path.alphas.length - 1);
  }
  const side = canvas.x.domain()[1] >= -canvas.x.domain()[0] ? 1 : -1;
  const [left, right] = canvas.x.range();
  const x = Math.min(Math.max(canvas.x(side * width), left), right);
  handle.style("display", shown ? "" : "none");
  if (!shown) return;
  handle.attr("transform", `translate(${x},${canvas.y(fallen)})`);
  handle.attr("aria-valuenow", store.now.index).attr("aria-valuetext", short(width));
  const drop = (wanted: number) => {
    if (wanted > 0) store.set({ index: nearest(record, alphaOfScale(record, wanted, store.now.feature, dispersion)) });
  };
  handle.call(
    drag<SVGGElement, unknown>()
      .container(() => canvas.layer.node()!)
      .on("start", () => drags(true))
      .on("drag", (event) => drop(side * canvas.x.invert(event.x)))
      .on("end", () => drags(false)) as never,
  );
  handle.on("keydown", (event: KeyboardEvent) => {
    const by = { ArrowLeft: -side, ArrowRight: side, ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    store.set({ index: Math.min(Math.max(store.now.index + by, 0), record.path.alphas.length - 1) });
  });
}
