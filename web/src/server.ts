/** The loopback server behind the page: what the controls say goes out, a record or one sentence comes back. */

import type { PageRecord } from "./record";

/** What the controls say; null leaves a choice to the server. Mirrors `Controls` in src/shrinkage/page/explore.py. */
export interface Wanted {
  penalty: string;
  l1_ratio: number;
  standardize: boolean;
  drop: string[];
  alpha: number | null;
  noise: number | null;
  evidence: boolean; // draw halves of the rows: slower
}

export type Ask = (wanted: Wanted) => Promise<PageRecord>;

/** `POST fit`, relative to the page's own address, which holds the token. Rejects with the server's sentence. */
export const ask: Ask = async (wanted) => {
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
