/** The page alive: what the controls ask for is fitted by the server and shown, in place of what was there. */

import { panel, wantedOf } from "./controls";
import type { PageRecord } from "./record";
import { nearest } from "./scene";
import { ask, inTurn, solving, type Wanted } from "./server";
import { start, Store, type State } from "./state";
import { guide } from "./tour";
import { DRAW } from "./views/stability";

type Show = (record: PageRecord, store: Store) => Store;

export function explore(first: PageRecord, show: Show): void {
  const host = document.createElement("header");
  document.getElementById("page")!.before(host);
  const original = wantedOf(first);
  let record = first;
  let wanted = original;
  let asking = original; // with what has been asked for and not yet answered
  let store = new Store(start(first));
  let began = 0;
  let waiting: (() => void)[] = [];

  const settle = () => {
    waiting.forEach((resume) => resume());
    waiting = [];
  };
  const put = (newRecord: PageRecord, newWanted: Wanted, state: State) => {
    [record, wanted, asking, store] = [newRecord, newWanted, newWanted, new Store(state)];
    show(record, store);
    controls.show(record, store, wanted);
    document.documentElement.dataset.penalty = record.penalty.kind;
  };
  const request = inTurn(
    solving(ask),
    (found, sought) => {
      const asked = sought.scale === null ? sought : { ...sought, scale: null, alpha: found.path.alphas[found.path.index] };
      const had = sought.scale === null ? wanted : { ...wanted, alpha: null }; // an alpha solved for is gone to, also the same again
      put(found, asked, carried(record, store.now, found, asked, had));
      const took = Math.round(performance.now() - began);
      document.documentElement.dataset.answered = String(took);
      controls.say(`fitted in ${took} ms`, "status");
      settle();
    },
    (error) => {
      asking = wanted;
      controls.show(record, store, wanted);
      controls.say(error.message, "error");
      settle();
    },
  );
  const change = (part: Partial<Wanted>): Promise<void> => {
    began = performance.now();
    controls.say("fitting …", "status");
    const done = new Promise<void>((resume) => waiting.push(resume));
    asking = { ...asking, evidence: false, ...("alpha" in part ? { scale: null } : {}), ...part };
    void request(asking);
    return done;
  };
  const reset = () => {
    put(first, original, start(first));
    controls.say("as it was fitted", "status");
  };
  const squared = first.loss.name === "squared_error";
  const tour = guide({ record: () => record, store: () => store, ask: change, wanted: () => wanted });
  const controls = panel(host, first.features.names, squared, (part) => void change(part), [
    ["Guided tour", tour],
    ["Start again", reset],
  ]);
  document.getElementById("page")!.addEventListener(DRAW, () => {
    void change({ evidence: true }).then(() => {
      if (document.activeElement === document.body) document.getElementById("stability")?.focus(); // the button is gone
    });
  });
  put(first, original, store.now);
}

/** The reader's choices, taken over to another fit: features by name, alpha by its value or, for another penalty, as chosen. */
export function carried(before: PageRecord, state: State, after: PageRecord, asked: Wanted, had: Wanted): State {
  const place = (j: number) => after.features.names.indexOf(before.features.names[j]);
  const fresh = start(after);
  const pair = state.pair.map(place) as [number, number];
  const feature = place(state.feature);
  const another = asked.penalty !== had.penalty || asked.standardize !== had.standardize || asked.l1_ratio !== had.l1_ratio;
  const index = (asked.alpha !== null && asked.alpha !== had.alpha) || another ? after.path.index : nearest(after, before.path.alphas[state.index]);
  return {
    ...state,
    index,
    pair: pair.every((j) => j >= 0) ? pair : fresh.pair,
    feature: feature >= 0 ? feature : fresh.feature,
  };
}
