import "./style.css";
import type { PageRecord } from "./record";
import { start, Store } from "./state";

export type View = (element: HTMLElement, record: PageRecord, store: Store) => void;

/** What stands on the page, in order: id, heading, view. */
const SECTIONS: [string, string, View][] = [];

/** Mount every view, from scratch. The explorer calls it again with what the server sends. */
export function show(record: PageRecord, store: Store = new Store(start(record))): Store {
  const page = document.getElementById("page")!;
  store.clear();
  page.replaceChildren();
  document.title = record.title;
  for (const [id, heading, view] of SECTIONS) {
    const section = document.createElement("section");
    section.id = id;
    section.setAttribute("aria-labelledby", `${id}-heading`);
    const title = document.createElement("h2");
    title.id = `${id}-heading`;
    title.textContent = heading;
    section.append(title);
    page.append(section);
    view(section, record, store);
  }
  return store;
}

const text = document.getElementById("record")?.textContent;
if (text && text.trim() !== "null") show(JSON.parse(text));
