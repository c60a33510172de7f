/** Contours of this data's loss in two coefficients, and the ball of the penalty that they touch. */

import "./geometry.css";
import { contours } from "d3-contour";
import { drag } from "d3-drag";
import { select } from "d3-selection";
import { line } from "d3-shape";
import { add } from "../frame";
import { fitting, frame, saying, short, type Frame } from "../plane";
import {
  contour,
  ellipse,
  levelSet,
  minimise,
  movedTo,
  penaltyValue,
  quadraticValue,
  type Point,
} from "../maths/pair";
import type { PageRecord } from "../record";
import { ballOf, edged, reach, scene, type Scene } from "../scene";
import type { State, Store } from "../state";
import { cornerWords, meaningWords, whatIfWords } from "./geometry-words";

const RINGS = 5;
const HANDLE = 10; // half the width of the arrows at the ball's edge
const CELLS = 72; // of the grid on which loss + penalty is contoured
const closed = line<Point>().digits(null);

export function mount(element: HTMLElement, record: PageRecord, store: Store): void {
  const { names } = record.features;
  if (names.length < 2 || scene(record, store.now.index, firstPair(store, names.length)) === null) {
    add(element, "p", why(record), { class: "note" });
    return;
  }
  const picture = pictureOf(element, record, store);
  const controls = add(element, "div", "", { class: "row" });
  const pair = choosePair(controls, names, store);
  const hard = switches(controls, record, store);
  const place = add(element, "div", "", { class: "plot" });
  const words = saying(element);
  const meaning = add(element, "p", "", { class: "note" });
  const back = add(element, "button", "Put the least loss back", { class: "quiet" });
  back.hidden = true;
  back.addEventListener("click", () => picture.moveTo(null));

  const update = (state: State) => {
    const now = scene(record, state.index, state.pair);
    if (now === null) return;
    pair(state);
    hard(state);
    picture.show(now, state);
    const what = picture.whatIf(now);
    words.textContent = what ? whatIfWords(record, state, now, what) : cornerWords(record, state, now);
    meaning.textContent = meaningWords(record, state, now, ballOf(record, state.index));
    back.hidden = what === null;
  };
  picture.build(place, () => update(store.now));
  store.subscribe((state, changed) => {
    if (changed("pair")) picture.choose(state);
    else if (changed("index")) picture.rescale(state);
    if (changed("pair") || changed("index") || changed("hard")) update(state);
  });
}

function firstPair(store: Store, p: number): [number, number] {
  const [j, k] = store.now.pair;
  return j === k ? [j, (j + 1) % p] : [j, k];
}

function why(record: PageRecord): string {
  if (record.features.names.length < 2) return "The geometry needs two coefficients.";
  if (record.penalty.terms === null) return "The geometry needs a penalty of the library's own: of this one only the value is known.";
  return record.features.names.length > 100
    ? "The geometry is shown for up to 100 features."
    : "The geometry needs a smooth loss; this one has kinks.";
}

// ---- controls

function choosePair(row: HTMLElement, names: string[], store: Store): (state: State) => void {
  const selects = ([0, 1] as const).map((side) => {
    const label = add(row, "label", side === 0 ? "across " : "up ");
    const select = add(label, "select");
    select.dataset.side = side === 0 ? "x" : "y";
    names.forEach((name, j) => (add(select, "option", name).value = String(j)));
    select.addEventListener("change", () => {
      const chosen = Number(select.value);
      const other = store.now.pair[1 - side];
      const before = store.now.pair[side];
      const pair: [number, number] = side === 0 ? [chosen, other] : [other, chosen];
      store.set({ pair: chosen === other ? (side === 0 ? [chosen, before] : [before, chosen]) : pair });
    });
    return select;
  });
  return (state) => selects.forEach((select, side) => (select.value = String(state.pair[side])));
}

