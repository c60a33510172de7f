/** The sentences beside prior, likelihood and posterior. */

import { short } from "../plane";
import type { PageRecord } from "../record";
import { model, type Belief } from "../scene";
import type { State } from "../state";

export function priorWords(record: PageRecord, state: State, now: Belief): string {
  const name = record.features.names[state.feature];
  const { mode, mean, sd } = now.posterior;
  const where = `The data alone would say ${short(now.likeliest)}`;
  const fit = model(record, state.index)[state.feature];
  if (Math.abs(fit - mode) > 0.01 * sd) return `${elsewhere(record, state, name, fit, mode)} ${where}.`;
  if (mode === 0)
    return `${name} is exactly zero: zero is the posterior's mode, not its mean, which is ${short(mean)}; a density gives the single point zero no probability. ${where}.`;
  const near = Math.abs(mode - mean) < 0.02 * sd;
  const means = near ? "mode and mean nearly agree" : `the mean, ${short(mean)}, is another number`;
  if (record.penalty.kind === "none") return `Without a penalty the prior is flat, and the posterior is the likelihood: ${short(mode)}.`;
  const pulled = Math.abs(mode - now.likeliest) > 0.01 * now.spread ? "the prior pulls it towards zero" : "the prior is flat there, and leaves it";
  return `The fit is the posterior's mode, ${short(mode)}; ${means}. ${where}; ${pulled}.`;
}

/** Why the fit is not the highest point of what is drawn. */
function elsewhere(record: PageRecord, state: State, name: string, fit: number, mode: number): string {
  const expanded = record.local?.exact === false && state.index !== record.path.index;
  const why = expanded
    ? "the likelihood is expanded at the chosen model, which is another"
    : record.penalty.convex
      ? "the fit is only as near to it as its certificate says"
      : "the penalty is not convex, so the posterior has several tops, and the fit is at another";
  const stands = fit === 0 ? "exactly zero" : short(fit);
  return `${name} is ${stands} in the fit, while the highest point of the posterior drawn here is ${short(mode)}: ${why}.`;
}

export function noteWords(record: PageRecord, state: State, scale: number): string {
  const name = record.features.names[state.feature];
  const raw = scale / record.features.unit[state.feature];
  const family: Record<string, string> = {
    l1: "Laplace with scale", l2: "Normal with sd", elastic_net: "Laplace times Normal, falling by e at",
    group: "multivariate Laplace, here cut at the group's other members; alone it falls by e at",
    mcp: "improper: flat far from zero, falling by e at", scad: "improper: flat far from zero, falling by e at",
  };
  const words = family[record.penalty.kind] ?? "falling by e at";
  const told = Number.isFinite(scale)
    ? `${words} ${short(scale)}${record.standardized ? ` per sd (${short(raw)} in the units of ${name})` : ""}`
    : "flat: it never falls by as much as e";
  const exact = record.local?.exact ? "" : " The likelihood is its second-order expansion at the chosen model.";
  return `The prior is ${told}. All other coefficients are held at the fit; each curve is scaled to its own top.${record.noise.words ? ` Noise: ${record.noise.words}.` : ""}${exact}`;
}
