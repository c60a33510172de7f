// @vitest-environment jsdom
/** What the controls say and ask for, and what of a reader's choices survives another fit. */

import { describe, expect, it, vi } from "vitest";
import { panel, wantedOf, type Panel } from "../src/controls";
import * as cursor from "../src/cursor";
import { carried } from "../src/explorer";
import { counted, cut, cuts, logAlphas, runsOff, spread, told } from "../src/frame";
import { alphaOfScale, priorScale } from "../src/scene";
import { inTurn, solving, type Wanted } from "../src/server";
import type { PageRecord } from "../src/record";
import { start, Store, type State } from "../src/state";
import { at, choose, records, show } from "./page";

const { l1, l2, mcp, elastic_net, group, logistic, refit } = records;
const [DOSE, AGE, NOISE] = ["dose", "age", "noise"].map(at);
const LAST = l1.path.alphas.length - 1;

describe("the cursor", () => {
  it("moves by its slider, and says alpha and what is kept, aloud too", () => {
    const view = show(cursor.mount, l1);
    const slider = view.all<HTMLInputElement>("input")[0];
    choose(slider, "0", "input");
    expect(view.store.now.index).toBe(0);
    expect(view.text("output")).toBe(`${told(l1.path.alphas[0])}: 0 of 4 kept, 0% explained`);
    view.store.set({ index: LAST });
    expect(slider.value).toBe(String(LAST));
    expect(slider.getAttribute("aria-valuetext")).toBe(`alpha ${view.text("output")}`);
    expect(view.text("output")).toContain("4 of 4 kept");
    expect(Number(view.all<HTMLElement>("output")[0].dataset.alpha)).toBe(l1.path.alphas[LAST]); // to every digit
  });

  it("goes to the chosen model, the minimum and one standard error", () => {
    const view = show(cursor.mount, l1, { index: 0 });
    for (const [name, index] of [["min", l1.curve!.index_min], ["1se", l1.curve!.index_1se], ["chosen", l1.path.index]] as const) {
      const button = view.all<HTMLButtonElement>("button").find((one) => one.textContent === name)!;
      button.click();
      expect(view.store.now.index).toBe(index);
      expect(button.getAttribute("aria-pressed")).toBe("true");
    }
    expect(view.all("button[aria-pressed=true]").map((one) => one.textContent)).toEqual(["chosen", "1se"]); // one model here
  });

  it("has no such places without folds, and names the estimator's own dial", () => {
    expect(show(cursor.mount, { ...l1, curve: null }).all("button")).toHaveLength(1);
    const view = show(cursor.mount, { ...l1, dial: { name: "C", factor: 80, inverse: true } });
    expect(view.text("output")).toContain(`C = ${told(1 / (80 * l1.path.alphas[l1.path.index]))}`);
  });
});

