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

const ROOM = 1.2;
const ZOOM = 4;
const WIDER = 2.5;

const UP = 1 + 1e-12; // above the roundings of a penalty that is flat

/** Whether the level set of the penalty through a fit has an edge: it has none where the penalty is flat from there outwards. */
export function edged(penalty: PairPenalty, at: Point): boolean {
  const far = 8 * Math.max(...at.map(Math.abs));
  return penaltyValue(penalty, [far, far]) > penaltyValue(penalty, at) * UP;
}

/** What of a pair at a position must be seen: the fit, the ball's ends on the axes where it has some, the lowest point of the loss. */
function extent(now: Scene): { fit: number; centre: number } {
  const fit = Math.max(...now.at.map(Math.abs));
  const ends = [0, 1].map((side) => endOn(now, side as 0 | 1) ?? 0).filter((end) => end < WIDER * fit);
  return { fit: Math.max(fit, ...ends), centre: Math.max(0, ...(now.centre ?? []).map(Math.abs)) };
}

/** Where the level set meets an axis; null where it never does, or far off only. */
function endOn(now: Scene, side: 0 | 1): number | null {
  const level = penaltyValue(now.penalty, now.at);
  const far = 8 * Math.max(...now.at.map(Math.abs));
  const over = (r: number) => penaltyValue(now.penalty, side === 0 ? [r, 0] : [0, r]) - level * UP;
  return over(far) > 0 ? root(over, 0, far) : null;
}

/**
 * Half the width of the square about the origin that is drawn of a pair, at a position. It holds what is to be seen at the chosen
 * model and wherever that is not much wider. Elsewhere it is as many times twice as wide as it must be; it comes closer only
 * where the usual square would show a speck.
 */
export function reach(record: PageRecord, pair: [number, number]): (index: number) => number {
  const all = record.path.alphas.map((_, index) => {
    const now = scene(record, index, pair);
    return now === null ? { fit: 0, centre: 0 } : extent(now);
  });
  const chosen = all[record.path.index];
  const wide = ({ fit, centre }: typeof chosen) => {
    const most = ZOOM * Math.max(fit, chosen.fit) || Infinity; // two columns that are nearly one send the lowest point far off
    return ROOM * Math.max(fit, Math.min(centre, most));
  };
  const needed = all.map(wide);
  const least = wide(chosen) || Math.min(...needed.filter((x) => x > 0));
  const usual = Math.max(...needed.filter((x) => x <= WIDER * least));
  if (!Number.isFinite(usual)) return () => 1;
  return (index) => {
    const here = needed[index];
    return here === 0 || (here <= usual && here >= usual / ZOOM) ? usual : usual * 2 ** Math.ceil(Math.log2(here / usual));
  };
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

