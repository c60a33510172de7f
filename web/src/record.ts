/**
 * What the page is given: one fit, as plain numbers. Mirrors src/shrinkage/page/record.py, which fills it.
 *
 * Coefficients are in the units in which the penalty acts: `acting[j] = raw[j] * unit[j]`, where `unit` is the sd of the
 * column if the fit was standardised, else 1. Arrays "of features" hold the shown features only, in the order of
 * `features.names`; those that no alpha ever uses are left out of a wide record (`features.left_out` counts them).
 */
export interface PageRecord {
  schema: number;
  title: string;
  answer: string; // the answer in a sentence
  live: boolean; // true where a server answers: the explorer
  model: string; // "LassoCV"
  target: string;
  classes: [string, string] | null; // of a yes/no target; the second is the one whose probability is the mean
  n: number; // rows of positive weight
  p: number; // features fitted, also those not shown
  loss: Loss;
  penalty: Penalty;
  dial: Dial;
  noise: Noise;
  standardized: boolean;
  has_intercept: boolean;
  features: Features;
  path: Path;
  curve: Curve | null; // cross-validation; null where no folds could be run
  local: Local | null; // the loss as a quadratic: exact for squared error
  drawn: boolean; // whether rows were drawn for `stability` and `fitted`: a refit leaves that until it is asked for
  stability: Stability | null;
  fitted: Fitted | null;
  data: Fingerprint;
  prior: string[]; // what alpha means as a prior, in sentences
  warnings: string[];
  command: string; // what reproduces this
  versions: { [name: string]: string };
}

export interface Loss {
  name: string; // "squared_error", "logistic", "poisson", ...
  label: string; // of an axis: "mean squared error", "mean deviance"
}

/**
 * P at alpha = 1, a sum over the shown features of
 *   l1 |w| + l2 w^2 / 2 + C(|w|)  on [low, high],   C'(u) = slope up to fall, falls linearly to 0 at flat
 * plus, for group g, group_l1[g] * ||w_g|| (+ group_l2[g] ||w_g||^2 / 2 + C with group_slope ...).
 * At alpha: l1, l2 and slope are multiplied by alpha; where `knots_move` (MCP and SCAD by strength) so are fall and flat.
 * The objective is  mean loss + alpha P;  minus the log posterior is (W / dispersion) times that (see Noise).
 */
export interface Penalty {
  kind: "none" | "l1" | "l2" | "elastic_net" | "group" | "mcp" | "scad" | "group_mcp" | "group_scad" | "other";
  words: string; // "lasso (L1)", "elastic net (half L1)"
  convex: boolean;
  terms: Terms | null; // null: a penalty of the user's own, of which only the value is known
  groups: (number | null)[] | null; // of features
  group_terms: Terms | null; // of groups
  knots_move: boolean;
}

export interface Terms {
  l1: number[];
  l2: number[];
  low: (number | null)[]; // null: no bound
  high: (number | null)[];
  slope: number[];
  fall: (number | null)[]; // null: never
  flat: (number | null)[];
}

/** How the estimator's own number relates to alpha on the mean loss: number = factor * alpha, or 1 / (factor * alpha). */
export interface Dial {
  name: string; // "alpha", "C"
  factor: number;
  inverse: boolean;
}

/**
 * Minus the log posterior is (weight / dispersion) * (mean loss + alpha P): `weight` is the sum of the weights (its root for the
 * root of the squared error), `dispersion` is sigma^2 of the noise where squared error leaves it to be estimated, else 1.
 */
export interface Noise {
  weight: number;
  dispersion: number | null;
  sigma: number | null; // of the noise, units of the target; null where the likelihood has none or it is unknown
  words: string;
}

export interface Features {
  names: string[];
  sd: number[]; // of the column
  mean: number[];
  unit: number[]; // acting = raw * unit
  source: string[]; // the input column each came from (a factor's levels share one)
  left_out: number; // how many features no alpha on the path ever uses, and are not listed
  unpenalized: number[]; // least squares (or maximum likelihood) in acting units, where it exists; else empty
}

/** m models along decreasing alphas. */
export interface Path {
  alphas: number[]; // on the mean loss, not rounded
  coefs: number[][]; // [feature][alpha], acting units
  intercepts: number[];
  nonzeros: number[]; // of all p
  df: (number | null)[];
  explained: number[]; // share of the deviance
  losses: number[]; // mean loss
  certificates: number[]; // relative duality gap, or violation
  certificate_kind: string; // "duality gap", "violation"
  tol: number;
  certificate_words: string; // of the chosen model, in a sentence
  index: number; // the chosen model
  rule: string; // "min", "1se", "aic", ..., or "given"
}

export interface Curve {
  mean: number[]; // held-out deviance
  se: number[];
  train: number[];
  folds: number;
  index_min: number;
  index_1se: number;
  words: string; // how the folds were made
}

/**
 * mean loss near the chosen model's linear predictor, in acting units, the intercept at its best for each w:
 *   q(w) = constant + w'Gw / 2 - b'w.   For squared error it is the loss, everywhere (`exact`).
 * G and b over the shown features; G as rows of its lower triangle: G[i][j], j <= i. Null for more than 100 features.
 */
export interface Local {
  exact: boolean;
  gram: number[][];
  pull: number[]; // b
  constant: number;
}

export interface Stability {
  draws: number;
  words: string; // how they were drawn
  indices: number[]; // positions on the path
  frequency: number[][]; // [feature][position in indices]: the share of draws that keep it
}

/** Held-out predictions where there are folds, else of the fitted rows; thinned to what can be seen. */
export interface Fitted {
  held_out: boolean;
  kind: "residuals" | "calibration";
  fitted: number[]; // residuals: predictions; calibration: mean predicted probability of each bin
  observed: number[]; // residuals: targets; calibration: share observed
  counts: number[]; // calibration: rows of each bin; else empty
  rows: number; // how many there were before thinning
  words: string;
}

export interface Fingerprint {
  source: string;
  rows: number;
  columns: number;
  dropped: string[]; // sentences
  encodings: { name: string; kind: string; levels: string[] }[];
  sha256: string;
}

/** A coefficient at a position on the path, in acting units. */
export const coefAt = (record: PageRecord, feature: number, index: number): number => record.path.coefs[feature][index];

/** G[i][j] from its lower triangle. */
export const gramAt = (local: Local, i: number, j: number): number => (j <= i ? local.gram[i][j] : local.gram[j][i]);

/** The estimator's own number at an alpha on the mean loss. */
export const dialAt = (record: PageRecord, alpha: number): number =>
  record.dial.inverse ? 1 / (record.dial.factor * alpha) : record.dial.factor * alpha;
