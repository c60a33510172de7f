/** The sentences beside prior, likelihood and posterior. */

import { short } from "../plane";
import type { PageRecord } from "../record";
import type { Belief } from "../scene";
import type { State } from "../state";

export function priorWords(record: PageRecord, state: State, now: Belief): string {
  const name = record.features.names[state.feature];
  const { mode, mean, sd } = now.posterior;
  const where = `The data alone would say ${short(now.likeliest)}`;
  if (mode === 0)
    return `${name} is exactly zero: zero is the posterior's mode, not its mean, which is ${short(mean)}; a density gives the single point zero no probability. ${where}.`;
  const near = Math.abs(mode - mean) < 0.02 * sd;
  const means = near ? "mode and mean nearly agree" : `the mean, ${short(mean)}, is another number`;
  if (record.penalty.kind === "none") return `Without a penalty the prior is flat, and the posterior is the likelihood: ${short(mode)}.`;
  return `The fit is the posterior's mode, ${short(mode)}; ${means}. ${where}; the prior pulls it towards zero.`;
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
