/** The loopback server behind the page: what the controls say goes out, a record or one sentence comes back. */

import type { PageRecord } from "./record";
import { alphaOfScale, priorScale } from "./scene";

/** What the controls say; null leaves a choice to the server. Mirrors `Controls` in src/shrinkage/page/explore.py. */
export interface Wanted {
  penalty: string;
  l1_ratio: number;
  standardize: boolean;
  drop: string[];
  alpha: number | null;
  noise: number | null;
  evidence: boolean; // draw halves of the rows: slower
  scale: Scale | null; // what alpha is to be solved for: the page's own, the server is not told
}

/** A prior's scale, in the units of the data, of the feature of that name. */
export interface Scale {
  of: string;
  size: number;
}

export type Ask = (wanted: Wanted) => Promise<PageRecord>;

/** `POST fit`, relative to the page's own address, which holds the token. Rejects with the server's sentence. */
export const ask: Ask = async ({ scale: _, ...wanted }) => {
  let response: Response;
  try {
    const headers = { "Content-Type": "application/json" };
    response = await fetch("fit", { method: "POST", headers, body: JSON.stringify(wanted) });
  } catch {
    throw new Error("The server does not answer: was the command stopped? What is shown stays as it is.");
  }
  const body = await response.json().catch(() => ({ error: `The server answered ${response.status} without a reason.` }));
  if (!response.ok) throw new Error(body.error);
  return body;
};

const ASKED = 8;
const AGREES = 2e-5; // of the scale: it then reads as it was typed

/**
 * Alpha solved for a prior's scale. A scale is noise over alpha, and each fit estimates its noise anew: so alpha is corrected by
 * the answer, at first as if the noise stayed, then by the secant of two answers. The nearest is given where none agrees: the
 * estimate jumps where a feature comes in.
 */
export const solving = (put: Ask): Ask => async (wanted) => {
  let record = await put(wanted);
  const { scale } = wanted;
  if (scale === null || wanted.alpha === null) return record;
  let [log, nearest] = [Math.log(wanted.alpha), record];
  let off = excess(record, scale);
  let [least, before] = [Math.abs(off), [NaN, NaN]];
  for (let i = 1; i < ASKED && Math.abs(off) > AGREES; i++) {
    const slope = (off - before[1]) / (log - before[0]);
    const next = slope < -0.02 && slope > -2 ? log - off / slope : Math.log(withNoiseOf(record, scale));
    before = [log, off];
    log = next;
    record = await put({ ...wanted, alpha: Math.exp(log) });
    off = excess(record, scale);
    if (Math.abs(off) < least) [nearest, least] = [record, Math.abs(off)];
  }
  return nearest;
};

/** How much wider the prior of the fit is than was asked for, as a logarithm; zero where it is not known. */
function excess(record: PageRecord, { of, size }: Scale): number {
  const j = record.features.names.indexOf(of);
  const { dispersion } = record.noise;
  if (j < 0 || dispersion === null) return 0;
  const off = Math.log(priorScale(record, record.path.alphas[record.path.index], j, dispersion) / record.features.unit[j] / size);
  return Number.isFinite(off) ? off : 0;
}

/** The alpha of that scale if the noise were that of the fit. */
function withNoiseOf(record: PageRecord, { of, size }: Scale): number {
  const j = record.features.names.indexOf(of);
  return alphaOfScale(record, size * record.features.unit[j], j, record.noise.dispersion!);
}

/** One question at a time; of those asked meanwhile only the last is put, and the others are forgotten. */
export function inTurn(put: Ask, done: (record: PageRecord, wanted: Wanted) => void, failed: (error: Error) => void) {
  let busy = false;
  let next: Wanted | null = null;
  return async function request(wanted: Wanted): Promise<void> {
    if (busy) {
      next = wanted;
      return;
    }
    busy = true;
    try {
      const record = await put(wanted);
      if (next === null) done(record, wanted);
    } catch (error) {
      if (next === null) failed(error as Error);
    } finally {
      busy = false;
    }
    if (next !== null) {
      const last = next;
      next = null;
      await request(last);
    }
  };
}
