/** What the tests of views share: records of real fits, a place to mount a view in, and a store that tells it at once. */

import type { PageRecord } from "../src/record";
import { start, Store, type State } from "../src/state";
import type { View } from "../src/main";
import stored from "./records.json";

export const records = stored as unknown as Record<"l1" | "l2" | "elastic_net" | "mcp" | "group" | "logistic" | "refit", PageRecord>;
export const at = (name: string): number => records.l1.features.names.indexOf(name);

export interface Shown {
  element: HTMLElement;
  store: Store;
  /** the text of the first element that fits the selector, in the view */
  text(selector: string): string;
  all<E extends Element>(selector: string): E[];
}

export function show(view: View, record: PageRecord, state: Partial<State> = {}): Shown {
  document.body.replaceChildren();
  const element = document.createElement("section");
  document.body.append(element);
  const store = new Store({ ...start(record), ...state }, (run) => run());
  view(element, record, store);
  const all = <E extends Element>(selector: string) => [...element.querySelectorAll<E>(selector)];
  return { element, store, all, text: (selector) => all(selector)[0]?.textContent ?? "" };
}

export function choose(input: HTMLInputElement | HTMLSelectElement, value: string, event = "change"): void {
  input.value = value;
  input.dispatchEvent(new Event(event, { bubbles: true }));
}

export const press = (element: Element, key: string): boolean =>
  element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