describe("the explorer's panel", () => {
  let host: HTMLElement;
  let asked: Partial<Wanted>[];
  let controls: Panel;
  const find = <E extends HTMLElement>(selector: string) => host.querySelector<E>(selector)!;
  const input = (name: string) => find<HTMLInputElement>(`[name=${name}]`);
  const open = (record: PageRecord, state: Partial<State> = {}, wanted: Partial<Wanted> = {}) => {
    host = document.createElement("header");
    document.body.replaceChildren(host);
    asked = [];
    controls = panel(host, record.features.names, record.loss.name === "squared_error", (part) => asked.push(part), []);
    const store = new Store({ ...start(record), ...state }, (run) => run());
    controls.show(record, store, { ...wantedOf(record), ...wanted });
    return store;
  };
  const check = (box: HTMLInputElement, checked: boolean) => {
    box.checked = checked;
    box.dispatchEvent(new Event("change"));
  };

  it("asks for another penalty, whose alpha is chosen anew", () => {
    open(l1);
    choose(find<HTMLSelectElement>("select"), "mcp");
    expect(asked).toEqual([{ penalty: "mcp", alpha: null }]);
  });

  it("shows the share of L1 for the elastic net alone", () => {
    open(l1);
    expect(input("l1-ratio").parentElement!.hidden).toBe(true);
    open(elastic_net, {}, { l1_ratio: 0.25 });
    expect(input("l1-ratio").parentElement!.hidden).toBe(false);
    expect(input("l1-ratio").parentElement!.textContent).toContain("25%");
    choose(input("l1-ratio"), "0.8", "input");
    expect(asked).toEqual([{ l1_ratio: 0.8, alpha: null }]);
  });

  it("asks for an exact alpha, and an empty field for the chosen one", () => {
    const store = open(l1);
    expect(Number(input("alpha").value)).toBeCloseTo(l1.path.alphas[l1.path.index], 3);
    choose(input("alpha"), "0.5");
    choose(input("alpha"), "");
    expect(asked).toEqual([{ alpha: 0.5 }, { alpha: null }]);
    store.set({ index: 0 });
    expect(Number(input("alpha").value)).toBeCloseTo(l1.path.alphas[0], 2);
  });

  it("has the prior's scale of the chosen feature, in units of the data, as another name of alpha", () => {
    const store = open(l1, { feature: AGE });
    const scale = (index: number) => priorScale(l1, l1.path.alphas[index], AGE, l1.noise.dispersion!) / l1.features.unit[AGE];
    expect(Number(input("prior-scale").value)).toBeCloseTo(scale(l1.path.index), 4);
    store.set({ index: 12 });
    expect(Number(input("prior-scale").value) / scale(12)).toBeCloseTo(1, 3);
    choose(input("prior-scale"), String(scale(3)));
    expect(asked[0].alpha! / l1.path.alphas[3]).toBeCloseTo(1, 6);
    expect(asked[0].scale).toEqual({ of: "age", size: scale(3) });
    expect(asked[0].alpha).toBeCloseTo(alphaOfScale(l1, scale(3) * l1.features.unit[AGE], AGE, l1.noise.dispersion!), 9);
    store.set({ feature: DOSE });
    expect(host.textContent).toContain("prior scale of dose");
  });

  it("asks for standardising and for a noise level, which only squared error has", () => {
    open(l1);
    check(input("standardize"), false);
    choose(input("noise"), "2");
    choose(input("noise"), "");
    expect(asked).toEqual([{ standardize: false, alpha: null }, { noise: 2 }, { noise: null }]);
    expect(input("noise").placeholder).toBe(`${told(l1.noise.sigma, 3)}, estimated`);
    open(logistic);
    expect(input("noise").parentElement!.hidden).toBe(true);
  });

  it("drops features and keeps them again", () => {
    open(l1);
    const [first, , third] = host.querySelectorAll<HTMLInputElement>("[name=keep]");
    check(first, false);
    check(third, false);
    check(first, true);
    expect(asked).toEqual([{ drop: ["dose"] }, { drop: ["dose", "weight"] }, { drop: ["weight"] }]);
    open(l1, {}, { drop: ["noise"] });
    expect(find("summary").textContent).toBe("Features: noise dropped");
    expect([...host.querySelectorAll<HTMLInputElement>("[name=keep]")].map((box) => box.checked)).toEqual([true, true, true, false]);
  });

  it("shows a refusal, and forgets it with the next fit", () => {
    const store = open(l1);
    controls.say("alpha must be positive", "error");
    expect(find(".error").hidden).toBe(false);
    expect(find("[role=alert]").textContent).toBe("alpha must be positive");
    controls.show(l1, store, wantedOf(l1));
    expect(find(".error").hidden).toBe(true);
    controls.say("fitted in 20 ms", "status");
    expect(find("[role=status]").textContent).toBe("fitted in 20 ms");
  });
});

describe("what a fit is asked for with", () => {
  it.each([[l1, "l1"], [l2, "l2"], [mcp, "mcp"], [group, "group_lasso"], [elastic_net, "elastic_net"]])("%#", (record, word) => {
    const wanted = wantedOf(record);
    expect(wanted).toMatchObject({ penalty: word, standardize: true, drop: [], alpha: null, noise: null, evidence: false });
    expect(wanted.l1_ratio).toBeCloseTo(0.5, 12);
  });
});