function switches(row: HTMLElement, record: PageRecord, store: Store): (state: State) => void {
  const group = add(row, "fieldset", "", { class: "switch" });
  add(group, "legend", "How the penalty acts");
  const inputs = ([true, false] as const).map((hard) => {
    const label = add(group, "label");
    const input = add(label, "input");
    input.type = "radio";
    input.name = "hard";
    input.value = hard ? "hard" : "soft";
    label.append(hard ? " hard constraint" : " soft penalty");
    input.addEventListener("change", () => store.set({ hard }));
    return input;
  });
  group.hidden = !record.penalty.convex;
  return (state) => inputs.forEach((input, i) => (input.checked = (i === 0) === state.hard));
}

// ---- the picture

interface WhatIf {
  centre: Point;
  at: Point;
}

function pictureOf(section: HTMLElement, record: PageRecord, store: Store) {
  let half = 1;
  let halfAt = (_: number) => half;
  let dragging = false;
  let moved: Point | null = null;
  let canvas: Frame | null = null;
  let changed = () => {};

  const whatIf = (now: Scene): WhatIf | null => {
    if (moved === null) return null;
    return { centre: moved, at: minimise(movedTo(now.q, moved), now.penalty, now.at) };
  };
  const moveTo = (point: Point | null) => {
    moved = point;
    if (point === null) picture.rescale(store.now);
    changed();
  };

  const draw = (now: Scene, state: State) => {
    if (canvas === null) return;
    const what = whatIf(now);
    const q = what ? movedTo(now.q, what.centre) : now.q;
    const at = what ? what.at : now.at;
    const middle = what ? what.centre : now.centre;
    const ball = ballLine(record, now, at, half);
    const put = (points: Point[]) => points.map(([x, y]): Point => [canvas!.x(x), canvas!.y(y)]);
    const path = (points: Point[]) => (points.length ? `${closed(put(points))}Z` : "");
    const { layer, above } = canvas;

    const rings = state.hard || !record.penalty.convex || middle === null ? ringsOf(q, middle, half) : [];
    layer.selectAll("path.ring").data(rings).join("path").attr("class", "ring").attr("d", path);
    const isolines = state.hard || !record.penalty.convex ? [] : isolinesOf(q, now, at, half);
    layer.selectAll("path.sum").data(isolines).join("path").attr("class", "sum").attr("d", (ring) => path(ring));
    single(layer, "path", "ball").attr("d", path(ball));
    single(layer, "path", "trail").attr("d", closed(put(trail(record, state.pair))) ?? "");
    single(layer, "path", "touching").attr("d", path(middle === null ? [] : contour(q, at)));
    const pull = drawPull(canvas, now, at, q);
    const corner = at.some((x) => x === 0);
    const [x, y] = [canvas.x(at[0]), canvas.y(at[1])];
    single(above, "circle", "fit").classed("corner", corner).attr("r", corner ? 7 : 5.5).attr("cx", x).attr("cy", y);
    drawCentre(canvas, middle, half, moveTo);
    drawHandle(canvas, now, at, ball, record, store, drags);
    label(canvas, at, middle, half, pull, ball);
    Object.assign(section.dataset, {
      index: state.index, t: now.t, x: at[0], y: at[1], gradientX: now.gradient[0], gradientY: now.gradient[1],
      violation: now.violation, half, moved: moved !== null,
    });
  };

  const drags = (on: boolean) => {
    dragging = on;
    if (on) return;
    picture.rescale(store.now);
    changed();
  };
  const picture = {
    whatIf,
    moveTo,
    choose(state: State) {
      moved = null;
      halfAt = reach(record, state.pair);
      half = halfAt(state.index);
      picture.axes(state);
    },
    /** What is dragged or was moved keeps its scale under the pointer. */
    rescale(state: State) {
      const next = halfAt(state.index);
      if (dragging || moved !== null || next === half) return;
      half = next;
      picture.axes(state);
    },
    axes(state: State) {
      const per = record.standardized ? ", per sd" : "";
      const names = state.pair.map((j, side) => fitting(record.features.names, j, per.length, canvas, side === 0 ? "x" : "y") + per);
      canvas?.domain([-half, half], [-half, half]);
      select(section).selectAll<SVGTextElement, unknown>(".axis-title").data(names).text((name) => name);
    },
    show: draw,
    build(place: HTMLElement, redraw: () => void) {
      changed = redraw;
      const margin = { top: 10, right: 10, bottom: 40, left: 82 };
      const height = (width: number) => Math.min(width, 560) - margin.left - margin.right + margin.top + margin.bottom;
      place.style.maxWidth = "560px";
      picture.choose(store.now);
      frame(place, "Contours of the loss and the ball of the penalty", height, ["", ""], (built) => {
        canvas = built;
        picture.axes(store.now);
        redraw();
      }, margin);
    },
  };
  return picture;
}

