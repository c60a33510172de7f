/** The one control of alpha: a slider that every picture follows, and the three places worth going to. */
import { add, told } from "./frame";
import { dialAt, type PageRecord } from "./record";
import type { Store } from "./state";

export function mount(element: HTMLElement, record: PageRecord, store: Store): void {
  const { path, curve } = record;
  const bar = add(element, "div", "", { class: "cursor", role: "group", "aria-label": "Strength of the penalty" });
  const row = add(bar, "div", "", { class: "row" });
  const label = add(row, "label", "alpha", { for: "alpha" });
  label.title = "strong penalty left, weak right; the arrow keys move it";
  const slider = add(row, "input", "", { type: "range", id: "alpha", min: "0", max: String(path.alphas.length - 1), step: "1" });
  slider.addEventListener("input", () => store.set({ index: +slider.value }));
  const output = add(row, "output", "", { for: "alpha" });
  const places: [string, string, number][] = [["chosen", "the model that was fitted", path.index]];
  if (curve) {
    places.push(["min", "the smallest held-out error", curve.index_min]);
    places.push(["1se", "the strongest penalty within one standard error of it", curve.index_1se]);
  }
  const buttons = places.map(([name, title, index]) => {
    const button = add(row, "button", name, { type: "button", title });
    button.addEventListener("click", () => store.set({ index }));
    return [button, index] as [HTMLButtonElement, number];
  });
  store.subscribe((state, changed) => {
    if (!changed("index")) return;
    const alpha = path.alphas[state.index];
    const dial = record.dial.name === "alpha" && record.dial.factor === 1 ? "" : `, ${record.dial.name} = ${told(dialAt(record, alpha))}`;
    const words = `${told(alpha)}${dial}: ${path.nonzeros[state.index]} of ${record.p} kept, ${told(100 * path.explained[state.index], 3)}% explained`;
    slider.value = String(state.index);
    slider.setAttribute("aria-valuetext", `alpha ${words}`);
    output.textContent = words;
    output.dataset.alpha = String(alpha); // every digit, for those who fit it again
    for (const [button, index] of buttons) button.setAttribute("aria-pressed", String(index === state.index));
  });
}