describe("the reader's choices over to another fit", () => {
  const had = wantedOf(l1);
  const state: State = { index: 9, pair: [AGE, NOISE], feature: NOISE, hard: true };

  it("keeps features by name, the switch, and alpha by its value", () => {
    const names = ["noise", "dose", "weight", "age"];
    const found = carried(l1, state, { ...refit, features: { ...refit.features, names } }, had, had);
    expect(found).toEqual({ index: 9, pair: [3, 0], feature: 0, hard: true });
  });

  it("goes where a new fit starts for a feature that was dropped", () => {
    const names = ["dose", "age", "weight", "another"];
    const found = carried(l1, state, { ...refit, features: { ...refit.features, names } }, had, had);
    expect(found.pair).toEqual(start(refit).pair);
    expect(found.feature).toBe(start(refit).feature);
  });

  it.each([
    ["another penalty", { penalty: "l2" }],
    ["other columns", { standardize: false }],
    ["an exact alpha", { alpha: 0.3 }],
  ])("goes to the chosen model for %s", (_, part) => {
    expect(carried(l1, state, refit, { ...had, ...part }, had).index).toBe(refit.path.index);
  });

  it("stays at its alpha where noise or draws were asked for", () => {
    for (const part of [{ noise: 2 }, { evidence: true }]) expect(carried(l1, state, refit, { ...had, ...part }, had).index).toBe(9);
  });
});

describe("questions to the server, one at a time", () => {
  const ask = (penalty: string): Wanted => ({ ...wantedOf(l1), penalty });

  it("puts the last of those asked meanwhile, and tells of that one only", async () => {
    const put: string[] = [];
    const done: string[] = [];
    let answer: () => void = () => {};
    const slow = (wanted: Wanted) => new Promise<PageRecord>((resolve) => {
      put.push(wanted.penalty);
      answer = () => resolve(l1);
    });
    const request = inTurn(slow, (_, wanted) => done.push(wanted.penalty), () => done.push("failed"));
    const all = request(ask("l1"));
    void request(ask("l2"));
    void request(ask("mcp"));
    answer();
    await vi.waitFor(() => expect(put).toEqual(["l1", "mcp"]));
    answer();
    await all;
    expect(done).toEqual(["mcp"]);
  });

  it("tells a refusal, and asks again", async () => {
    const told: string[] = [];
    const refuse = (wanted: Wanted) => (wanted.penalty === "l1" ? Promise.resolve(l1) : Promise.reject(new Error("no such penalty")));
    const request = inTurn(refuse, (_, wanted) => told.push(wanted.penalty), (error) => told.push(error.message));
    await request(ask("l9"));
    await request(ask("l1"));
    expect(told).toEqual(["no such penalty", "l1"]);
  });
});

describe("a prior's scale that is asked for", () => {
  // Noise that grows with the penalty, as it is estimated of each fit.
  const server = (record: PageRecord, power: number) => {
    const put: Wanted[] = [];
    const ask = async (wanted: Wanted): Promise<PageRecord> => {
      put.push(wanted);
      const dispersion = 2 * (wanted.alpha! + 0.01) ** power;
      return { ...record, noise: { ...record.noise, dispersion }, path: { ...record.path, alphas: [wanted.alpha!], index: 0 } };
    };
    return { put, ask };
  };
  const scaleOf = (record: PageRecord) => priorScale(record, record.path.alphas[0], AGE, record.noise.dispersion!) / record.features.unit[AGE];

  it.each([[l1, 0], [l1, 0.5], [l1, 0.7], [l2, 0.5], [elastic_net, 0.5]])("is that of the fit, whose noise is another: %#", async (record, power) => {
    const { put, ask } = server(record, power);
    const found = await solving(ask)({ ...wantedOf(record), alpha: 0.3, scale: { of: "age", size: 0.02 } });
    expect(scaleOf(found) / 0.02).toBeCloseTo(1, 3);
    expect(put.length).toBeLessThanOrEqual(8);
  });

  it("is asked for once where the first answer has it, or no scale is wanted", async () => {
    const { put, ask } = server(l1, 0);
    const size = scaleOf(await ask({ ...wantedOf(l1), alpha: 0.3 }));
    await solving(ask)({ ...wantedOf(l1), alpha: 0.3, scale: { of: "age", size } });
    await solving(ask)({ ...wantedOf(l1), alpha: 0.3 });
    await solving(ask)({ ...wantedOf(l1), alpha: 0.3, scale: { of: "dropped", size } });
    expect(put).toHaveLength(4);
  });
});

