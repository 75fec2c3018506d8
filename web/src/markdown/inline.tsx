import type { ComponentChildren } from "preact";
import type { Token, Tokens } from "marked";
import { decodeEntities } from "./entities";
import { Formula } from "./formula";
import { safeHref } from "./links";
import type { MathToken } from "./math";

export function Inline({ tokens }: { tokens: Token[] }) {
  return <>{tokens.map((token, i) => <Piece key={i} token={token} />)}</>;
}

function Piece({ token }: { token: Token }): ComponentChildren {
  const t = token as Tokens.Generic;
  const inner = () => <Inline tokens={t.tokens ?? []} />;
  switch (t.type) {
    case "text":
      return t.tokens ? inner() : decodeEntities(t["text"] as string);
    case "escape":
      return t["text"] as string;
    case "strong":
      return <strong>{inner()}</strong>;
    case "em":
      return <em>{inner()}</em>;
    case "del":
      return <del>{inner()}</del>;
    case "codespan":
      return <code>{t["text"] as string}</code>;
    case "br":
      return <br />;
    case "link":
      return <Link href={(t as Tokens.Link).href}>{inner()}</Link>;
    case "image": // never fetched: the page asks no other host for anything
      return <Link href={(t as Tokens.Image).href}>{(t["text"] as string) || t.raw}</Link>;
    case "math":
      return <Formula token={t as MathToken} />;
    case "html":
      return /^<br\s*\/?>$/i.test(t.raw.trim()) ? <br /> : t.raw;
    default:
      return t.raw;
  }
}

function Link({ href, children }: { href: string; children: ComponentChildren }) {
  const safe = safeHref(href);
  if (safe === null) return <span title={href}>{children}</span>;
  return <a href={safe} title={safe} target="_blank" rel="noopener noreferrer nofollow">{children}</a>;
}
