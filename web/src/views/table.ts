import { add, counted, percent, seen, signed, told, writeName } from "../frame";
import type { PageRecord } from "../record";
import type { Store } from "../state";

const LONG = 40; // rows: a longer table is filled once the cursor rests

type Key = "name" | "raw" | "sd" | "kept";

export function mount(element: HTMLElement, record: PageRecord, store: Store): void {
  const { names, sd, unit } = record.features;
  const stability = record.stability;
  const row = add(element, "div", "", { class: "row controls" });
  const label = add(row, "label", "Search ");
  const search = add(label, "input", "", { type: "search", placeholder: "name of a feature" });
  const count = add(row, "span", "", { class: "note", role: "status" });
  const scroll = add(element, "div", "", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of coefficients" });
  const table = add(scroll, "table");
  const head = add(add(table, "thead"), "tr");
  const body = add(table, "tbody");
  const columns: [Key, string, string][] = [
    ["name", "feature", ""],
    ["raw", "coefficient", "in the units of the data"],
    ["sd", "per sd", "for one standard deviation of its column"],
    ...(stability ? ([["kept", "kept in", stability.words]] as [Key, string, string][]) : []),
  ];
  let sorted: Key = "sd";
  let down = true;
  const titles = columns.map(([key, name, title]) => {
    const th = add(head, "th", "", { scope: "col" });
    const button = add(th, "button", name, { type: "button", title });
    button.addEventListener("click", () => {
      [down, sorted] = [sorted === key ? !down : key !== "name", key];
      arrange();
    });
    return [key, th] as [Key, HTMLElement];
  });
  add(head, "th", "", { class: "bar", "aria-hidden": "true" });

  const values = (j: number, index: number) => {
    const acting = record.path.coefs[j][index];
    return { raw: acting / unit[j], sd: (acting * sd[j]) / unit[j] };
  };
  const keptAt = (j: number, index: number): number => {
    if (!stability) return 0;
    let k = 0;
    stability.indices.forEach((at, i) => (k = Math.abs(at - index) <= Math.abs(stability.indices[k] - index) ? i : k));
    return stability.frequency[j][k];
  };
  const rows = names.map((name, j) => {
    const tr = document.createElement("tr");
    const th = add(tr, "th", "", { scope: "row" });
    const button = add(th, "button", "", { type: "button", title: "show this feature in the pictures" });
    writeName(button, name);
    button.addEventListener("click", () => store.set({ feature: j }));
    const cells = columns.slice(1).map(() => add(tr, "td"));
    const bar = add(add(add(tr, "td", "", { class: "bar", "aria-hidden": "true" }), "i"), "b");
    return { tr, cells, bar, j };
  });
  const widestOf = (indices: number[]) => {
    let widest = 0;
    record.path.coefs.forEach((w, j) => indices.forEach((i) => (widest = Math.max(widest, Math.abs(w[i]) * (sd[j] / unit[j])))));
    return widest;
  };
  const usual = widestOf(record.path.alphas.slice(0, seen(record)).map((_, i) => i));

  const fill = (index: number) => {
    const widest = Math.max(usual, widestOf([index]));
    for (const { tr, cells, bar, j } of rows) {
      const { raw, sd: per } = values(j, index);
      cells[0].textContent = told(raw);
      cells[1].textContent = signed(per);
      if (cells[2]) cells[2].textContent = percent(keptAt(j, index));
      tr.className = raw === 0 ? "zero" : "";
      const width = widest ? (100 * Math.abs(per)) / widest : 0;
      bar.className = per < 0 ? "down" : "";
      bar.style.width = `${width}%`;
      bar.style.left = per < 0 ? `${-width}%` : "0";
    }
  };
  const arrange = () => {
    const index = store.now.index;
    const word = search.value.trim().toLowerCase();
    const size: { [key in Key]: (j: number) => number | string } = {
      name: (j) => names[j].toLowerCase(),
      raw: (j) => Math.abs(values(j, index).raw),
      sd: (j) => Math.abs(values(j, index).sd),
      kept: (j) => keptAt(j, index),
    };
    const at = size[sorted];
    const shown = rows.filter(({ j }) => names[j].toLowerCase().includes(word));
    shown.sort((a, b) => {
      const [u, v] = [at(a.j), at(b.j)];
      return (u < v ? -1 : u > v ? 1 : 0) * (down ? -1 : 1) || a.j - b.j;
    });
    body.replaceChildren(...shown.map(({ tr }) => tr));
    for (const [key, th] of titles)
      if (key === sorted) th.setAttribute("aria-sort", down ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
    count.textContent = word ? `${shown.length} of ${counted(rows.length, "feature")}` : "";
  };
  search.addEventListener("input", arrange);
  const intercept = add(element, "p", "", { class: "note" });
  const value = add(intercept, "span");
  add(intercept, "span", " Bars show the coefficient per standard deviation.", { class: "bars" });
  if (record.features.left_out) intercept.append(` ${counted(record.features.left_out, "feature is", "features are")} not listed.`);
  let resting = 0;
  store.subscribe((state, changed) => {
    if (!changed("index")) return;
    clearTimeout(resting);
    if (rows.length <= LONG || !body.hasChildNodes()) fill(state.index);
    else resting = window.setTimeout(() => fill(state.index), 120);
    const b = record.path.intercepts[state.index];
    value.textContent = record.has_intercept ? `Intercept: ${told(b, 6)}.` : "No intercept.";
  });
  arrange();
  // What is sorted by a number follows the cursor once it rests.
  let timer = 0;
  store.subscribe((_, changed) => {
    if (!changed("index") || sorted === "name") return;
    clearTimeout(timer);
    timer = window.setTimeout(arrange, 250);
  });
}
