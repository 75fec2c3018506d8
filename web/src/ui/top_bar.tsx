import { t } from "../i18n/i18n";
import { header, started } from "../state/conversation";
import { sidebarOpen } from "../state/defaults";
import { dialog } from "../state/dialogs";
import { ConversationMenu } from "./conversation_menu";
import { IconButton } from "./icon_button";
import { ModelPicker } from "./model_picker";

export function TopBar() {
  return (
    <header class="top">
      {!sidebarOpen.value && <IconButton icon="menu" label={t("side.open")} onClick={() => (sidebarOpen.value = true)} />}
      <ModelPicker />
      <h1 title={header.value.title}>{started.value ? header.value.title || t("side.untitled") : ""}</h1>
      <IconButton icon="gear" label={t("settings.title")} onClick={() => (dialog.value = { name: "settings" })} />
      {started.value && <ConversationMenu conversation={header.value} />}
    </header>
  );
}
