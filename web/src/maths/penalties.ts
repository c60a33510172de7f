/** From the record's penalty to functions of one or of two coefficients, the others held. */

import type { Penalty, Terms as Table } from "../record";
import { ofMember } from "./groups";
import { type PairPenalty } from "./pair";
import { NO_TERMS, ofTerms, type Scalar, type Terms } from "./scalar";

/** Row j of the record's table at an alpha. */
export function termsAt(table: Table, j: number, alpha: number, knotsMove: boolean): Terms {
  const knots = knotsMove ? alpha : 1;
  const flat = table.flat[j];
  return {
    l1: alpha * table.l1[j],
    l2: alpha * table.l2[j],
    low: table.low[j] ?? -Infinity,
    high: table.high[j] ?? Infinity,
    slope: alpha * table.slope[j],
    fall: flat === null ? NO_TERMS.fall : knots * (table.fall[j] ?? 0),
    flat: flat === null ? NO_TERMS.flat : knots * flat,
  };
}

/** What is known of the penalty of coefficient j; null for a penalty of the user's own. */
export function one(penalty: Penalty, alpha: number, w: number[], j: number): Scalar | null {
  if (penalty.terms === null) return null;
  const own = termsAt(penalty.terms, j, alpha, penalty.knots_move);
  const inner = innerOf(penalty, alpha, j);
  return inner === null ? ofTerms(own) : ofMember(own, inner, restOfGroup(penalty.groups!, w, [j]));
}

/** The penalty of coefficients j and k together. */
export function two(penalty: Penalty, alpha: number, w: number[], j: number, k: number): PairPenalty | null {
  if (penalty.terms === null) return null;
  const inner = innerOf(penalty, alpha, j);
  if (inner === null || penalty.groups![j] !== penalty.groups![k])
    return { kind: "each", each: [one(penalty, alpha, w, j)!, one(penalty, alpha, w, k)!] };
  const own = [j, k].map((i) => termsAt(penalty.terms!, i, alpha, penalty.knots_move)) as [Terms, Terms];
  return { kind: "group", own, inner, rest: restOfGroup(penalty.groups!, w, [j, k]) };
}

function innerOf(penalty: Penalty, alpha: number, j: number): Scalar | null {
  const group = penalty.groups?.[j] ?? null;
  if (group === null || group < 0 || penalty.group_terms === null) return null;
  return ofTerms(termsAt(penalty.group_terms, group, alpha, penalty.knots_move));
}

/** The norm of the other members of the group of `moving`. */
function restOfGroup(groups: (number | null)[], w: number[], moving: number[]): number {
  return Math.hypot(...w.filter((_, i) => groups[i] === groups[moving[0]] && !moving.includes(i)));
}
