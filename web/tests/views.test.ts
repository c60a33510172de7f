// @vitest-environment jsdom
/** What each view says and marks, of real fits, as the one cursor and the reader's choices move. */

import { beforeEach, describe, expect, it } from "vitest";
import * as calibration from "../src/views/calibration";
import * as certificate from "../src/views/certificate";
import * as curve from "../src/views/curve";
import * as geometry from "../src/views/geometry";
import * as path from "../src/views/path";
import * as prior from "../src/views/prior";
import * as shrinkage from "../src/views/shrinkage";
import * as stability from "../src/views/stability";
import * as summary from "../src/views/summary";
import * as table from "../src/views/table";
import { told } from "../src/frame";
import { alphaOfScale, belief, nearest, priorScale } from "../src/scene";
import { at, choose, press, records, show, type Shown } from "./page";

const { l1, l2, mcp, group, elastic_net, logistic, refit } = records;
const [DOSE, AGE, WEIGHT, NOISE] = ["dose", "age", "weight", "noise"].map(at);
const CHOSEN = l1.path.index;
const LAST = l1.path.alphas.length - 1;
const number = (element: Element, name: string) => Number(element.getAttribute(name));

describe("the path", () => {
  let view: Shown;
  beforeEach(() => (view = show(path.mount, l1)));

  it("draws every coefficient and names it", () => {
    expect(view.all("path.coefficient").map((line) => number(line, "data-feature")).sort()).toEqual([0, 1, 2, 3]);
    expect(view.all("text.label").map((label) => label.textContent!.replace(/(.+)\1/, "$1")).sort()).toEqual([...l1.features.names].sort());
  });

  it("says how many are kept, and where the chosen one stands or comes in", () => {
    view.store.set({ feature: NOISE });
    expect(view.text(".saying")).toContain(`keeps 3 of 4 features. noise is exactly zero, and comes in at alpha = ${told(l1.path.alphas[7])}`);
    view.store.set({ index: LAST });
    expect(view.text(".saying")).toContain("keeps 4 of 4 features. noise stands at −0.124 per standard deviation");
    view.store.set({ index: 0, feature: DOSE });
    expect(view.text(".saying")).toContain(`At alpha = ${told(l1.path.alphas[0])} the model keeps 0 of 4`);
  });

  it("puts its line where the cursor is: a weaker penalty further right", () => {
    const places = [0, CHOSEN, LAST].map((index) => {
      view.store.set({ index });
      expect(number(view.all(".at")[0], "data-index")).toBe(index);
      return number(view.all(".at")[0], "x1");
    });
    expect(places[0]).toBeLessThan(places[1]);
    expect(places[1]).toBeLessThan(places[2]);
  });

  it("chooses a feature by a click on its line or name, and marks both", () => {
    view.all<SVGPathElement>(`path.coefficient[data-feature="${AGE}"]`)[0].dispatchEvent(new MouseEvent("click"));
    expect(view.store.now.feature).toBe(AGE);
    expect(view.all("path.chosen").map((line) => number(line, "data-feature"))).toEqual([AGE]);
    view.all<SVGTextElement>(`text.label[data-feature="${WEIGHT}"]`)[0].dispatchEvent(new MouseEvent("click"));
    expect(view.all("path.chosen").map((line) => number(line, "data-feature"))).toEqual([WEIGHT]);
    expect(view.all<SVGTextElement>("text.label").filter((label) => label.style.fontWeight === "700")).toHaveLength(1);
  });
});

describe("training and held-out error", () => {
  const { index_min, index_1se } = l1.curve!;

  it("says on which side of the minimum the cursor is", () => {
    const view = show(curve.mount, l1, { index: index_min });
    expect(view.text(".saying")).toContain("This is the minimum.");
    expect(view.text(".saying")).toContain(told(l1.curve!.mean[index_min]));
    view.store.set({ index: 0 });
    expect(view.text(".saying")).toContain("too strong here");
    view.store.set({ index: index_1se });
    expect(view.text(".saying")).toContain("no worse within one standard error");
    view.store.set({ index: LAST });
    expect(view.text(".saying")).toMatch(/hardly worse|too weak here/);
  });

  it("moves its dot along the held-out curve", () => {
    const view = show(curve.mount, l1, { index: 0 });
    const [x, y] = ["cx", "cy"].map((name) => number(view.all(".here")[0], name));
    view.store.set({ index: index_min });
    expect(number(view.all(".here")[0], "cx")).toBeGreaterThan(x);
    expect(number(view.all(".here")[0], "cy")).toBeGreaterThan(y); // the error is less: further down
  });

  it("names min and 1se, and says when there is nothing held out", () => {
    const texts = show(curve.mount, l1).all("text").map((text) => text.textContent);
    expect(texts).toEqual(expect.arrayContaining(["min", "1se", "held out", "training"]));
    const none = show(curve.mount, { ...l1, curve: null });
    expect(none.text(".note")).toContain("no held-out error");
    expect(none.all("svg")).toHaveLength(0);
  });
});

