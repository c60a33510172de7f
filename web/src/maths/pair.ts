/** Two coefficients with all others held: the quadratic of the loss, the penalty, their minimiser, and what is drawn. */

import { gramAt, type Local } from "../record";
import { proxOf } from "./groups";
import { ofTerms, root, type Scalar, type Terms } from "./scalar";

export type Point = [number, number];

/** (a11 x^2 + 2 a12 x y + a22 y^2) / 2 - b1 x - b2 y, positive semidefinite. */
export interface Quadratic {
  a11: number;
  a12: number;
  a22: number;
  b1: number;
  b2: number;
}

/** A penalty on two coefficients: a sum of two, or where they share a group own + inner(sqrt(x^2 + y^2 + rest^2)). */
export type PairPenalty =
  | { kind: "each"; each: [Scalar, Scalar] }
  | { kind: "group"; own: [Terms, Terms]; inner: Scalar; rest: number };

// ---- the loss

export function quadraticValue(q: Quadratic, [x, y]: Point): number {
  return (q.a11 * x * x + 2 * q.a12 * x * y + q.a22 * y * y) / 2 - q.b1 * x - q.b2 * y;
}

export function quadraticGradient(q: Quadratic, [x, y]: Point): Point {
  return [q.a11 * x + q.a12 * y - q.b1, q.a12 * x + q.a22 * y - q.b2];
}

/** Its minimiser, and how far its contours reach: null where the two columns are collinear. */
export function centre(q: Quadratic): Point | null {
  const determinant = q.a11 * q.a22 - q.a12 * q.a12;
  if (!(determinant > 1e-12 * q.a11 * q.a22)) return null;
  return [(q.a22 * q.b1 - q.a12 * q.b2) / determinant, (q.a11 * q.b2 - q.a12 * q.b1) / determinant];
}

/** The same quadratic about another centre: what the data would say if least squares lay there. */
export function movedTo(q: Quadratic, [x, y]: Point): Quadratic {
  return { ...q, b1: q.a11 * x + q.a12 * y, b2: q.a12 * x + q.a22 * y };
}

/** The quadratic in coefficients j and k of w'Gw/2 - b'w, the others held at w. */
export function restricted(local: Local, w: number[], j: number, k: number): Quadratic {
  const pull = (i: number) => held(local, w, i, [j, k]);
  return { a11: gramAt(local, j, j), a12: gramAt(local, j, k), a22: gramAt(local, k, k), b1: pull(j), b2: pull(k) };
}

/** The pull on coefficient i, those of the held ones taken off. */
export function held(local: Local, w: number[], i: number, moving: number[]): number {
  let pull = local.pull[i];
  for (let m = 0; m < w.length; m++) if (w[m] !== 0 && !moving.includes(m)) pull -= gramAt(local, i, m) * w[m];
  return pull;
}

/** The ellipse on which the quadratic has the value it has at `through`, as a closed line of `count` points. */
export function contour(q: Quadratic, through: Point, count = 120): Point[] {
  const middle = centre(q);
  if (middle === null) return [];
  const excess = Math.max(quadraticValue(q, through) - quadraticValue(q, middle), 0);
  return ellipse(q, middle, excess, count);
}

/** The points at which the quadratic exceeds its minimum by `excess`: L' z = sqrt(2 excess) (cos, sin) with A = L L'. */
export function ellipse(q: Quadratic, middle: Point, excess: number, count = 120): Point[] {
  const l11 = Math.sqrt(q.a11);
  const l21 = q.a12 / l11;
  const l22 = Math.sqrt(q.a22 - l21 * l21);
  const radius = Math.sqrt(2 * excess);
  return Array.from({ length: count }, (_, i) => {
    const angle = (2 * Math.PI * i) / count;
    const y = (radius * Math.sin(angle)) / l22;
    return [middle[0] + (radius * Math.cos(angle) - l21 * y) / l11, middle[1] + y];
  });
}

// ---- the penalty

export function penaltyValue(penalty: PairPenalty, [x, y]: Point): number {
  if (penalty.kind === "each") return penalty.each[0].value(x) + penalty.each[1].value(y);
  const own = ofTerms(penalty.own[0]).value(x) + ofTerms(penalty.own[1]).value(y);
  return own + penalty.inner.value(Math.hypot(x, y, penalty.rest));
}

/**
 * How far the optimality conditions are from holding: how far the minimiser of the penalty plus the loss's linear model is,
 * |w - prox(w - gradient)|. Zero where minus the loss's gradient is a normal of the penalty's level set.
 */
export function violation(q: Quadratic, penalty: PairPenalty, at: Point): number {
  const [gx, gy] = quadraticGradient(q, at);
  const step = 1 / (q.a11 + q.a22);
  const there = proxPair(penalty, [at[0] - step * gx, at[1] - step * gy], step);
  return Math.hypot(there[0] - at[0], there[1] - at[1]) / step;
}

export function proxPair(penalty: PairPenalty, [x, y]: Point, step: number): Point {
  if (penalty.kind === "each") return [penalty.each[0].prox(x, step), penalty.each[1].prox(y, step)];
  return proxOf([x, y], penalty.own, penalty.inner, penalty.rest, step) as Point;
}

/** The line on which the penalty is `level`: every penalty here grows along each ray. Cut at `reach` from the origin. */
export function levelSet(penalty: PairPenalty, level: number, reach: number, count = 180): Point[] {
  return Array.from({ length: count }, (_, i) => {
    const [cos, sin] = direction(i, count);
    const excess = (r: number) => penaltyValue(penalty, [r * cos, r * sin]) - level;
    const radius = excess(reach) <= 0 ? reach : root(excess, 0, reach);
    return [radius * cos, radius * sin];
  });
}

/** The i-th of `count` directions (a multiple of 4), the axes exactly. */
function direction(i: number, count: number): Point {
  const quarter = count / 4;
  const [turns, part] = [Math.floor(i / quarter), (i % quarter) / quarter];
  const angle = (Math.PI / 2) * part;
  const [x, y] = part === 0 ? [1, 0] : [Math.cos(angle), Math.sin(angle)];
  return [[x, y], [-y, x], [-x, -y], [y, -x]][turns] as Point;
}

// ---- the minimiser

const SWEEPS = 100_000;

/**
 * argmin of quadratic + penalty from `start`: the minimiser where the sum is convex, a stationary point where it is not.
 * By coordinates where the penalty is a sum, by proximal gradient steps where they share a group.
 */
export function minimise(q: Quadratic, penalty: PairPenalty, start: Point = [0, 0]): Point {
  const step = 1 / (q.a11 + q.a22);
  let at = start;
  for (let i = 0; i < SWEEPS; i++) {
    const [before, beside] = at;
    at = penalty.kind === "each" ? swept(q, penalty.each, at) : stepped(q, penalty, at, step);
    const size = Math.abs(at[0]) + Math.abs(at[1]);
    if (Math.abs(at[0] - before) + Math.abs(at[1] - beside) <= 1e-15 * size) break;
  }
  return at;
}

function swept(q: Quadratic, each: [Scalar, Scalar], [x, y]: Point): Point {
  if (q.a11 > 0) x = each[0].prox((q.b1 - q.a12 * y) / q.a11, 1 / q.a11);
  if (q.a22 > 0) y = each[1].prox((q.b2 - q.a12 * x) / q.a22, 1 / q.a22);
  return [x, y];
}

function stepped(q: Quadratic, penalty: PairPenalty, at: Point, step: number): Point {
  const [gx, gy] = quadraticGradient(q, at);
  return proxPair(penalty, [at[0] - step * gx, at[1] - step * gy], step);
}
