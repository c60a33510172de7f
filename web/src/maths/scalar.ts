/** Penalties of one coefficient: value, prox and knots. The formula is that of `shrinkage.penalties.terms`. */

export interface Scalar {
  /** P(w) */
  value(w: number): number;
  /** argmin_z P(z) + (z - w)^2 / (2 step), for step > 0 */
  prox(w: number, step: number): number;
  /** the subdifferential at w, [low, high] */
  subgradient(w: number): [number, number];
  /** where P is not smooth, in |w| */
  knots: number[];
}

/** l1 |w| + l2 w^2 / 2 + C(|w|) on [low, high], C'(u) = slope up to `fall`, then linear down to 0 at `flat`. */
export interface Terms {
  l1: number;
  l2: number;
  low: number;
  high: number;
  slope: number;
  fall: number;
  flat: number;
}

export const NO_TERMS: Terms = { l1: 0, l2: 0, low: -Infinity, high: Infinity, slope: 0, fall: 0, flat: 1 };

export function soft(w: number, threshold: number): number {
  return Math.sign(w) * Math.max(Math.abs(w) - threshold, 0);
}

export function ofTerms(terms: Partial<Terms>): Scalar {
  const t = { ...NO_TERMS, ...terms };
  const kinks = t.slope > 0 ? [0, t.fall, t.flat] : t.l1 > 0 ? [0] : [];
  const outside = (w: number) => w < t.low || w > t.high;
  return {
    knots: [...new Set(kinks.filter(Number.isFinite))],
    value: (w) => (outside(w) ? Infinity : t.l1 * Math.abs(w) + (t.l2 * w * w) / 2 + concaveValue(t, Math.abs(w))),
    prox: (w, step) => {
      const shrink = 1 + step * t.l2;
      const z = soft(w, step * t.l1) / shrink;
      return t.slope > 0 ? concaveProx(t, z, step / shrink) : clip(z, t);
    },
    subgradient: (w) => {
      const steep = t.l1 + concaveSlope(t, Math.abs(w));
      const bend = t.l2 * w;
      return [
        w <= t.low ? -Infinity : (w > 0 ? steep : -steep) + bend,
        w >= t.high ? Infinity : (w < 0 ? -steep : steep) + bend,
      ];
    },
  };
}

function clip(w: number, t: Terms): number {
  return Math.min(Math.max(w, t.low), t.high);
}

function concaveValue(t: Terms, size: number): number {
  if (t.slope === 0) return 0;
  const late = Math.min(Math.max(size, t.fall), t.flat);
  const bent = ((late - t.fall) * (t.flat - (late + t.fall) / 2)) / (t.flat - t.fall);
  return t.slope * (Math.min(size, t.fall) + bent);
}

function concaveSlope(t: Terms, size: number): number {
  if (t.slope === 0) return 0;
  return t.slope * Math.max((t.flat - Math.max(size, t.fall)) / (t.flat - t.fall), 0);
}

/** The best of the stationary points, clipped, and the bounds: exact also where the scalar problem is not convex. */
function concaveProx(t: Terms, z: number, step: number): number {
  const size = Math.abs(z);
  const room = t.flat - t.fall;
  const first = Math.max(size - step * t.slope, 0);
  const candidates = [];
  if (step * t.slope < room) {
    const middle = (size - (step * t.slope * t.flat) / room) / (1 - (step * t.slope) / room);
    candidates.push(size <= t.fall + step * t.slope ? first : size < t.flat ? middle : size);
  } else candidates.push(Math.min(first, t.fall), Math.max(size, t.flat));
  const cost = (u: number) => (u - z) ** 2 / (2 * step) + concaveValue(t, Math.abs(u));
  const feasible = [...candidates.map((u) => clip(Math.sign(z) * u, t)), t.low, t.high].filter(Number.isFinite);
  return feasible.reduce((best, u) => (cost(u) < cost(best) ? u : best));
}

/** The root of a function that is <= 0 at low and >= 0 at high, by bisection down to rounding. */
export function root(f: (x: number) => number, low: number, high: number): number {
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (f(middle) <= 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
