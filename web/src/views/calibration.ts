import { axisBottom } from "d3-axis";
import { extent } from "d3-array";
import { scaleLinear } from "d3-scale";
import { add, chart, counted, leftAxis, told, type Svg } from "../frame";
import type { PageRecord } from "../record";
import type { Store } from "../state";

const HEIGHT = 330;

/** Of a yes/no target its calibration, of a number the residuals. Both of the chosen model. */
export function mount(element: HTMLElement, record: PageRecord, _: Store): void {
  const fitted = record.fitted;
  if (!fitted || !fitted.fitted.length) {
    add(element, "p", "Nothing to show: there are no predictions of the rows.", { class: "note" });
    return;
  }
  if (fitted.kind === "calibration") calibration(element, record);
  else residuals(element, record);
  const thinned = fitted.kind === "residuals" && fitted.fitted.length < fitted.rows ? ` ${fitted.fitted.length} of ${fitted.rows} rows are drawn: evenly along the predictions, with the largest residuals on either side.` : "";
  add(element, "p", `The chosen model; ${fitted.words}.${thinned}`, { class: "note" });
}

function bottomAxis(svg: Svg, x: any, bottom: number, label: string): void {
  svg.append("g").attr("transform", `translate(0,${bottom})`).call(axisBottom(x).ticks(5).tickFormat((v) => told(+v, 3)).tickSizeOuter(0));
  svg.append("text").attr("class", "soft").attr("x", (x.range()[0] + x.range()[1]) / 2).attr("y", bottom + 34).attr("text-anchor", "middle").text(label);
}

function calibration(element: HTMLElement, record: PageRecord): void {
  const { fitted, observed, counts } = record.fitted!;
  const off = fitted.map((p, i) => Math.abs(p - observed[i]));
  const total = counts.reduce((a, b) => a + b, 0);
  const mean = off.reduce((sum, d, i) => sum + d * counts[i], 0) / total;
  add(element, "p", `On average the predicted probability is ${told(100 * mean, 2)}% away from the share observed, in ${counted(fitted.length, "bin")} of about as many rows each.`);
  chart(element, "Predicted probability against the share observed; on the diagonal they agree.", HEIGHT, (svg, width) => {
    const [top, bottom, left, right] = [50, HEIGHT - 44, 52, width - 20];
    const x = scaleLinear().domain([0, 1]).range([left, right]);
    const y = scaleLinear().domain([0, 1]).range([bottom, top]);
    leftAxis(svg, y, left, `share of ${record.classes ? record.classes[1] : "1"} observed`, top + 24);
    bottomAxis(svg, x, bottom, "probability predicted");
    svg.append("line").attr("class", "mark").attr("x1", x(0)).attr("y1", y(0)).attr("x2", x(1)).attr("y2", y(1));
    fitted.forEach((p, i) => {
      // The binomial's standard error at the predicted probability, on either side.
      const se = Math.sqrt(Math.max(p * (1 - p), 0) / counts[i]);
      const [low, high] = [Math.max(observed[i] - 2 * se, 0), Math.min(observed[i] + 2 * se, 1)];
      svg.append("line").attr("x1", x(p)).attr("x2", x(p)).attr("y1", y(low)).attr("y2", y(high)).attr("stroke", "var(--c0)");
      svg.append("circle").attr("class", "dot").attr("cx", x(p)).attr("cy", y(observed[i])).attr("r", 4);
    });
  });
}

function residuals(element: HTMLElement, record: PageRecord): void {
  const { fitted, observed } = record.fitted!;
  const left_over = observed.map((y, i) => y - fitted[i]);
  const sizes = left_over.map(Math.abs).sort((a, b) => a - b);
  const half = sizes[Math.floor(sizes.length / 2)];
  add(element, "p", `Half of the predictions are off by less than ${told(half, 3)} (units of ${record.target}); the largest miss is ${told(sizes[sizes.length - 1], 3)}.`);
  chart(element, "Residuals against predictions; a fit that misses nothing systematic scatters evenly about zero.", HEIGHT, (svg, width) => {
    const [top, bottom, left, right] = [50, HEIGHT - 44, 60, width - 20];
    const x = scaleLinear().domain(extent(fitted) as [number, number]).nice().range([left + 8, right - 6]);
    const [low, high] = extent(left_over) as [number, number];
    const y = scaleLinear().domain([Math.min(low, 0), Math.max(high, 0)]).nice().range([bottom - 6, top + 6]);
    leftAxis(svg, y, left, "observed − predicted", top + 24);
    bottomAxis(svg, x, bottom, `predicted ${record.target}`);
    svg.append("line").attr("class", "zero").attr("x1", left).attr("x2", right).attr("y1", y(0)).attr("y2", y(0));
    fitted.forEach((f, i) => svg.append("circle").attr("class", "dot").attr("cx", x(f)).attr("cy", y(left_over[i])).attr("r", 2.6).attr("opacity", 0.6));
  });
}