function ballLine(record: PageRecord, now: Scene, at: Point, half: number): Point[] {
  if (!edged(now.penalty, at)) return [];
  return levelSet(now.penalty, penaltyValue(now.penalty, at), 4 * half, record.penalty.kind === "l1" ? 40 : 180);
}

/** Ellipses about the lowest point, evenly spaced to the edge of the picture. */
function ringsOf(q: Scene["q"], middle: Point | null, half: number): Point[][] {
  if (middle === null) return [];
  const far = quadraticValue(q, [middle[0] > 0 ? -half : half, middle[1] > 0 ? -half : half]) - quadraticValue(q, middle);
  return Array.from({ length: RINGS }, (_, i) => ellipse(q, middle, far * ((i + 1) / (RINGS + 1)) ** 2, 90));
}

/** Level lines of loss + penalty about its lowest point. */
function isolinesOf(q: Scene["q"], now: Scene, at: Point, half: number): Point[][] {
  const sum = (point: Point) => quadraticValue(q, point) + penaltyValue(now.penalty, point);
  const step = (2 * half) / (CELLS - 1);
  const values = new Array<number>(CELLS * CELLS);
  let far = 0;
  const best = sum(at);
  for (let r = 0; r < CELLS; r++)
    for (let c = 0; c < CELLS; c++) {
      const value = sum([-half + c * step, -half + r * step]) - best;
      values[r * CELLS + c] = value;
      far = Math.max(far, value);
    }
  const levels = Array.from({ length: RINGS + 1 }, (_, i) => far * ((i + 0.6) / (RINGS + 2)) ** 2);
  const there = ([c, r]: number[]): Point => [-half + (c - 0.5) * step, -half + (r - 0.5) * step];
  return contours().size([CELLS, CELLS]).thresholds(levels)(values).flatMap((one) =>
    one.coordinates.flatMap((polygon) => polygon.map((ring) => ring.map(there))),
  );
}

function trail(record: PageRecord, [j, k]: [number, number]): Point[] {
  return record.path.alphas.map((_, i) => [record.path.coefs[j][i], record.path.coefs[k][i]]);
}

/** Minus the loss's gradient, as an arrow from the fit, of which the pixels are returned: a normal of the ball. */
function drawPull(canvas: Frame, now: Scene, at: Point, q: Scene["q"]): Point {
  const pull = [-(q.a11 * at[0] + q.a12 * at[1] - q.b1), -(q.a12 * at[0] + q.a22 * at[1] - q.b2)];
  const size = Math.hypot(pull[0], pull[1]);
  const visible = size > 1e-5 * (Math.abs(now.q.b1) + Math.abs(now.q.b2));
  const [x, y] = [canvas.x(at[0]), canvas.y(at[1])];
  const long = 46;
  const [dx, dy] = visible ? [(long * pull[0]) / size, (-long * pull[1]) / size] : [0, 0];
  const tip = `M${x},${y}L${x + dx},${y + dy}`;
  const [ux, uy] = [dx / long, dy / long];
  const [hx, hy] = [x + dx, y + dy];
  const head = `M${hx - 9 * ux + 4 * uy},${hy - 9 * uy - 4 * ux}L${hx},${hy}L${hx - 9 * ux - 4 * uy},${hy - 9 * uy + 4 * ux}`;
  single(canvas.above, "path", "pull").attr("d", visible ? tip + head : "");
  return [dx, dy];
}

