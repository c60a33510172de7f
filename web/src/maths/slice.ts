/** One coefficient with all others held: prior times likelihood is the posterior, its mode and its mean. */

import { type Scalar } from "./scalar";

/** exp(-precision [a w^2 / 2 - b w + P(w)]): `precision` turns the mean loss into minus a log likelihood. */
export interface Slice {
  a: number;
  b: number;
  precision: number;
  penalty: Scalar;
}

export interface Posterior {
  mode: number;
  mean: number;
  sd: number;
  /** the log of the integral of exp(-precision [...]) over w, with the value at the mode taken off */
  logNormalizer: number;
}

export function energy(s: Slice, w: number): number {
  return (s.a * w * w) / 2 - s.b * w + s.penalty.value(w);
}

export function mode(s: Slice): number {
  return s.penalty.prox(s.b / s.a, 1 / s.a);
}

/** Mode exactly; mean and sd by Gauss's rule on panels that end at every kink of the prior. Needs a > 0. */
export function posterior(s: Slice): Posterior {
  const top = mode(s);
  const best = energy(s, top);
  const width = 1 / Math.sqrt(s.precision * s.a);
  const middle = s.b / s.a;
  const low = Math.min(top, middle, 0) - 12 * width;
  const high = Math.max(top, middle, 0) + 12 * width;
  const density = (w: number) => Math.exp(-s.precision * (energy(s, w) - best));
  const ends = panels(low, high, s.penalty.knots, [top], width / 2);
  const [mass, first] = integrate(ends, (w) => [density(w), w * density(w)]);
  const mean = first / mass;
  const [second] = integrate(ends, (w) => [(w - mean) ** 2 * density(w), 0]);
  return { mode: top, mean, sd: Math.sqrt(second / mass), logNormalizer: Math.log(mass) };
}

/** The ends of panels no wider than `width` that cover [low, high] and break at the kinks. */
function panels(low: number, high: number, knots: number[], others: number[], width: number): number[] {
  const breaks = [...knots.flatMap((u) => [-u, u]), ...others].filter((u) => u > low && u < high);
  const corners = [low, ...new Set(breaks.sort((a, b) => a - b)), high];
  const ends = [low];
  for (let i = 1; i < corners.length; i++) {
    const count = Math.min(Math.max(1, Math.ceil((corners[i] - corners[i - 1]) / width)), 4000);
    for (let k = 1; k <= count; k++) ends.push(corners[i - 1] + ((corners[i] - corners[i - 1]) * k) / count);
  }
  return ends;
}

// Gauss-Legendre, eight nodes on [-1, 1] (Abramowitz and Stegun, table 25.4)
const NODES = [0.1834346424956498, 0.525532409916329, 0.7966664774136267, 0.9602898564975363];
const WEIGHTS = [0.362683783378362, 0.3137066458778873, 0.2223810344533745, 0.1012285362903763];

function integrate(ends: number[], f: (w: number) => [number, number]): [number, number] {
  let [one, two] = [0, 0];
  for (let i = 1; i < ends.length; i++) {
    const [half, middle] = [(ends[i] - ends[i - 1]) / 2, (ends[i] + ends[i - 1]) / 2];
    for (let k = 0; k < NODES.length; k++) {
      for (const sign of [-1, 1]) {
        const [x, y] = f(middle + sign * half * NODES[k]);
        one += WEIGHTS[k] * half * x;
        two += WEIGHTS[k] * half * y;
      }
    }
  }
  return [one, two];
}

/** `count` points from low to high, and every kink between, in order. */
export function grid(low: number, high: number, count: number, kinks: number[]): number[] {
  const even = Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));
  return [...even, ...kinks.filter((u) => u > low && u < high)].sort((a, b) => a - b);
}
