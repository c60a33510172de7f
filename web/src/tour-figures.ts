/** Small pictures of the tour: functions of one coefficient, the same for all data. */

import { line } from "d3-shape";
import { scaleLinear } from "d3-scale";
import { select } from "d3-selection";

const [WIDTH, HEIGHT] = [170, 116];
const path = line<[number, number]>();

interface Curve {
  name: string;
  colour: string;
  of: (w: number) => number;
}

const ONE = "var(--accent2)";
const TWO = "var(--accent)";

/** |w| and w^2 / 2. */
export function penalties(element: HTMLElement): void {
  plot(element, "what each charges", 2, 2, [
    { name: "|w|", colour: ONE, of: Math.abs },
    { name: "w²/2", colour: TWO, of: (w) => (w * w) / 2 },
  ], false, WIDTH / 2 + 4);
  plot(element, "their gradients", 2, 2, [
    { name: "sign(w)", colour: ONE, of: Math.sign },
    { name: "w", colour: TWO, of: (w) => w },
  ], true);
}

/** Densities of the same variance, and their logarithms. */
export function densities(element: HTMLElement): void {
  const laplace = (w: number) => Math.exp(-Math.SQRT2 * Math.abs(w)) / Math.SQRT2;
  const normal = (w: number) => Math.exp((-w * w) / 2) / Math.sqrt(2 * Math.PI);
  plot(element, "densities", 4, 0.72, [
    { name: "Laplace", colour: ONE, of: laplace },
    { name: "Gaussian", colour: TWO, of: normal },
  ]);
  plot(element, "log densities", 4, 8.6, [
    { name: "Laplace", colour: ONE, of: (w) => Math.log(laplace(w)) + 8.6 },
    { name: "Gaussian", colour: TWO, of: (w) => Math.log(normal(w)) + 8.6 },
  ]);
}

/** A coefficient of 1 under each push alone, step after step of rate 0.15. */
export function steps(element: HTMLElement): void {
  const rate = 0.15;
  const count = 14;
  const [lasso, ridge] = [[1], [1]];
  for (let i = 1; i < count; i++) {
    lasso.push(Math.max(lasso[i - 1] - rate, 0));
    ridge.push(ridge[i - 1] * (1 - rate));
  }
  const { svg, x, y } = axes(element, "a coefficient, step after step", [0, count - 1], [0, 1], 2 * WIDTH);
  for (const [values, colour, name] of [[lasso, ONE, "lasso: zero"], [ridge, TWO, "ridge: never"]] as const) {
    const points = values.map((w, i): [number, number] => [x(i), y(w)]);
    svg.append("path").attr("d", path(points)).attr("fill", "none").attr("stroke", colour).attr("stroke-width", 1.5);
    svg.selectAll(null).data(points).join("circle").attr("r", 2.5).attr("fill", colour)
      .attr("cx", (d) => d[0]).attr("cy", (d) => d[1]);
    const [tx, ty] = points[name.startsWith("lasso") ? 7 : 6];
    svg.append("text").attr("x", tx + 6).attr("y", name.startsWith("lasso") ? ty - 5 : ty - 8).style("fill", colour).text(name);
  }
}

function plot(element: HTMLElement, title: string, half: number, top: number, curves: Curve[], signed = false, named = 4): void {
  const { svg, x, y } = axes(element, title, [-half, half], [signed ? -top : 0, top], WIDTH);
  curves.forEach((curve, i) => {
    const grid = Array.from({ length: 201 }, (_, k) => -half + (2 * half * k) / 200);
    const points = grid.map((w): [number, number] => [x(w), y(curve.of(w))]);
    svg.append("path").attr("d", path(points)).attr("fill", "none").attr("stroke", curve.colour).attr("stroke-width", 2);
    svg.append("text").attr("x", named).attr("y", 28 + 13 * i).style("fill", curve.colour).text(curve.name);
  });
}

function axes(element: HTMLElement, title: string, xs: [number, number], ys: [number, number], width: number) {
  const svg = select(element).append("svg").attr("viewBox", `0 0 ${width} ${HEIGHT}`).attr("role", "img").attr("aria-label", title)
    .style("width", `${width}px`);
  const x = scaleLinear(xs, [4, width - 4]);
  const y = scaleLinear(ys, [HEIGHT - 6, 18]);
  svg.append("text").attr("x", width / 2).attr("y", 11).attr("text-anchor", "middle").text(title);
  for (const [a, b] of [[[xs[0], 0], [xs[1], 0]], [[0, ys[0]], [0, ys[1]]]])
    svg.append("line").attr("x1", x(a[0])).attr("y1", y(a[1])).attr("x2", x(b[0])).attr("y2", y(b[1])).attr("stroke", "var(--line)");
  return { svg, x, y };
}
