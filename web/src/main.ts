import "./style.css";
import * as cursor from "./cursor";
import { explore } from "./explorer";
import { add } from "./frame";
import type { PageRecord } from "./record";
import { start, Store } from "./state";
import * as calibration from "./views/calibration";
import * as certificate from "./views/certificate";
import * as curve from "./views/curve";
import * as geometry from "./views/geometry";
import * as path from "./views/path";
import * as prior from "./views/prior";
import * as shrinkage from "./views/shrinkage";
import * as stability from "./views/stability";
import * as summary from "./views/summary";
import * as table from "./views/table";

export type View = (element: HTMLElement, record: PageRecord, store: Store) => void;

/** What stands on the page, in order: id, heading, view. Those in one list stand side by side where there is room. */
const SECTIONS: [string, string, View][][] = [
  [["path", "The path: how coefficients come in", path.mount], ["curve", "Training and held-out error", curve.mount]],
  [["geometry", "Geometry: where the loss meets the penalty", geometry.mount], ["prior", "The penalty as a prior", prior.mount]],
  [["table", "Coefficients", table.mount]],
  [["shrinkage", "What the penalty does to each coefficient", shrinkage.mount], ["stability", "Would another sample choose the same?", stability.mount]],
  [["fitted", "Predictions against what was observed", calibration.mount], ["certificate", "Certificate: is this the optimum?", certificate.mount]],
  [["meaning", "What alpha means", summary.meaning], ["source", "Where this came from", summary.source]],
];

/** Mount every view, from scratch. The explorer calls it again with what the server sends. */
export function show(record: PageRecord, store: Store = new Store(start(record))): Store {
  const page = document.getElementById("page")!;
  store.clear();
  page.replaceChildren();
  document.title = record.title;
  const answer = add(page, "div", "", { id: "answer" });
  heading(answer, record);
  summary.mount(answer, record, store);
  cursor.mount(page, record, store);
  for (const some of SECTIONS) {
    const host = some.length > 1 ? add(page, "div", "", { class: "pair" }) : page;
    for (const [id, title, view] of some) {
      const section = add(host, "section", "", { id, "aria-labelledby": `${id}-heading`, tabindex: "-1" });
      add(section, "h2", title, { id: `${id}-heading` });
      view(section, record, store);
    }
  }
  return store;
}

const night = matchMedia("(prefers-color-scheme: dark)");

function heading(element: HTMLElement, record: PageRecord): void {
  const head = add(element, "div", "", { class: "head" });
  add(head, "h1", record.title);
  const themes = add(head, "div", "", { class: "row controls" });
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ?? (night.matches ? "dark" : "light")) === "dark";
  const button = add(themes, "button", "", { type: "button", "aria-label": "Switch between light and dark" });
  const name = () => (button.textContent = dark() ? "Light" : "Dark");
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    name();
  });
  name();
  night.onchange = name;
  const print = add(themes, "button", "Print", { type: "button" });
  print.addEventListener("click", () => window.print());
}

const text = document.getElementById("record")?.textContent;
if (text && text.trim() !== "null") {
  const record: PageRecord = JSON.parse(text);
  if (record.live) explore(record, show);
  else show(record);
}
