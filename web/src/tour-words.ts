/** The seven steps of the tour: what each says of this fit, and what it brings onto the page. */

import { told } from "./frame";
import { short } from "./plane";
import type { PageRecord } from "./record";
import { belief, model, priorScale } from "./scene";
import type { Wanted } from "./server";
import type { State } from "./state";

export interface Chapter {
  title: string;
  /** of the page, which is brought into view */
  section: string;
  /** fitted first, where another is on the page */
  penalty?: string;
  state(record: PageRecord, now: State): Partial<State>;
  words(record: PageRecord, now: State): string[];
  figure?: "penalties" | "steps" | "densities";
  code?(record: PageRecord, now: State): string;
  tries?: [string, Partial<Wanted>][];
}

const chosen = (record: PageRecord): Partial<State> => ({ index: record.path.index });

export const chapters: Chapter[] = [
  {
    title: "Overfitting",
    section: "curve",
    state: (record) => ({ index: record.path.alphas.length - 1 }),
    words: (record) => [
      "A model can follow the rows it has seen more closely than any new row. The cursor is at the weakest penalty of the path: the most freedom.",
      overfit(record),
      "A penalty on the coefficients takes some of that freedom away. How much is one number, α.",
    ],
  },
  {
    title: "Two penalties",
    section: "path",
    penalty: "l1",
    state: chosen,
    words: (record) => [
      `The lasso adds α times the sum of |w|; ridge adds α times half the sum of w². Both hold coefficients towards zero, in different ways: here the lasso at its chosen α keeps ${record.path.nonzeros[record.path.index]} of ${record.p}.`,
      "Fit both and look at the paths: the lasso's lines end at zero one by one, ridge's only approach it.",
    ],
    figure: "penalties",
    tries: [
      ["Fit ridge", { penalty: "l2", alpha: null }],
      ["Fit the lasso", { penalty: "l1", alpha: null }],
    ],
  },
  {
    title: "Their gradients, and why one reaches zero",
    section: "path",
    penalty: "l1",
    state: chosen,
    words: (record, now) => [
      "The gradient of |w| is the sign of w: a push towards zero of the same size however small w is. The gradient of w²/2 is w itself: the push fades as w does.",
      "So each step of the lasso takes the same off, and a coefficient arrives at zero; each step of ridge takes a share off, and it never does.",
      pushes(record, now),
    ],
    figure: "steps",
  },
  {
    title: "Diamond and circle",
    section: "geometry",
    penalty: "l1",
    state: (record) => ({ ...chosen(record), hard: true, pair: withCorner(record) }),
    words: (record, now) => [
      "The same fit, as a constraint: the lowest point of the loss within a ball of size t(α). The lasso's ball is a diamond, whose corners stick out where a coefficient is zero; ridge's is a circle, which has none.",
      corner(record, now),
      "Drag the cross at the least loss, or the edge of the ball.",
    ],
    tries: [
      ["Circle", { penalty: "l2", alpha: null }],
      ["Diamond", { penalty: "l1", alpha: null }],
    ],
  },
  {
    title: "The fit is a MAP estimate",
    section: "prior",
    penalty: "l1",
    state: (record, now) => ({ ...chosen(record), feature: now.pair.find((j) => model(record, record.path.index)[j] === 0) ?? now.feature }),
    words: (record, now) => [
      "By Bayes' rule the posterior is prior times likelihood. Minus its logarithm is loss plus penalty, up to a constant: the fit is the posterior's mode (MAP, maximum a posteriori).",
      modeAndMean(record, now),
    ],
  },
  {
    title: "Laplace and Gaussian",
    section: "prior",
    penalty: "l1",
    state: chosen,
    words: (record, now) => [
      "exp(−|w|/b) is a Laplace density: a spike at zero and heavy tails, a belief in few but large effects. exp(−w²/2s²) is a Gaussian: a belief in many small ones.",
      scaleWords(record, now),
      "Drag the dot on the prior: a narrower prior is a larger α, and every view follows.",
    ],
    figure: "densities",
    tries: [
      ["Gaussian prior", { penalty: "l2", alpha: null }],
      ["Laplace prior", { penalty: "l1", alpha: null }],
    ],
  },
  {
    title: "What to do in PyTorch",
    section: "prior",
    state: chosen,
    words: (record) => [
      "weight_decay is ridge for plain SGD; under Adam use AdamW, whose decay is not divided by the gradient's size. Adding α·|w| to the loss and calling an optimizer never gives an exact zero: the step hops over the corner.",
      `A proximal step does. The strength acts on the loss that is backpropagated; here, on the mean of ${record.loss.name === "squared_error" ? "half the squared error" : "the loss"}, α = ${short(record.path.alphas[record.path.index])} was chosen for ${record.standardized ? "standardised columns" : "the columns as they are"}.`,
    ],
    code: (record) =>
      [
        "import shrinkage as sh",
        "import shrinkage.torch as st",
        "",
        `penalties = st.Penalties(network, {"*.weight": sh.L1(${Number(record.path.alphas[record.path.index].toPrecision(3))})})`,
        "optimizer = st.ProxAdam(network.parameters(), penalties, lr=1e-2)",
      ].join("\n"),
  },
];