describe("the geometry", () => {
  const corner = { index: CHOSEN, pair: [DOSE, NOISE] as [number, number] };

  it("says and marks the corner where a coefficient is exactly zero", () => {
    const view = show(geometry.mount, l1, corner);
    expect(view.text(".saying")).toContain("noise is exactly zero: the contour meets the corner.");
    expect(view.all("circle.fit.corner")).toHaveLength(1);
    const [pull, most] = view.text(".saying").match(/with ([\d.]+), .* up to ([\d.]+)/)!.slice(1).map(Number);
    expect(pull).toBeLessThan(most);
    expect(told(most, 3)).toBe(told(l1.path.alphas[CHOSEN], 3));
    view.store.set({ index: LAST });
    expect(view.text(".saying")).toContain("Neither is zero.");
    expect(view.all("circle.fit.corner")).toHaveLength(0);
    view.store.set({ index: 0 });
    expect(view.text(".saying")).toContain("Both dose and noise are exactly zero");
  });

  it.each([
    [l2, "The circle has no corners"],
    [elastic_net, "the corners of the diamond are still there"],
    [group, "share a group"],
    [mcp, "not convex"],
  ])("says what is seen of another penalty", (record, words) => {
    const view = show(geometry.mount, record, { index: record.path.alphas.length - 1, pair: [AGE, WEIGHT] });
    expect(view.text(".saying")).toContain(words);
  });

  it("shows the fit as a constraint or as a penalty, and says t or alpha", () => {
    const view = show(geometry.mount, l1, { ...corner, hard: false });
    const t = told(Math.abs(l1.path.coefs[DOSE][CHOSEN]), 3);
    expect(view.text(".note")).toContain(`α = ${told(l1.path.alphas[CHOSEN], 3)}`);
    expect(view.all("path.sum").length).toBeGreaterThan(2);
    const hard = view.all<HTMLInputElement>("input[value=hard]")[0];
    hard.checked = true;
    hard.dispatchEvent(new Event("change"));
    expect(view.store.now.hard).toBe(true);
    const all = told(l1.path.coefs.reduce((sum, row) => sum + Math.abs(row[CHOSEN]), 0), 3);
    expect(view.text(".note")).toContain(`P(w) ≤ t, t(α) = ${all} for all coefficients and ${t} for these two`);
    expect(view.all("path.sum")).toHaveLength(0);
  });

  it("offers no constraint where the penalty is not convex", () => {
    const view = show(geometry.mount, mcp, { index: 4, pair: [DOSE, AGE] });
    expect(view.all<HTMLElement>("fieldset.switch")[0].hidden).toBe(true);
    expect(view.text(".note")).toContain("No constraint leads to every such fit");
  });

  it("takes any two coefficients: choosing the other one again swaps them", () => {
    const view = show(geometry.mount, l1, corner);
    choose(view.all<HTMLSelectElement>("select[data-side=x]")[0], String(AGE));
    expect(view.store.now.pair).toEqual([AGE, NOISE]);
    choose(view.all<HTMLSelectElement>("select[data-side=y]")[0], String(AGE));
    expect(view.store.now.pair).toEqual([NOISE, AGE]);
    expect(view.all("text.axis-title").map((title) => title.textContent)).toEqual(["noise, per sd", "age, per sd"]);
  });

  it("resizes the ball by the arrow keys, within the path", () => {
    const view = show(geometry.mount, l1, corner);
    press(view.all(".edge")[0], "ArrowRight");
    expect(view.store.now.index).toBe(CHOSEN + 1);
    press(view.all(".edge")[0], "ArrowDown");
    expect(view.store.now.index).toBe(CHOSEN);
    expect(press(view.all(".edge")[0], "a")).toBe(true); // left to the browser
    expect(press(view.all(".edge")[0], "ArrowUp")).toBe(false); // which must not scroll
    view.store.set({ index: LAST });
    press(view.all(".edge")[0], "ArrowRight");
    expect(view.store.now.index).toBe(LAST);
  });

  it("moves the lowest point of the loss by the arrow keys, says what would be, and puts it back", () => {
    const view = show(geometry.mount, l1, corner);
    const back = view.all<HTMLButtonElement>("button.quiet")[0];
    expect(back.hidden).toBe(true);
    for (let i = 0; i < 30; i++) press(view.all(".centre")[0], "ArrowLeft");
    expect(view.text(".saying")).toMatch(/^If the least loss lay at .* would be exactly zero/);
    expect(back.hidden).toBe(false);
    back.click();
    expect(view.text(".saying")).toContain("the contour meets the corner");
    expect(back.hidden).toBe(true);
  });

  it("says why there is none", () => {
    expect(show(geometry.mount, { ...l1, local: null }).text(".note")).toContain("needs a smooth loss");
    const strange = { ...l1, penalty: { ...l1.penalty, terms: null } };
    expect(show(geometry.mount, strange).text(".note")).toContain("only the value is known");
  });

  it("draws no arrow for a pull that is a rounding", () => {
    const index = mcp.path.alphas.length - 1;
    const coefs = mcp.path.coefs.map((row) => row.map((w) => w * (1 + 1e-7)));
    const near = show(geometry.mount, { ...mcp, path: { ...mcp.path, coefs } }, { index, pair: [DOSE, AGE] });
    expect(near.all("path.pull")[0].getAttribute("d")).toBe("");
    expect(show(geometry.mount, l1, { pair: [DOSE, AGE] }).all("path.pull")[0].getAttribute("d")).not.toBe("");
  });

  it("says that a loss which is not quadratic is expanded", () => {
    expect(show(geometry.mount, logistic).text(".note")).toContain("second-order expansion");
    expect(show(geometry.mount, l1).text(".note")).not.toContain("second-order");
  });
});

