import { axisLeft } from "d3-axis";
import { scaleLinear } from "d3-scale";
import { add, alphaAxes, alphaScale, chart, cursor, follow, logAlphas, told, type Svg } from "../frame";
import type { PageRecord } from "../record";
import type { Store } from "../state";

const HEIGHT = 270;
const LEAST = 1e-16;
const ROUNDING = 1e-14; // a smaller gap is a rounding, and no sentence claims it

export function mount(element: HTMLElement, record: PageRecord, store: Store): void {
  const { path } = record;
  add(element, "p", path.certificate_words);
  const saying = add(element, "p", "", { class: "saying", "aria-live": "polite" });
  const logs = path.certificates.map((c) => Math.log10(Math.max(c ?? 1, LEAST)));
  const draw = (svg: Svg, width: number) => {
    const [top, bottom, left, right] = [62, HEIGHT - 44, 60, width - 70];
    const x = alphaScale(record, left, right);
    const limit = Math.log10(path.tol);
    const y = scaleLinear().domain([Math.min(...logs, limit - 1) - 0.5, Math.max(...logs, limit) + 1]).range([bottom, top]);
    alphaAxes(svg, record, x, top, bottom);
    const ticks = y.ticks(5).filter(Number.isInteger);
    svg
      .append("g")
      .attr("transform", `translate(${left},0)`)
      .call(axisLeft(y).tickValues(ticks).tickFormat((k) => `1e${k}`.replace("-", "−")).tickSizeOuter(0));
    svg.append("text").attr("class", "soft").attr("x", 0).attr("y", top - 42).text(`relative ${path.certificate_kind}`);
    cursor(svg, record, store, x, top, bottom);
    svg.append("line").attr("class", "mark").attr("x1", left).attr("x2", right).attr("y1", y(limit)).attr("y2", y(limit));
    svg.append("text").attr("class", "soft").attr("x", right + 4).attr("y", y(limit) + 4).text("tolerance");
    const at = logAlphas(record);
    logs.forEach((value, i) =>
      svg
        .append("circle")
        .attr("cx", x(at[i]))
        .attr("cy", y(value))
        .attr("r", 2.5)
        .attr("fill", value <= limit ? "var(--c0)" : "var(--c1)")
        .style("pointer-events", "none"),
    );
    svg.select<SVGLineElement>(".at").raise();
  };
  const svg = chart(element, `The certificate of every model on the path, against the tolerance ${told(path.tol)}.`, HEIGHT, draw);
  store.subscribe((state, changed) => {
    if (!changed("index")) return;
    follow(svg);
    const found = path.certificates[state.index];
    const rounding = path.certificate_kind === "duality gap" && found < ROUNDING;
    saying.textContent =
      `At alpha = ${told(path.alphas[state.index])} the relative ${path.certificate_kind} is ${rounding ? `at most ${told(ROUNDING, 2)}` : told(found, 2)}, ` +
      `${found <= path.tol ? "within" : "beyond"} the tolerance ${told(path.tol)}: ` +
      (found <= path.tol ? proved(record) : "this model is not certified.");
  });
}

/** What a certificate that holds says: a gap bounds the distance to the optimum, a violation does not. */
function proved(record: PageRecord): string {
  if (record.path.certificate_kind === "duality gap") return "the optimum is proved to be no further off.";
  return `the optimality conditions hold${record.penalty.convex ? "" : ", at a point that need not be the lowest: the penalty is not convex"}.`;
}
