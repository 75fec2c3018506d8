// Colours for code: highlight.js gives a tree (by lowlight), which becomes elements, never HTML text.
import { createLowlight } from "lowlight";
import type { ComponentChildren } from "preact";
import { languages } from "./languages";

const lowlight = createLowlight(languages);

type Node = ReturnType<typeof lowlight.highlight>["children"][number];

/** The text as coloured elements, or as it is if the language is not known. */
export function highlight(text: string, language: string): ComponentChildren {
  const name = language.toLowerCase();
  if (!lowlight.registered(name)) return text;
  return lowlight.highlight(name, text).children.map(toElement);
}

function toElement(node: Node, key: number): ComponentChildren {
  if (node.type === "text") return node.value;
  if (node.type !== "element") return null;
  const names = node.properties["className"];
  return <span key={key} class={Array.isArray(names) ? names.join(" ") : ""}>{node.children.map(toElement)}</span>;
}
