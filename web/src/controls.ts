/** What the explorer puts above the page: the one alpha cursor under both its names, and what asks for a refit. */

import "./controls.css";
import { add } from "./frame";
import { short } from "./plane";
import type { PageRecord } from "./record";
import { alphaOfScale, priorScale } from "./scene";
import type { Wanted } from "./server";
import type { State, Store } from "./state";

const PENALTIES: [string, string][] = [
  ["l1", "lasso (L1)"],
  ["l2", "ridge (L2)"],
  ["elastic_net", "elastic net"],
  ["group_lasso", "group lasso"],
  ["mcp", "MCP"],
  ["scad", "SCAD"],
];
const WORD: Record<string, string> = { group: "group_lasso" };

export interface Panel {
  /** Show another record, or the same again after a refusal. */
  show(record: PageRecord, store: Store, wanted: Wanted): void;
  say(text: string, kind: "status" | "error"): void;
}

/** What a record's own fit would be asked for with. */
export function wantedOf(record: PageRecord): Wanted {
  const { kind, terms } = record.penalty;
  const [l1, l2] = [terms?.l1[0] ?? 1, terms?.l2[0] ?? 0];
  const word = WORD[kind] ?? kind;
  return {
    penalty: PENALTIES.some(([known]) => known === word) ? word : "l1",
    l1_ratio: kind === "elastic_net" && l1 + l2 > 0 ? l1 / (l1 + l2) : 0.5,
    standardize: record.standardized,
    drop: [],
    alpha: null,
    noise: null,
    evidence: false,
    scale: null,
  };
}

/** `features`: all there are, also those that are dropped. `change` is told what else is wanted from now on. */
export function panel(
  host: HTMLElement,
  features: string[],
  squared: boolean,
  change: (part: Partial<Wanted>) => void,
  actions: [string, () => void][],
): Panel {
  host.className = "dials";
  const head = add(host, "div", "", { class: "row actions" });
  add(head, "strong", "Explorer");
  for (const [name, act] of actions) add(head, "button", name).addEventListener("click", act);
  const status = add(head, "span", "", { class: "status" });
  status.setAttribute("role", "status");
  const error = add(host, "p", "", { class: "error" });
  error.setAttribute("role", "alert");
  error.hidden = true;
  const cursor = cursorRow(add(host, "div", "", { class: "row" }), change);
  const refit = refitRow(add(host, "div", "", { class: "row" }), squared, change);
  const keep = featureList(host, features, change);
  return {
    show(record, store, wanted) {
      error.hidden = true;
      cursor(record, store);
      refit(record, wanted);
      keep(wanted);
    },
    say(text, kind) {
      error.hidden = kind !== "error";
      (kind === "error" ? error : status).textContent = text;
    },
  };
}

/** Alpha and the prior's scale, two names of one number: moving one moves the other. */
function cursorRow(row: HTMLElement, change: (part: Partial<Wanted>) => void) {
  const alpha = input(add(row, "label", "α = "), "number", "alpha");
  const scaleLabel = add(row, "label");
  const scaleName = add(scaleLabel, "span");
  const scale = input(scaleLabel, "number", "prior-scale");
  let record: PageRecord;
  let store: Store;
  let typing: EventTarget | null = null; // a number that is not asked for yet
  row.addEventListener("input", (event) => (typing = event.target));
  for (const done of ["change", "focusout"]) row.addEventListener(done, () => (typing = null));
  alpha.addEventListener("change", () => change({ alpha: alpha.value === "" ? null : Number(alpha.value) }));
  scale.addEventListener("change", () => {
    const { dispersion } = record.noise;
    const { feature } = store.now;
    const size = Number(scale.value);
    const acting = size * record.features.unit[feature];
    if (dispersion !== null && acting > 0)
      change({ alpha: alphaOfScale(record, acting, feature, dispersion), scale: { of: record.features.names[feature], size } });
    else change({ alpha: size > 0 ? null : -1 }); // which the server refuses in words
  });
  const update = (state: State) => {
    const here = record.path.alphas[state.index];
    if (typing !== alpha) alpha.value = plain(here);
    const { dispersion } = record.noise;
    const width = dispersion === null ? Infinity : priorScale(record, here, state.feature, dispersion);
    scaleName.textContent = `prior scale of ${record.features.names[state.feature]} = `;
    scaleLabel.hidden = !Number.isFinite(width);
    if (typing !== scale) scale.value = plain(width / record.features.unit[state.feature]);
  };
  return (newRecord: PageRecord, newStore: Store) => {
    [record, store] = [newRecord, newStore];
    store.subscribe(update);
  };
}

function refitRow(row: HTMLElement, squared: boolean, change: (part: Partial<Wanted>) => void) {
  const choose = add(add(row, "label", "penalty "), "select");
  choose.name = "penalty";
  for (const [word, text] of PENALTIES) add(choose, "option", text).value = word;
  choose.addEventListener("change", () => change({ penalty: choose.value, alpha: null }));
  const mixLabel = add(row, "label", "L1 share ");
  const mix = input(mixLabel, "range", "l1-ratio");
  const share = add(mixLabel, "output");
  Object.assign(mix, { min: "0", max: "1", step: "0.05" });
  mix.addEventListener("input", () => change({ l1_ratio: Number(mix.value), alpha: null }));
  const standardise = add(row, "label");
  const box = input(standardise, "checkbox", "standardize");
  standardise.append(" standardise");
  box.addEventListener("change", () => change({ standardize: box.checked, alpha: null }));
  const noiseLabel = add(row, "label", "noise σ = ");
  const noise = input(noiseLabel, "number", "noise");
  noiseLabel.hidden = !squared;
  noise.addEventListener("change", () => change({ noise: noise.value === "" ? null : Number(noise.value) }));
  return (record: PageRecord, wanted: Wanted) => {
    choose.value = wanted.penalty;
    mixLabel.hidden = wanted.penalty !== "elastic_net";
    mix.value = String(wanted.l1_ratio);
    share.textContent = ` ${Math.round(100 * wanted.l1_ratio)}%`;
    box.checked = wanted.standardize;
    noise.value = wanted.noise === null ? "" : plain(wanted.noise);
    noise.placeholder = record.noise.sigma === null ? "unknown" : `${short(record.noise.sigma)}, estimated`;
  };
}

function featureList(host: HTMLElement, features: string[], change: (part: Partial<Wanted>) => void) {
  const details = add(host, "details");
  const summary = add(details, "summary");
  const list = add(details, "div", "", { class: "row features" });
  const boxes = features.map((name) => {
    const label = add(list, "label");
    const box = input(label, "checkbox", "keep");
    label.append(` ${name}`);
    box.value = name;
    box.addEventListener("change", () => change({ drop: boxes.filter((one) => !one.checked).map((one) => one.value) }));
    return box;
  });
  return (wanted: Wanted) => {
    boxes.forEach((box) => (box.checked = !wanted.drop.includes(box.value)));
    summary.textContent = wanted.drop.length ? `Features: ${wanted.drop.join(", ")} dropped` : "Features: none dropped";
  };
}

function input(parent: HTMLElement, type: string, name: string): HTMLInputElement {
  const made = add(parent, "input");
  made.type = type;
  made.name = name;
  if (type === "number") Object.assign(made, { step: "any", inputMode: "decimal" });
  return made;
}

/** A number as an input takes it. */
const plain = (x: number): string => (Number.isFinite(x) ? String(Number(x.toPrecision(4))) : "");
