/** An SVG with two axes that follows the width of its place; the domain and the pixels are on it as data, for tests. */

import { axisBottom, axisLeft } from "d3-axis";
import { format } from "d3-format";
import { scaleLinear, type NumberValue, type ScaleLinear } from "d3-scale";
import { select, type Selection } from "d3-selection";
import { add, cuts, told } from "./frame";

export type Layer = Selection<SVGGElement, unknown, null, undefined>;
export type Scale = ScaleLinear<number, number>;

export interface Margin {
  top: number;
  right: number;
  bottom: number;
  left: number;
}

export const MARGIN: Margin = { top: 12, right: 16, bottom: 40, left: 52 };
const USUAL = 480; // pixels, where nothing has been laid out yet

export interface Frame {
  svg: SVGSVGElement;
  /** what is drawn in the plot's own pixels, cut at its edges */
  layer: Layer;
  /** above it, not cut: labels and handles */
  above: Layer;
  x: Scale;
  y: Scale;
  /** place the axes for these domains */
  domain(x: [number, number], y: [number, number] | null): void;
}

/** A frame `height` high (given its width), drawn anew by `draw` whenever its width changes. */
export function frame(
  element: HTMLElement,
  label: string,
  height: (width: number) => number,
  [xTitle, yTitle]: [string, string],
  draw: (frame: Frame) => void,
  margin: Margin = MARGIN,
): void {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("role", "group"); // not an image: handles within it take the focus
  svg.setAttribute("aria-label", label);
  svg.style.display = "block";
  svg.style.width = "100%";
  element.append(svg);
  let last = 0;
  const build = () => {
    const width = Math.max(Math.floor(element.clientWidth || USUAL), 240);
    if (width === last) return;
    last = width;
    draw(lay(svg, width, Math.round(height(width)), xTitle, yTitle, margin));
  };
  build();
  if (typeof ResizeObserver !== "undefined") new ResizeObserver(() => requestAnimationFrame(build)).observe(element);
}

let count = 0;

function lay(svg: SVGSVGElement, width: number, height: number, xTitle: string, yTitle: string, margin: Margin): Frame {
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.style.height = `${height}px`;
  const [inner, deep] = [width - margin.left - margin.right, height - margin.top - margin.bottom];
  const root = select(svg).append("g").attr("transform", `translate(${margin.left},${margin.top})`);
  const clip = `clip-${++count}`;
  root.append("clipPath").attr("id", clip).append("rect").attr("width", inner).attr("height", deep);
  const [below, beside] = [root.append("g").attr("class", "axis"), root.append("g").attr("class", "axis")];
  below.attr("transform", `translate(0,${deep})`);
  const text = (anchor: string) => root.append("text").attr("class", "axis-title").attr("text-anchor", anchor);
  text("middle").attr("x", inner / 2).attr("y", deep + 34).text(xTitle);
  text("middle").attr("transform", `translate(${-margin.left + 11},${deep / 2}) rotate(-90)`).text(yTitle);
  const layer = root.append("g").attr("clip-path", `url(#${clip})`) as Layer;
  const above = root.append("g") as Layer;
  const x = scaleLinear().range([0, inner]);
  const y = scaleLinear().range([deep, 0]);
  return {
    svg,
    layer,
    above,
    x,
    y,
    domain(xs, ys) {
      x.domain(xs);
      below.call(axisBottom(x).ticks(Math.max(3, inner / 90)).tickFormat(onAxis).tickSizeOuter(0));
      if (ys !== null) {
        y.domain(ys);
        beside.call(axisLeft(y).ticks(Math.max(3, deep / 60)).tickFormat(onAxis).tickSizeOuter(0));
      }
      Object.assign(svg.dataset, {
        x0: xs[0], x1: xs[1], y0: ys?.[0] ?? 0, y1: ys?.[1] ?? 1, width: inner, height: deep,
      });
    },
  };
}

/** A number on an axis: there is room for seven characters beside the title. */
const onAxis = (value: NumberValue): string => {
  const x = Number(value);
  const long = Math.abs(x) >= 1e4 || (x !== 0 && Math.abs(x) < 1e-2);
  return long ? format(".2~e")(x).replaceAll("-", "−").replace("+", "") : told(x, 4);
};

/** Name j in the title of an axis, cut where beside `more` characters it would be longer than that axis. */
export const fitting = (names: string[], j: number, more: number, canvas: Frame | null, side: "x" | "y" = "x"): string => {
  const room = canvas === null ? USUAL : Math.abs(canvas[side].range()[1] - canvas[side].range()[0]);
  return cuts(names, Math.max(Math.floor(room / 7) - more, 8))[j];
};

/** Three significant digits. */
export const short = (x: number): string => told(x, 3);

/** The sentence beside a view, read aloud when it changes. */
export const saying = (element: HTMLElement): HTMLElement => add(element, "p", "", { class: "saying", "aria-live": "polite" });
