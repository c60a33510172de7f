/** The page's own solver against the library's answers, to 1e-6: tests/pages/maths.py wrote them. */

import { describe, expect, it } from "vitest";
import {
  centre,
  contour,
  levelSet,
  minimise,
  movedTo,
  penaltyValue,
  quadraticGradient,
  quadraticValue,
  restricted,
  violation,
  type Point,
} from "../src/maths/pair";
import { one, two } from "../src/maths/penalties";
import type { Penalty } from "../src/record";
import { energy, posterior } from "../src/maths/slice";
import answers from "./maths.json";

const NEAR = 1e-6;

function close(found: number, wanted: number, what = "", tolerance = NEAR) {
  expect(Math.abs(found - wanted), `${what}: ${found} for ${wanted}`).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(wanted)));
}

describe("one coefficient", () => {
  it.each(answers.scalars)("$penalty.kind at alpha $alpha, step $step: value and prox", (c) => {
    const scalar = one(c.penalty as Penalty, c.alpha, [0], 0)!;
    c.w.forEach((w, i) => {
      close(scalar.value(w), c.value[i], `value at ${w}`, 1e-12);
      close(scalar.prox(w, c.step), c.prox[i], `prox at ${w}`, 1e-12);
    });
  });

  it.each(answers.scalars)("$penalty.kind at alpha $alpha: a prox moves by step times a subgradient", (c) => {
    const scalar = one(c.penalty as Penalty, c.alpha, [0], 0)!;
    for (const w of c.w) {
      const z = scalar.prox(w, c.step);
      const [low, high] = scalar.subgradient(z);
      expect(low).toBeLessThanOrEqual(high);
      expect((w - z) / c.step).toBeGreaterThanOrEqual(low - 1e-12);
      expect((w - z) / c.step).toBeLessThanOrEqual(high + 1e-12);
    }
  });

  it.each(answers.slices)("$penalty.kind at alpha $alpha: the posterior's mode, mean and sd", (c) => {
    const slice = { a: c.a, b: c.b, precision: c.precision, penalty: one(c.penalty as Penalty, c.alpha, [0], 0)! };
    const found = posterior(slice);
    close(found.mode, c.mode, "mode");
    close(found.mean, c.mean, "mean");
    close(found.sd, c.sd, "sd");
    close(found.logNormalizer, c.logNormalizer, "log normaliser");
    for (const step of [-1e-3, 1e-3]) expect(energy(slice, found.mode + step)).toBeGreaterThan(energy(slice, found.mode));
  });
});

const pairs = answers.fits.flatMap((fit, index) => {
  const p = fit.w.length;
  const some = p === 2 ? [[0, 1]] : [[0, 1], [1, 2], [3, 4], [2, 5]];
  return some.map(([j, k]) => ({ ...fit, index, j, k, word: fit.penalty.kind }));
});

describe("two coefficients, the others held at the fit", () => {
  it.each(pairs)("fit $index ($word), $j and $k: the page's minimiser is the library's", (c) => {
    const { q, penalty, at } = view(c);
    expect(violation(q, penalty, at)).toBeLessThan(NEAR);
    const found = minimise(q, penalty, convex(c.word) ? [0, 0] : at);
    close(found[0], at[0], "first");
    close(found[1], at[1], "second");
  });

  it.each(pairs.filter((c) => convex(c.word)))("fit $index ($word), $j and $k: contour and ball touch and do not cross", (c) => {
    const { q, penalty, at } = view(c);
    const level = penaltyValue(penalty, at);
    const best = quadraticValue(q, at);
    const scale = Math.max(1, Math.abs(best));
    for (const point of contour(q, at)) {
      close(quadraticValue(q, point), best, "on the contour", 1e-9);
      expect(penaltyValue(penalty, point)).toBeGreaterThanOrEqual(level - 1e-6);
    }
    for (const point of levelSet(penalty, level, 100)) {
      close(penaltyValue(penalty, point), level, "on the ball", 1e-9);
      expect(quadraticValue(q, point)).toBeGreaterThanOrEqual(best - 1e-6 * scale);
    }
  });

  it.each(pairs.filter((c) => c.word !== "none" && c.index % 3 === 0))(
    "fit $index ($word), $j and $k: moved least squares, the minimiser is stationary",
    (c) => {
      const { q, penalty } = view(c);
      for (const target of [[2, 0.1], [-1, 1], [0.05, -0.02], [0, 0]] as Point[]) {
        const moved = movedTo(q, target);
        const middle = centre(moved)!;
        close(middle[0], target[0], "centre");
        close(middle[1], target[1], "centre");
        expect(violation(moved, penalty, minimise(moved, penalty))).toBeLessThan(1e-9);
      }
    },
  );
});

it("the gradient of the quadratic is that of its value", () => {
  const q = { a11: 2, a12: 0.5, a22: 1, b1: 0.3, b2: -0.7 };
  const [x, y, h] = [0.4, -1.1, 1e-6];
  const [gx, gy] = quadraticGradient(q, [x, y]);
  close(gx, (quadraticValue(q, [x + h, y]) - quadraticValue(q, [x - h, y])) / (2 * h), "x");
  close(gy, (quadraticValue(q, [x, y + h]) - quadraticValue(q, [x, y - h])) / (2 * h), "y");
});

it("collinear columns have no centre and no ellipse", () => {
  const q = { a11: 1, a12: 1, a22: 1, b1: 0.3, b2: 0.3 };
  expect(centre(q)).toBeNull();
  expect(contour(q, [0, 0])).toEqual([]);
});

function convex(word: string): boolean {
  return word !== "mcp" && word !== "scad";
}

function view(c: (typeof pairs)[number]) {
    return {
    q: restricted(c.local, c.w, c.j, c.k),
    penalty: two(c.penalty as Penalty, c.alpha, c.w, c.j, c.k)!,
    at: [c.w[c.j], c.w[c.k]] as Point,
  };
}
