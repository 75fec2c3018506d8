import { t } from "../i18n/i18n";
import { header } from "../state/conversation";
import { sidebarOpen } from "../state/defaults";
import { conversations, listed, loadMore, more, query } from "../state/library";
import { go, route } from "../state/route";
import type { Summary } from "../store/types";
import { ConversationMenu } from "./conversation_menu";
import { narrow } from "./sidebar";

export function ConversationList() {
  const list = conversations.value;
  return (
    <nav class="list" aria-label={t("side.title")}>
      {listed.value && list.length === 0 && <p class="note">{t(query.value.trim() === "" ? "side.none" : "side.nothing")}</p>}
      <ul>{list.map((c) => <Item key={c.id} conversation={c} />)}</ul>
      {more.value !== null && <button type="button" onClick={() => void loadMore()}>{t("side.more")}</button>}
    </nav>
  );
}

function Item({ conversation: c }: { conversation: Summary }) {
  const here = route.value === c.id;
  const title = (here && header.value.id === c.id ? header.value.title : c.title) || t("side.untitled");
  const open = (e: MouseEvent) => {
    if (e.ctrlKey || e.metaKey || e.shiftKey) return; // a new tab
    e.preventDefault();
    go(c.id);
    if (narrow()) sidebarOpen.value = false;
  };
  return (
    <li class={here ? "here" : ""}>
      <a href={`#/c/${c.id}`} aria-current={here ? "page" : undefined} onClick={open}>
        <span class="title">{title}</span>
        {c.snippet !== null && <span class="snippet">{c.snippet}</span>}
      </a>
      <ConversationMenu conversation={c} />
    </li>
  );
}
