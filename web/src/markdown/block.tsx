import { h, type ComponentChildren } from "preact";
import { memo } from "preact/compat";
import type { Token, Tokens } from "marked";
import { Code } from "./code";
import { Inline } from "./inline";
import { Formula } from "./formula";
import type { MathToken } from "./math";

/** `growing`: the last block is still being written. */
export function Blocks({ tokens, growing = false }: { tokens: Token[]; growing?: boolean }) {
  const last = tokens.length - 1;
  return <>{tokens.map((token, i) => <Block key={i} token={token} open={growing && i === last} />)}</>;
}

const Block = memo(({ token, open }: { token: Token; open: boolean }): ComponentChildren => {
  const t = token as Tokens.Generic;
  switch (t.type) {
    case "space":
    case "def":
      return null;
    case "heading":
      return h(`h${Math.min(6, (t as Tokens.Heading).depth + 2)}`, null, <Inline tokens={t.tokens ?? []} />); // below the page's own
    case "paragraph":
      return <p><Inline tokens={t.tokens ?? []} /></p>;
    case "text":
      return t.tokens ? <Inline tokens={t.tokens} /> : <p>{t["text"] as string}</p>;
    case "code":
      return <Code text={t["text"] as string} language={(t as Tokens.Code).lang ?? ""} open={open} />;
    case "blockquote":
      return <blockquote><Blocks tokens={t.tokens ?? []} growing={open} /></blockquote>;
    case "list":
      return <List list={t as Tokens.List} open={open} />;
    case "table":
      return <Table table={t as Tokens.Table} />;
    case "hr":
      return <hr />;
    case "math":
      return <Formula token={t as MathToken} />;
    default:
      return <p class="raw">{t.raw}</p>; // html and what a later version may bring
  }
});

function List({ list, open }: { list: Tokens.List; open: boolean }) {
  const last = list.items.length - 1;
  const items = list.items.map((item, i) => (
    <li key={i} class={item.task ? "task" : undefined}>
      {item.task && <input type="checkbox" checked={item.checked ?? false} disabled />}
      <Blocks tokens={item.tokens.filter((t) => t.type !== "checkbox")} growing={open && i === last} />
    </li>
  ));
  if (!list.ordered) return <ul>{items}</ul>;
  return <ol start={typeof list.start === "number" ? list.start : 1}>{items}</ol>;
}

function Table({ table }: { table: Tokens.Table }) {
  const cell = (tag: "th" | "td") => (c: Tokens.TableCell, i: number) =>
    h(tag, { key: i, class: c.align ? `align-${c.align}` : undefined }, <Inline tokens={c.tokens} />);
  return (
    <div class="table" tabIndex={0}>
      <table>
        <thead><tr>{table.header.map(cell("th"))}</tr></thead>
        <tbody>{table.rows.map((row, i) => <tr key={i}>{row.map(cell("td"))}</tr>)}</tbody>
      </table>
    </div>
  );
}