/** The lowest point of the loss, to be dragged: what would the penalty do if the data said this? */
function drawCentre(canvas: Frame, middle: Point | null, half: number, moveTo: (point: Point) => void): void {
  const inside = middle !== null && middle.every((x) => Math.abs(x) <= half);
  const handle = single(canvas.above, "g", "centre");
  if (handle.select("path").empty()) {
    handle.append("circle").attr("r", 14).attr("class", "catch");
    handle.append("path").attr("d", "M-6,0H6M0,-6V6");
    handle.attr("tabindex", 0).attr("role", "button");
    handle.attr("aria-label", "Least loss, others held: move it with the arrow keys to ask what the penalty would do");
  }
  handle.style("display", inside ? "" : "none");
  if (middle === null) return;
  handle.attr("transform", `translate(${canvas.x(middle[0])},${canvas.y(middle[1])})`);
  const clamp = (x: number) => Math.min(Math.max(x, -half), half);
  const to = (x: number, y: number) => moveTo([clamp(x), clamp(y)]);
  handle.call(
    drag<SVGGElement, unknown>()
      .container(() => canvas.layer.node()!)
      .on("drag", (event) => to(canvas.x.invert(event.x), canvas.y.invert(event.y))) as never,
  );
  handle.on("keydown", (event: KeyboardEvent) => {
    const by = arrows(event, half / 40);
    if (by) to(middle[0] + by[0], middle[1] + by[1]);
  });
}

/** The ball's edge, to be dragged: a smaller ball is a larger alpha. */
function drawHandle(canvas: Frame, now: Scene, at: Point, ball: Point[], record: PageRecord, store: Store, drags: (on: boolean) => void): void {
  const far = ball[ball.length / 2] ?? [0, 0]; // where the ball meets the axis, on the side away from the fit
  const edge = now.at[0] < 0 ? -far[0] : far[0];
  const nowhere = ball.length ? Math.abs(edge) > 3 * canvas.x.domain()[1] : at.some((x) => x !== 0);
  const handle = single(canvas.above, "g", "edge");
  if (handle.select("circle").empty()) {
    handle.append("circle").attr("r", 14).attr("class", "catch");
    handle.append("path").attr("d", "M-3,-6L-9,0L-3,6M3,-6L9,0L3,6");
    handle.attr("tabindex", 0).attr("role", "slider").attr("aria-label", "Size of the ball");
    handle.attr("aria-valuemin", 0).attr("aria-valuemax", record.path.alphas.length - 1);
  }
  const x = Math.min(Math.max(canvas.x(edge), HANDLE), canvas.x.range()[1] - HANDLE); // clear of the axis' numbers
  handle.attr("transform", `translate(${x},${canvas.y(0)})`);
  handle.style("display", nowhere ? "none" : "");
  handle.attr("aria-valuenow", store.now.index).attr("aria-valuetext", `t = ${short(now.t)}`);
  const last = record.path.alphas.length - 1;
  handle.call(
    drag<SVGGElement, unknown>()
      .container(() => canvas.layer.node()!)
      .on("start", () => drags(true))
      .on("drag", (event) => store.set({ index: indexOfEdge(record, store.now, canvas.x.invert(event.x)) }))
      .on("end", () => drags(false)) as never,
  );
  handle.on("keydown", (event: KeyboardEvent) => {
    const by = arrows(event, 1);
    if (by) store.set({ index: Math.min(Math.max(store.now.index + by[0] + by[1], 0), last) });
  });
}

/** The position whose ball, in these two coefficients, ends nearest to `edge`. */
function indexOfEdge(record: PageRecord, state: State, edge: number): number {
  let [best, near] = [state.index, Infinity];
  for (let index = 0; index < record.path.alphas.length; index++) {
    const now = scene(record, index, state.pair)!;
    const away = Math.abs(penaltyValue(now.penalty, [edge, 0]) - penaltyValue(now.penalty, now.at));
    const relative = away / record.path.alphas[index];
    if (relative < near) [best, near] = [index, relative];
  }
  return best;
}

