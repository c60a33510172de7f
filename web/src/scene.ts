/** What the explanations draw, as numbers: one place derives it from the record and the reader's choices. */

import { centre, held, penaltyValue, quadraticGradient, restricted, violation } from "./maths/pair";
import type { PairPenalty, Point, Quadratic } from "./maths/pair";
import { one, two } from "./maths/penalties";
import { root } from "./maths/scalar";
import { posterior, type Posterior, type Slice } from "./maths/slice";
import { gramAt, type PageRecord } from "./record";

/** All coefficients at a position on the path, in acting units. */
export const model = (record: PageRecord, index: number): number[] => record.path.coefs.map((row) => row[index]);

// ---- two coefficients

export interface Scene {
  q: Quadratic;
  penalty: PairPenalty;
  /** the fit */
  at: Point;
  /** the penalty of the two at alpha = 1, where alpha multiplies it: the size t of the ball; else its value at alpha */
  t: number;
  /** the lowest point of the loss in the two, the others held */
  centre: Point | null;
  /** of the loss, at the fit */
  gradient: Point;
  violation: number;
}

/** The geometry of two coefficients, the others held at the fit; null where the record does not say enough. */
export function scene(record: PageRecord, index: number, [j, k]: [number, number]): Scene | null {
  const w = model(record, index);
  const alpha = record.path.alphas[index];
  const penalty = j === k ? null : two(record.penalty, alpha, w, j, k);
  if (record.local === null || penalty === null) return null;
  const q = restricted(record.local, w, j, k);
  const at: Point = [w[j], w[k]];
  const scale = record.penalty.knots_move || alpha === 0 ? 1 : alpha;
  return {
    q, penalty, at,
    t: penaltyValue(penalty, at) / scale,
    centre: centre(q),
    gradient: quadraticGradient(q, at),
    violation: violation(q, penalty, at),
  };
}

/** P of the whole model at alpha = 1 (at alpha, where it moves the knots): t(alpha) of the constraint P(w) <= t. */
export function ballOf(record: PageRecord, index: number): number | null {
  const { penalty, path } = record;
  if (penalty.terms === null) return null;
  const w = model(record, index);
  const alpha = penalty.knots_move ? path.alphas[index] : 1;
  let total = 0;
  const counted = new Set<number>();
  w.forEach((x, j) => {
    const group = penalty.groups?.[j] ?? null;
    const alone = { ...penalty, groups: null, group_terms: null };
    total += one(alone, alpha, w, j)!.value(x);
    if (group === null || group < 0 || counted.has(group)) return;
    counted.add(group);
    total += one({ ...penalty, terms: free(w.length) }, alpha, w, j)!.value(x);
  });
  return total;
}

const free = (p: number) => {
  const none = new Array(p).fill(0);
  const never = new Array(p).fill(null);
  return { l1: none, l2: none, low: never, high: never, slope: none, fall: never, flat: never };
};

/** Half the width of a square about the origin that holds the fits of a pair at every alpha, and most of the way to least squares. */
export function reach(record: PageRecord, pair: [number, number]): number {
  let far = 0;
  for (let index = 0; index < record.path.alphas.length; index++) {
    for (const j of pair) far = Math.max(far, Math.abs(record.path.coefs[j][index]));
    const middle = index % 5 === 0 ? (scene(record, index, pair)?.centre ?? null) : null;
    if (middle !== null) far = Math.max(far, ...middle.map((x) => 0.75 * Math.abs(x)));
  }
  return 1.2 * far || 1;
}

// ---- one coefficient

export interface Belief {
  slice: Slice;
  posterior: Posterior;
  /** the lowest point of the loss in this coefficient, and its standard deviation as a likelihood */
  likeliest: number;
  spread: number;
}

/** Prior, likelihood and posterior of one coefficient, the others held at the fit. `dispersion` in place of the record's. */
export function belief(record: PageRecord, index: number, j: number, dispersion = record.noise.dispersion): Belief | null {
  const w = model(record, index);
  const penalty = one(record.penalty, record.path.alphas[index], w, j);
  if (record.local === null || penalty === null || dispersion === null) return null;
  const a = gramAt(record.local, j, j);
  if (!(a > 0) || !(dispersion > 0)) return null;
  const slice = { a, b: held(record.local, w, j, [j]), precision: record.noise.weight / dispersion, penalty };
  return { slice, posterior: posterior(slice), likeliest: slice.b / a, spread: 1 / Math.sqrt(slice.precision * a) };
}

/**
 * The scale of the prior of coefficient j at an alpha: where its density has fallen by e (for a normal prior, by the root of e:
 * its sd). Infinite where it never falls so far. Acting units.
 */
export function priorScale(record: PageRecord, alpha: number, j: number, dispersion: number): number {
  const w = new Array(record.features.names.length).fill(0);
  const prior = one(record.penalty, alpha, w, j);
  if (prior === null) return Infinity;
  const fallen = record.penalty.kind === "l2" ? 0.5 : 1;
  const over = (u: number) => (record.noise.weight / dispersion) * prior.value(u) - fallen;
  let high = record.features.unit[j] || 1;
  for (let i = 0; over(high) < 0; i++) {
    if (i > 60) return Infinity;
    high *= 4;
  }
  return root(over, 0, high);
}

/** The alpha whose prior of coefficient j has this scale: it falls as the scale grows. */
export function alphaOfScale(record: PageRecord, scale: number, j: number, dispersion: number): number {
  const short = (logAlpha: number) => scale - priorScale(record, Math.exp(logAlpha), j, dispersion);
  return Math.exp(root(short, -60, 60));
}

/** The position on the path nearest to an alpha, by ratio. */
export function nearest(record: PageRecord, alpha: number): number {
  const away = record.path.alphas.map((one) => Math.abs(Math.log(one) - Math.log(alpha)));
  return away.reduce((best, x, i) => (x < away[best] ? i : best), 0);
}

