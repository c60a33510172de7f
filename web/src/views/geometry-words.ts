/** The sentences beside the geometry. They say what is seen, and change with it. */

import { short } from "../plane";
import { quadraticGradient, movedTo, type Point } from "../maths/pair";
import type { PageRecord } from "../record";
import { edged, type Scene } from "../scene";
import type { State } from "../state";

/** Where the contour touches the ball, and why a coefficient is zero or is not. */
export function cornerWords(record: PageRecord, state: State, now: Scene): string {
  const names = state.pair.map((j) => record.features.names[j]);
  const zero = names.filter((_, i) => now.at[i] === 0);
  const kept = names.filter((_, i) => now.at[i] !== 0);
  if (zero.length === 2) return `Both ${names[0]} and ${names[1]} are exactly zero: ${bothZero(record)}`;
  if (zero.length === 1) return `${zero[0]} is exactly zero: the contour meets the corner. ${held(record, state, now)}`;
  return `Neither is zero. ${touch(record, kept, state)}`;
}

function bothZero(record: PageRecord): string {
  return record.penalty.kind === "group"
    ? "the ball has shrunk to a point, because the pull of the data on their group is weaker than the penalty."
    : "the ball has shrunk to a point, because the pull of the data on each is weaker than the penalty.";
}

function held(record: PageRecord, state: State, now: Scene): string {
  const i = now.at[0] === 0 ? 0 : 1;
  const pull = Math.abs(now.gradient[i]);
  const { terms, groups } = record.penalty;
  const alpha = record.path.alphas[state.index];
  const bound = terms === null || groups ? null : alpha * (terms.l1[state.pair[i]] + terms.slope[state.pair[i]]);
  if (bound === null || bound === 0) return "";
  return `There the data pull it with ${short(pull)}, and the penalty holds it with up to ${short(bound)}: leaving the corner would cost more than it gains.`;
}

function touch(record: PageRecord, names: string[], state: State): string {
  const { kind, groups } = record.penalty;
  const [j, k] = state.pair;
  if (kind === "l1") return "The contour touches the diamond along a side: each pull of the data equals the penalty's, so both stay.";
  if (kind === "l2") return "The circle has no corners: the contour touches it where it is smooth, and a coefficient is zero only by chance.";
  if (kind === "elastic_net") return "The sides bulge, as the circle's do, but the corners of the diamond are still there.";
  if (kind === "group")
    return groups?.[j] === groups?.[k]
      ? `${names.join(" and ")} share a group: here the ball is round, and they become zero together or not at all.`
      : "They belong to different groups: each becomes zero with its own.";
  if (kind === "mcp" || kind === "scad")
    return "The level set is not convex: the further out, the flatter the penalty, so large coefficients are hardly shrunk.";
  if (kind === "none") return "There is no penalty, so nothing holds the coefficients.";
  return "The contour touches the level set of the penalty.";
}

/** What the switch shows: t(alpha), or the sum; and what is held. */
export function meaningWords(record: PageRecord, state: State, now: Scene, ball: number | null): string {
  const alpha = short(record.path.alphas[state.index]);
  const rest =
    "All other coefficients are held at the fit." +
    (record.local?.exact ? "" : " The contours are the loss's second-order expansion at the chosen model, exact in slope only there.");
  const flat = now.at.some((x) => x !== 0) && !edged(now.penalty, now.at);
  if (!record.penalty.convex)
    return `${flat ? "Nothing is shaded: from the fit outwards the penalty is flat, at" : "Shaded: where the penalty is no larger than at the fit,"} ${short(now.t)}. No constraint leads to every such fit. ${rest}`;
  if (state.hard)
    return `The same fit as a constraint: the lowest loss with P(w) ≤ t, t(α) = ${ball === null ? "?" : short(ball)} for all coefficients and ${short(now.t)} for these two. ${rest}`;
  return `The fit is the lowest point of loss + α P(w), α = ${alpha}, whose contours are drawn. The ball through it has t(α) = ${short(now.t)} for these two. ${rest}`;
}

/** After the lowest point of the loss has been moved. */
export function whatIfWords(record: PageRecord, state: State, now: Scene, what: { centre: Point; at: Point }): string {
  const names = state.pair.map((j) => record.features.names[j]);
  const zero = names.filter((_, i) => what.at[i] === 0);
  const pull = quadraticGradient(movedTo(now.q, what.centre), what.at).map(Math.abs);
  const outcome = zero.length === 0 ? "neither would be zero" : `${zero.join(" and ")} would be exactly zero`;
  return `If the least loss lay at (${what.centre.map(short).join(", ")}), the fit would be (${what.at.map(short).join(", ")}): ${outcome}. The pulls there are ${pull.map(short).join(" and ")}.`;
}