describe("the prior", () => {
  it("tells mode from mean where the coefficient is exactly zero, and where not", () => {
    const view = show(prior.mount, l1, { feature: NOISE });
    const { posterior } = belief(l1, CHOSEN, NOISE)!;
    expect(view.text(".saying")).toContain("zero is the posterior's mode, not its mean");
    expect(view.text(".saying")).toContain(told(posterior.mean, 3));
    expect(view.all("text.mark.mode")[0].textContent).toBe("mode 0");
    choose(view.all<HTMLSelectElement>("select")[0], String(DOSE));
    expect(view.store.now.feature).toBe(DOSE);
    expect(view.text(".saying")).toContain(`The fit is the posterior's mode, ${told(l1.path.coefs[DOSE][CHOSEN], 3)}`);
    expect(view.text("text.axis-title")).toContain("coefficient of dose");
  });

  it("does not call the fit the mode where the highest point is elsewhere", () => {
    const coefs = mcp.path.coefs.map((row, j) => (j === DOSE ? row.map(() => 0) : row));
    const other = show(prior.mount, { ...mcp, path: { ...mcp.path, coefs } }, { feature: DOSE });
    expect(other.text(".saying")).toContain("dose is exactly zero in the fit, while the highest point of the posterior drawn here is");
    expect(other.text(".saying")).toContain("the penalty is not convex");
    const moved = logistic.path.coefs.map((row, j) => (j === DOSE ? row.map((w) => 3 * w) : row));
    const expanded = show(prior.mount, { ...logistic, path: { ...logistic.path, coefs: moved } }, { feature: DOSE, index: logistic.path.alphas.length - 1 });
    expect(expanded.text(".saying")).toContain("the likelihood is expanded at the chosen model, which is another");
  });

  it("says where a prior that is flat leaves a coefficient to the data", () => {
    const index = mcp.path.alphas.length - 1;
    expect(show(prior.mount, mcp, { feature: DOSE, index }).text(".saying")).toContain("the prior is flat there, and leaves it");
    expect(show(prior.mount, l1, { feature: DOSE }).text(".saying")).toContain("the prior pulls it towards zero");
  });

  it("says the prior's scale in both units", () => {
    const view = show(prior.mount, l1, { feature: AGE });
    const scale = priorScale(l1, l1.path.alphas[CHOSEN], AGE, l1.noise.dispersion!);
    expect(view.text(".note")).toContain(`Laplace with scale ${told(scale, 3)} per sd (${told(scale / l1.features.unit[AGE], 3)} in the units of age)`);
    expect(show(prior.mount, l2, { feature: AGE }).text(".note")).toContain("Normal with sd");
    expect(show(prior.mount, mcp, { index: 4, feature: DOSE }).text(".note")).toContain("improper");
  });

  it("moves alpha with its scale: by keys, and by its slider", () => {
    const view = show(prior.mount, l1, { feature: DOSE });
    const width = () => priorScale(l1, l1.path.alphas[view.store.now.index], DOSE, l1.noise.dispersion!);
    const before = width();
    press(view.all(".scale")[0], "ArrowUp");
    expect(view.store.now.index).toBe(CHOSEN + 1);
    expect(width()).toBeGreaterThan(before);
    press(view.all(".scale")[0], "ArrowDown");
    choose(view.all<HTMLInputElement>("input[type=range]")[0], String(LAST), "input");
    expect(view.store.now.index).toBe(LAST);
    press(view.all(".scale")[0], "ArrowUp");
    expect(view.store.now.index).toBe(LAST);
  });

  it("alpha and scale are two names of one number", () => {
    for (const record of [l1, l2, mcp])
      for (const index of [3, 9, 15]) {
        const scale = priorScale(record, record.path.alphas[index], DOSE, record.noise.dispersion!);
        if (Number.isFinite(scale)) expect(nearest(record, alphaOfScale(record, scale, DOSE, record.noise.dispersion!))).toBe(index);
      }
  });

  it("says why there is none", () => {
    const unknown = { ...l1, noise: { ...l1.noise, dispersion: null, words: "sigma is not known" } };
    expect(show(prior.mount, unknown).text(".note")).toContain("sigma is not known");
  });
});