function overfit(record: PageRecord): string {
  const { curve, path } = record;
  if (curve === null) return `It explains ${percent(path.explained[path.explained.length - 1])} of the deviance in the rows it has seen.`;
  const last = path.alphas.length - 1;
  const [train, held, best] = [curve.train[last], curve.mean[last], curve.mean[curve.index_min]];
  const both = `There the error on the rows it was fitted to is ${told(train)}, on rows held out ${told(held)}: ${percent(held / train - 1)} more.`;
  if (curve.index_min === last) return `${both} No stronger penalty of the path does better on new rows.`;
  if (told(best) === told(held)) return `${both} The best α, a stronger penalty, has the same to four digits.`;
  const hardly = held - best < curve.se[curve.index_min] ? `, better by less than its standard error of ${told(curve.se[curve.index_min], 2)}` : "";
  return `${both} At the best α, a stronger penalty, the held-out error is ${told(best)}${hardly}.`;
}

function pushes(record: PageRecord, now: State): string {
  const alpha = record.path.alphas[now.index];
  const w = model(record, now.index);
  const zero = w.flatMap((x, j) => (x === 0 ? [record.features.names[j]] : []));
  const push = `At this α the lasso pushes every coefficient with ${short(alpha)}`;
  if (zero.length === 0) return `${push}; the data pull each of them harder, so all are kept.`;
  return `${push}. The data pull ${zero.slice(0, 3).join(", ")}${zero.length > 3 ? ` and ${zero.length - 3} more` : ""} less than that even at zero: zero they stay.`;
}

/** The largest coefficient, and the one of those at zero that is largest elsewhere on the path. */
function withCorner(record: PageRecord): [number, number] {
  const w = model(record, record.path.index).map(Math.abs);
  const most = record.path.coefs.map((row) => Math.max(...row.map(Math.abs)));
  const order = w.map((_, j) => j);
  const largest = [...order].sort((a, b) => w[b] - w[a])[0] ?? 0;
  const zeros = order.filter((j) => w[j] === 0).sort((a, b) => most[b] - most[a]);
  const other = zeros[0] ?? [...order].sort((a, b) => w[b] - w[a])[1] ?? largest;
  return [largest, other];
}

function corner(record: PageRecord, now: State): string {
  const w = model(record, now.index);
  const zero = now.pair.filter((j) => w[j] === 0).map((j) => record.features.names[j]);
  return zero.length
    ? `${zero.join(" and ")} is exactly zero here: the contour meets the corner.`
    : "Here no coefficient is zero: the contour meets a side. Move α until it slides into a corner.";
}

function modeAndMean(record: PageRecord, now: State): string {
  const here = belief(record, now.index, now.feature);
  if (here === null) return "";
  const name = record.features.names[now.feature];
  const { mode, mean } = here.posterior;
  return `For ${name} the mode is ${short(mode)} and the mean ${short(mean)}, the others held at the fit. ${mode === 0 ? "Zero is the mode, not the mean: the posterior does not say that the effect is zero." : "They differ unless the posterior is symmetric."}`;
}

function scaleWords(record: PageRecord, now: State): string {
  const { dispersion, weight } = record.noise;
  if (dispersion === null) return "How wide the prior is depends on the noise, which is not known here.";
  const alpha = record.path.alphas[now.index];
  const scale = priorScale(record, alpha, now.feature, dispersion);
  const formula = record.penalty.kind === "l2" ? "s² = σ² / (n α)" : "b = σ² / (n α)";
  return `The strength is the prior's scale in other words: ${formula}. With σ² = ${short(dispersion)}, n = ${told(weight, 7)} and α = ${short(alpha)} it is ${short(scale)}${record.standardized ? " per sd of a column" : ""}.`;
}

const percent = (share: number): string => `${Math.round(100 * share)}%`;
