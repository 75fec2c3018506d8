import { t } from "../i18n/i18n";
import { config } from "../state/config";
import { sidebarOpen } from "../state/defaults";
import { dialog } from "../state/dialogs";
import { focusBox } from "../state/keyboard";
import { query, refreshSoon } from "../state/library";
import { go } from "../state/route";
import { nextTheme, theme } from "../state/theme";
import { ConversationList } from "./conversation_list";
import { Icon } from "./icon";
import { IconButton } from "./icon_button";

/** On a narrow screen it lies over the chat. */
export const narrow = (): boolean => matchMedia("(max-width: 48rem)").matches;

export function Sidebar() {
  if (!sidebarOpen.value) return null;
  const startNew = () => {
    go(null);
    if (narrow()) sidebarOpen.value = false;
    setTimeout(focusBox);
  };
  return (
    <aside class="sidebar" aria-label={t("side.title")}>
      <header>
        <strong class="brand">{config.value.name}</strong>
        <IconButton icon="left" label={t("side.close")} onClick={() => (sidebarOpen.value = false)} />
      </header>
      <button type="button" class="new" onClick={startNew}><Icon name="plus" />{t("side.new")}</button>
      <input
        id="search" type="search" aria-label={t("side.search")} placeholder={t("side.search")} value={query.value}
        onInput={(e) => ((query.value = e.currentTarget.value), refreshSoon(200))}
      />
      <ConversationList />
      <footer role="group" aria-label={t("side.tools")}>
        <IconButton icon="pulse" label={t("status.title")} onClick={() => (dialog.value = { name: "status" })} />
        <IconButton icon="sun" label={`${t("settings.theme")}: ${t(`theme.${theme.value}`)}`} onClick={nextTheme} />
        <IconButton icon="keyboard" label={t("keys.title")} onClick={() => (dialog.value = { name: "shortcuts" })} />
      </footer>
    </aside>
  );
}