describe("the shrinkage", () => {
  it("counts the zeros and says what is left of the chosen one", () => {
    const view = show(shrinkage.mount, l1, { feature: NOISE });
    expect(view.text(".saying")).toMatch(/^1 of 4 coefficients is exactly zero. noise has lost all of −0.125/);
    view.store.set({ feature: DOSE });
    const share = Math.round((100 * l1.path.coefs[DOSE][CHOSEN]) / l1.features.unpenalized[DOSE]);
    expect(view.text(".saying")).toContain(`dose keeps ${share}% of`);
    view.store.set({ index: 0 });
    expect(view.text(".saying")).toMatch(/^4 of 4 coefficients are exactly zero/);
  });

  it("draws a ring and a dot for each, the dot no further out than the ring", () => {
    const view = show(shrinkage.mount, l1, { index: CHOSEN });
    const of = (name: string) => view.all(`circle.${name}`).map((circle) => number(circle, "cx"));
    const zero = number(view.all("line.zero")[0], "x1");
    expect(of("free")).toHaveLength(4);
    of("fit").forEach((x, i) => expect(Math.abs(x - zero)).toBeLessThanOrEqual(Math.abs(of("free")[i] - zero) + 1e-9));
    expect(view.all("circle.fit.none")).toHaveLength(1);
  });

  it("chooses a feature by a click on its name", () => {
    const view = show(shrinkage.mount, l1);
    const name = view.all<SVGTextElement>("text.name").find((text) => text.textContent === "weight")!;
    name.dispatchEvent(new MouseEvent("click"));
    expect(view.store.now.feature).toBe(WEIGHT);
    expect(view.all("text.name.chosen").map((text) => text.textContent)).toEqual(["weight"]);
  });
});