function arrows(event: KeyboardEvent, step: number): Point | null {
  const by: Record<string, Point> = {
    ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step],
  };
  const found = by[event.key];
  if (found) event.preventDefault();
  return found ?? null;
}

interface Label {
  name: string;
  text: string;
  left: number;
  base: number;
}

/** Names of the fit and of the lowest point, where they cover least of the arrow, the ball's edge and each other. */
function label(canvas: Frame, at: Point, middle: Point | null, half: number, pull: Point, ball: Point[]): void {
  const pixels = ([x, y]: Point): Point => [canvas.x(x), canvas.y(y)];
  const [x, y] = pixels(at);
  const arrow = Array.from({ length: 12 }, (_, i): Point => [x + (pull[0] * i) / 11, y + (pull[1] * i) / 11]);
  const shown = middle !== null && middle.every((w) => Math.abs(w) <= half);
  const lowest = shown ? [pixels(middle)] : [];
  const avoid = [...arrow, ...arrow, ...lowest, ...edgeOf(ball.map(pixels))];
  const fit = at.every((w) => w !== 0) ? "the fit" : at.some((w) => w !== 0) ? "the fit, at a corner" : "the fit, at zero";
  const labels = [placed(canvas, "fit-label", fit, [x, y], avoid)];
  for (const point of lowest) {
    const one = placed(canvas, "centre-label", "least loss, others held", point, [...avoid, ...covered(labels[0])]);
    if (!covered(labels[0]).some((dot) => covers(one, dot))) labels.push(one);
  }
  canvas.above.selectAll<SVGTextElement, Label>("text.label").data(labels, (d) => d.name).join("text")
    .attr("class", "label")
    .attr("x", (d) => d.left)
    .attr("y", (d) => d.base)
    .text((d) => d.text);
}

/** Points along the edge of the ball, a few pixels apart where it is straight. */
const edgeOf = (ball: Point[]): Point[] =>
  ball.flatMap(([x, y], i): Point[] => {
    const [u, v] = ball[(i + 1) % ball.length];
    return [0, 0.25, 0.5, 0.75].map((s) => [x + s * (u - x), y + s * (v - y)]);
  });

const wide = (one: Label): number => 5.9 * one.text.length;
const covers = (one: Label, [x, y]: Point): boolean =>
  x > one.left - 4 && x < one.left + wide(one) + 4 && y > one.base - 14 && y < one.base + 6;
/** Points all over a label. */
const covered = (one: Label): Point[] =>
  Array.from({ length: 24 }, (_, i) => [one.left + (wide(one) * (i % 12)) / 11, one.base - (i < 12 ? 0 : 11)]);

function placed(canvas: Frame, name: string, text: string, [x, y]: Point, avoid: Point[]): Label {
  const [width, height] = [canvas.x.range()[1], canvas.y.range()[0]];
  const w = wide({ name, text, left: 0, base: 0 });
  const places: Point[] = [[-w / 2, 24], [-w / 2, -14], [12, 4], [-w - 12, 4], [8, 24], [8, -14], [-w - 8, 24], [-w - 8, -14], [-w / 2, 42], [-w / 2, -32]];
  const labels = places.map(([dx, dy]) => ({
    name,
    text,
    left: Math.min(Math.max(x + dx, 0), width - w),
    base: Math.min(Math.max(y + dy, 12), height - 4),
  }));
  const cost = labels.map((one) => [...avoid, [x, y] as Point].filter((dot) => covers(one, dot)).length);
  return labels[cost.indexOf(Math.min(...cost))];
}

/** The one child of that class, made when it is missing. */
function single(layer: Frame["layer"], tag: string, name: string) {
  return layer.selectAll<SVGGElement, number>(`${tag}.${name}`).data([0]).join(tag as "g").classed(name, true);
}
