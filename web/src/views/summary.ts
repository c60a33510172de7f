import { add, counted, told } from "../frame";
import { dialAt, type PageRecord } from "../record";
import type { Store } from "../state";

/** The answer, the facts of the fit, and what to beware of. */
export function mount(element: HTMLElement, record: PageRecord, _: Store): void {
  add(element, "p", record.answer, { class: "answer" });
  for (const text of record.warnings) {
    const p = add(element, "p", "", { class: "warning" });
    add(p, "b", "Beware: ");
    p.append(text);
  }
  const { path } = record;
  const alpha = path.alphas[path.index];
  const dial = record.dial.name === "alpha" && record.dial.factor === 1 ? "" : `, which is ${record.dial.name} = ${told(dialAt(record, alpha))}`;
  const df = path.df[path.index];
  facts(element, [
    ["Model", `${record.model}: ${record.loss.name.replaceAll("_", " ")} with ${record.penalty.words}`],
    ["Predicts", record.classes ? `the probability that ${record.target} is ${record.classes[1]}` : record.target],
    ["Strength", `alpha = ${told(alpha)} on the mean loss${dial}; ${chosenBy(record)}`],
    ["Columns", record.standardized ? "penalised in units of their standard deviation" : "penalised in their own units"],
    ["Rows", `${record.n}, and ${counted(record.p, "feature")}`],
    ...(df === null ? [] : ([["Degrees of freedom", told(df)]] as [string, string][])),
  ]);
}

export function facts(element: HTMLElement, entries: [string, string][]): void {
  const list = add(element, "dl", "", { class: "facts" });
  for (const [term, text] of entries) {
    add(list, "dt", term);
    add(list, "dd", text);
  }
}

function chosenBy(record: PageRecord): string {
  const many = `among ${record.path.alphas.length}`;
  switch (record.path.rule) {
    case "given":
      return "given by the user";
    case "min":
      return `chosen ${many}: the smallest held-out error`;
    case "1se":
      return `chosen ${many}: the strongest within one standard error of the smallest held-out error`;
    default:
      return `chosen ${many}: the smallest ${record.path.rule.toUpperCase()}`;
  }
}

/** Where it came from, and how to do it again. */
export function source(element: HTMLElement, record: PageRecord, _: Store): void {
  const { data } = record;
  facts(element, [
    ["Data", data.source],
    ["Size", `${counted(data.rows, "row")} used, ${counted(data.columns, "column")}`],
    ...(data.dropped.length ? ([["Left out or filled", data.dropped.join(" ")]] as [string, string][]) : []),
    ...(data.sha256 ? ([["SHA-256", data.sha256]] as [string, string][]) : []),
    ["Versions", Object.entries(record.versions).map(([name, version]) => `${name} ${version}`).join(", ")],
  ]);
  if (data.encodings.length) {
    add(element, "p", "Factors became one column for each of their levels:");
    facts(element, data.encodings.map(({ name, kind, levels }) => [name, levels.length ? levels.join(", ") : kind]));
  }
  add(element, "p", "What does this again:");
  add(element, "pre", record.command);
}

/** What alpha means as a prior. */
export function meaning(element: HTMLElement, record: PageRecord, _: Store): void {
  add(element, "p", "Minus the log of a prior is a penalty, minus the log of a likelihood is a loss: the fit is the posterior's mode.");
  for (const sentence of record.prior) add(element, "p", sentence);
}