describe("the stability", () => {
  it("counts what is kept in nine of ten draws, and stops at the chosen penalty", () => {
    const view = show(stability.mount, l1, { index: CHOSEN });
    expect(view.text(".saying")).toContain("3 features are kept in at least nine of ten draws");
    expect(view.all("rect").map((bar) => number(bar, "data-share"))).toEqual([1, 1, 1, 0.2]);
    view.store.set({ index: 0 });
    expect(view.text(".saying")).toContain("0 features are kept");
    view.store.set({ index: LAST });
    expect(view.text(".saying")).toContain(`At alpha = ${told(l1.path.alphas[CHOSEN])}, 3 features are kept`);
    expect(view.text(".saying")).toContain("Weaker penalties than the chosen one were not drawn");
  });

  it("of a refit says that nothing has been drawn, and asks for it by a button", () => {
    const view = show(stability.mount, refit);
    expect(view.text(".note")).toBe("For this fit no halves of the rows have been drawn yet.");
    let asked = 0;
    document.body.addEventListener(stability.DRAW, () => asked++);
    view.all<HTMLButtonElement>("button")[0].click();
    expect(asked).toBe(1);
  });

  it("of too few rows says so and asks for nothing", () => {
    const view = show(stability.mount, { ...refit, drawn: true });
    expect(view.text(".note")).toContain("Too few rows");
    expect(view.all("button")).toHaveLength(0);
  });
});

describe("the table", () => {
  const names = (view: Shown) => view.all("tbody th").map((cell) => cell.textContent);
  const row = (view: Shown, name: string) => view.all("tbody tr").find((tr) => tr.querySelector("th")!.textContent === name)!;
  const cells = (view: Shown, name: string) => [...row(view, name).querySelectorAll("td")].map((td) => td.textContent);

  it("has each coefficient in both units, and follows the cursor", () => {
    const view = show(table.mount, l1);
    const raw = (index: number) => told(l1.path.coefs[AGE][index] / l1.features.unit[AGE]);
    expect(cells(view, "age").slice(0, 3)).toEqual([raw(CHOSEN), "+0.37", "100%"]);
    expect(row(view, "noise").className).toBe("zero");
    view.store.set({ index: LAST });
    expect(cells(view, "age")[0]).toBe(raw(LAST));
    expect(row(view, "noise").className).toBe("");
    expect(view.text("p.note")).toContain(`Intercept: ${told(l1.path.intercepts[LAST], 6)}`);
  });

  it("is sorted by size, and by what is clicked, once more the other way", () => {
    const view = show(table.mount, l1);
    expect(names(view)).toEqual(["dose", "weight", "age", "noise"]);
    const heading = view.all<HTMLButtonElement>("thead button").find((button) => button.textContent === "feature")!;
    heading.click();
    expect(names(view)).toEqual(["age", "dose", "noise", "weight"]);
    expect(heading.parentElement!.getAttribute("aria-sort")).toBe("ascending");
    heading.click();
    expect(names(view)).toEqual(["weight", "noise", "dose", "age"]);
    expect(view.all("th[aria-sort]")).toHaveLength(1);
  });

  it("is searched by name", () => {
    const view = show(table.mount, l1);
    choose(view.all<HTMLInputElement>("input[type=search]")[0], "OSE", "input");
    expect(names(view)).toEqual(["dose"]);
    expect(view.text("[role=status]")).toBe("1 of 4 features");
    choose(view.all<HTMLInputElement>("input[type=search]")[0], "", "input");
    expect(names(view)).toHaveLength(4);
  });

  it("shows a feature in the pictures by its button", () => {
    const view = show(table.mount, l1);
    row(view, "weight").querySelector("button")!.click();
    expect(view.store.now.feature).toBe(WEIGHT);
  });

  it("may break a long name after an underscore", () => {
    const names = ["dose_of_a_day", "age", "weight", "noise"];
    const cell = row(show(table.mount, { ...l1, features: { ...l1.features, names } }), "dose_of_a_day");
    expect(cell.querySelectorAll("th wbr")).toHaveLength(3);
  });

  it("has no column of draws where there are none", () => {
    const headings = (view: Shown) => view.all("thead button").map((button) => button.textContent);
    expect(headings(show(table.mount, l1))).toContain("kept in");
    expect(headings(show(table.mount, refit))).not.toContain("kept in");
  });
});

