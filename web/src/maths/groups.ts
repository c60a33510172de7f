/** Members of a group: an inner penalty of the group's norm, the other members held. */

import { NO_TERMS, ofTerms, root, soft, type Scalar, type Terms } from "./scalar";

/** l1 |w| + l2 w^2 / 2 + inner(sqrt(w^2 + rest^2)): one coefficient, the others of its group of norm `rest`. */
export function ofMember(own: Partial<Terms>, inner: Scalar, rest: number): Scalar {
  const outer = ofTerms(own);
  return {
    knots: rest === 0 ? [...new Set([0, ...inner.knots])] : outer.knots,
    value: (w) => outer.value(w) + inner.value(Math.hypot(w, rest)),
    prox: (w, step) => proxOf([w], [{ ...NO_TERMS, ...own }], inner, rest, step)[0],
    subgradient: (w) => {
      const [low, high] = outer.subgradient(w);
      const norm = Math.hypot(w, rest);
      const steep = inner.subgradient(norm)[1];
      if (norm === 0) return [low - steep, high + steep];
      return [low + (steep * w) / norm, high + (steep * w) / norm];
    },
  };
}

/**
 * The prox of the members' own L1 and L2 (and bounds) plus inner(norm with `rest`): thresholded first, then shrunk along the
 * ray by the root of the norm s = |z|, z = v / (1 + step inner'(s) / s).
 */
export function proxOf(w: number[], own: Terms[], inner: Scalar, rest: number, step: number): number[] {
  const v = w.map((x, i) => soft(x, step * own[i].l1) / (1 + step * own[i].l2));
  const inside = step / (1 + step * own[0].l2);
  const size = Math.hypot(...v);
  const z = rest === 0 ? along(v, size, inner.prox(size, inside)) : shrunk(v, size, inner, rest, inside);
  return z.map((x, i) => Math.min(Math.max(x, own[i].low), own[i].high));
}

function along(v: number[], size: number, wanted: number): number[] {
  return size === 0 ? v : v.map((x) => (x * wanted) / size);
}

function shrunk(v: number[], size: number, inner: Scalar, rest: number, step: number): number[] {
  const factor = (s: number) => 1 / (1 + (step * inner.subgradient(s)[1]) / s);
  const s = root((t) => t - Math.hypot(size * factor(t), rest), rest, Math.hypot(size, rest));
  return v.map((x) => x * factor(s));
}
