import { scaleLinear } from "d3-scale";
import { add, chart, counted, cuts, percent, told, type Svg } from "../frame";
import type { PageRecord } from "../record";
import type { Store } from "../state";

const MOST = 25;
const WORD = 36; // as wide as a share, with room on either side
const STEP = 19;

/** The event by which the reader asks for draws of a refit. */
export const DRAW = "draw";

/** How often each feature is kept when half of the rows are drawn again. */
export function mount(element: HTMLElement, record: PageRecord, store: Store): void {
  const stability = record.stability;
  if (!stability) {
    add(element, "p", record.drawn ? "Too few rows to draw halves of them." : "For this fit no halves of the rows have been drawn yet.", { class: "note" });
    if (record.drawn) return;
    const button = add(element, "button", "Draw them", { type: "button", title: "fits every half again, which is slower" });
    button.addEventListener("click", () => button.dispatchEvent(new CustomEvent(DRAW, { bubbles: true })));
    return;
  }
  const last = stability.indices.length - 1;
  const order = record.features.names
    .map((_, j) => j)
    .sort((a, b) => stability.frequency[b][last] - stability.frequency[a][last] || Math.abs(size(record, b)) - Math.abs(size(record, a)))
    .slice(0, MOST);
  const saying = add(element, "p", "", { class: "saying", "aria-live": "polite" });
  const height = 40 + STEP * order.length;
  let place: (k: number) => void = () => {};
  const nearest = (index: number) => {
    let k = 0;
    stability.indices.forEach((at, i) => (k = Math.abs(at - index) < Math.abs(stability.indices[k] - index) ? i : k));
    return k;
  };
  const draw = (svg: Svg, width: number) => {
    const left = Math.min(200, width * 0.42);
    const x = scaleLinear().domain([0, 1]).range([left, width - 46]);
    for (const share of [0, 0.5, 1]) {
      svg.append("line").attr("class", share === 0.5 ? "mark" : "zero").attr("x1", x(share)).attr("x2", x(share)).attr("y1", 22).attr("y2", height - 10);
      svg.append("text").attr("class", "soft").attr("x", x(share)).attr("y", 14).attr("text-anchor", "middle").text(percent(share));
    }
    const most = Math.floor((left - 10) / 7.2);
    const short = cuts(order.map((j) => record.features.names[j]), most);
    const rows = order.map((j, i) => {
      const y = 34 + STEP * i;
      const name = record.features.names[j];
      svg
        .append("text")
        .attr("x", left - 8)
        .attr("y", y + 4)
        .attr("text-anchor", "end")
        .text(short[i])
        .append("title")
        .text(name);
      return {
        j,
        bar: svg.append("rect").attr("x", left).attr("y", y - 5).attr("height", 10).attr("fill", "var(--c0)"),
        text: svg.append("text").attr("class", "halo").attr("y", y + 4),
      };
    });
    place = (k) => {
      for (const { j, bar, text } of rows) {
        const share = stability.frequency[j][k];
        bar.attr("width", x(share) - left).attr("data-share", share);
        const crossed = share < 0.5 && x(share) + WORD > x(0.5); // the line of one half would strike it through
        text.attr("x", (crossed ? x(0.5) : x(share)) + 5).text(percent(share));
      }
    };
    place(nearest(store.now.index));
  };
  chart(element, "The share of draws in which each feature is kept; the table has the same numbers.", height, draw);
  add(element, "p", `Draws: ${stability.words}.${record.features.names.length > MOST ? ` The ${MOST} kept most often are drawn.` : ""}`, { class: "note" });
  store.subscribe((state, changed) => {
    if (!changed("index")) return;
    const k = nearest(state.index);
    place(k);
    const sure = record.features.names.filter((_, j) => stability.frequency[j][k] >= 0.9).length;
    const at = stability.indices[k];
    saying.textContent =
      `At alpha = ${told(record.path.alphas[at])}, ${counted(sure, "feature is", "features are")} kept in at least nine of ten draws.` +
      (state.index > at ? " (Weaker penalties than the chosen one were not drawn.)" : "");
  });
}

const size = (record: PageRecord, j: number): number =>
  record.path.coefs[j][record.path.index] * (record.features.sd[j] / record.features.unit[j]);