describe("the answer and where it came from", () => {
  it("says the answer, the strength and what to beware of", () => {
    const view = show(summary.mount, { ...l1, warnings: ["it rains."] });
    expect(view.text(".answer")).toBe(l1.answer);
    expect(view.text(".warning")).toBe("Beware: it rains.");
    expect(view.text("dl")).toContain(`alpha = ${told(l1.path.alphas[CHOSEN])} on the mean loss; chosen among 24: the strongest within`);
    expect(view.text("dl")).toContain("penalised in units of their standard deviation");
  });

  it.each([
    ["given", "given by the user"],
    ["min", "the smallest held-out error"],
    ["bic", "the smallest BIC"],
  ])("says how alpha was chosen: %s", (rule, words) => {
    expect(show(summary.mount, { ...l1, path: { ...l1.path, rule } }).text("dl")).toContain(words);
  });

  it("names the dial of the estimator where it is not alpha", () => {
    const dial = { name: "C", factor: 80, inverse: true };
    expect(show(summary.mount, { ...l1, dial }).text("dl")).toContain(`which is C = ${told(1 / (80 * l1.path.alphas[CHOSEN]))}`);
  });

  it("has the command, the fingerprint and the encodings", () => {
    const encodings = [{ name: "ward", kind: "factor", levels: ["north", "south"] }];
    const view = show(summary.source, { ...l1, data: { ...l1.data, encodings, dropped: ["2 rows left out."] } });
    expect(view.text("pre")).toBe(l1.command);
    for (const words of [l1.data.sha256, "2 rows left out.", "north, south"]) expect(view.element.textContent).toContain(words);
    expect(show(summary.meaning, l1).element.textContent).toContain(l1.prior[0]);
  });
});

describe("predictions and certificate", () => {
  it("says how far off half of the predictions are", () => {
    const { fitted, observed } = l1.fitted!;
    const sizes = fitted.map((f, i) => Math.abs(observed[i] - f)).sort((a, b) => a - b);
    const view = show(calibration.mount, l1);
    expect(view.text("p")).toContain(`off by less than ${told(sizes[40], 3)} (units of recovery); the largest miss is ${told(sizes[79], 3)}`);
    expect(view.all("circle.dot")).toHaveLength(80);
    expect(view.all("p")[1].textContent).toContain("each row predicted by the fold that had not seen it");
    expect(show(calibration.mount, refit).all("p")[1].textContent).toContain("predicted by the model itself");
  });

  it("says how far a probability is from the share observed", () => {
    const view = show(calibration.mount, logistic);
    const { fitted, observed, counts } = logistic.fitted!;
    const off = fitted.reduce((sum, f, i) => sum + Math.abs(f - observed[i]) * counts[i], 0) / 80;
    expect(view.text("p")).toContain(`is ${told(100 * off, 2)}% away`);
    const near = { ...logistic.fitted!, observed: fitted.map((f) => f + 0.003) };
    expect(show(calibration.mount, { ...logistic, fitted: near }).text("p")).toContain("is 0.3% away");
    expect(view.all("text").map((text) => text.textContent)).toContain("share of well observed");
  });

  it("has nothing to show without predictions", () => {
    expect(show(calibration.mount, { ...l1, fitted: null }).text(".note")).toContain("Nothing to show");
  });

  it("claims no gap below rounding", () => {
    const certificates = l1.path.certificates.map(() => 2e-17);
    const words = show(certificate.mount, { ...l1, path: { ...l1.path, certificates } }).text(".saying");
    expect(words).toContain("the relative duality gap is at most 1e−14, within the tolerance");
  });

  it("proves no optimum where the penalty is not convex", () => {
    expect(show(certificate.mount, l1).text(".saying")).toContain("the optimum is proved to be no further off");
    const words = show(certificate.mount, mcp).text(".saying");
    expect(words).toContain("need not be the lowest: the penalty is not convex");
    expect(words).not.toContain("proved");
  });

  it("says whether the model under the cursor is certified", () => {
    const bad = { ...l1, path: { ...l1.path, certificates: l1.path.certificates.map((c, i) => (i === 3 ? 1e-2 : c)) } };
    const view = show(certificate.mount, bad);
    expect(view.text("p")).toBe(l1.path.certificate_words);
    expect(view.text(".saying")).toContain("within the tolerance");
    view.store.set({ index: 3 });
    expect(view.text(".saying")).toContain("is 0.01, beyond the tolerance");
    expect(view.text(".saying")).toContain("this model is not certified");
    const colours = view.all("circle").map((circle) => circle.getAttribute("fill"));
    expect(colours.filter((colour) => colour !== colours[0])).toHaveLength(1);
  });
});