describe("the store", () => {
  it("tells of many changes once, and only of what changed", () => {
    let later: () => void = () => {};
    const store = new Store(start(l1), (run) => (later = run));
    const heard: string[][] = [];
    const keys = ["index", "pair", "feature", "hard"] as const;
    store.subscribe((_, changed) => heard.push(keys.filter(changed)));
    store.set({ index: 1 });
    store.set({ index: 2, feature: 3, pair: [...store.now.pair] });
    expect(heard).toEqual([[...keys]]);
    later();
    expect(heard[1]).toEqual(["index", "feature"]);
    store.set({ index: 2 });
    store.flush();
    expect(heard).toHaveLength(2);
  });

  it("starts at the chosen model with its largest two", () => {
    expect(start(l1)).toEqual({ index: l1.path.index, pair: [DOSE, at("weight")], feature: DOSE, hard: false });
  });
});

describe("numbers and labels", () => {
  it.each([[0, "0"], [null, "–"], [NaN, "–"], [-1.23456, "−1.235"], [1e7, "1e+7"], [2.5e-5, "2.5e−5"], [120, "120"]])("%s is told as %s", (x, text) => {
    expect(told(x)).toBe(text);
  });

  it("a long name is cut in the middle, and differs where another does", () => {
    expect(cut("weight", 8)).toBe("weight");
    const [a, b] = [1, 2].map((k) => cut(`a rather long name of measurement ${k}`, 12));
    expect(a).toHaveLength(12);
    expect(a).not.toBe(b);
    const middle = [3, 4, 12].map((k) => `a rather long name number ${k} of measurement`);
    const told = cuts(["weight", ...middle], 20);
    expect(told[0]).toBe("weight");
    expect(new Set(told).size).toBe(4);
    [3, 4, 12].forEach((k, i) => expect(told[i + 1]).toContain(` ${k} `));
    for (const text of told) expect(text.length).toBeLessThanOrEqual(20);
  });

  it("what would make the rest look like zero is found", () => {
    expect(runsOff([[0, 2, -3, 12], [0, 0, 1, 2]], 3)).toBe(false);
    expect(runsOff([[0, 2, -3, -9000], [0, 0, 1, 2]], 3)).toBe(true);
    expect(runsOff([[0, 0, 0, 9000]], 3)).toBe(false); // with nothing seen there is nothing to keep legible
  });

  it("one thing is told in the singular", () => {
    expect([0, 1, 2].map((n) => counted(n, "row"))).toEqual(["0 rows", "1 row", "2 rows"]);
    expect([1, 2].map((n) => counted(n, "feature is", "features are"))).toEqual(["1 feature is", "2 features are"]);
  });

  it("an alpha of zero stands beyond the last one", () => {
    const logs = logAlphas({ ...l1, path: { ...l1.path, alphas: [1, 0.1, 0] } });
    expect(logs).toEqual([0, -1, -2]);
  });

  it("labels are pushed apart within their room, in order", () => {
    const places = spread([10, 11, 50, 99, 99], 14, 0, 100);
    for (let i = 1; i < places.length; i++) expect(places[i] - places[i - 1]).toBeGreaterThanOrEqual(14 - 1e-9);
    expect(places[4]).toBeLessThanOrEqual(100);
    expect(places[2]).toBe(50);
  });
});
