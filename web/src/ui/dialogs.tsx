import { dialog } from "../state/dialogs";
import { keyWanted } from "../state/key";
import { ConfirmDialog } from "./confirm_dialog";
import { FeedbackDialog } from "./feedback_dialog";
import { KeyDialog } from "./key_dialog";
import { RenameDialog } from "./rename_dialog";
import { SettingsDialog } from "./settings_dialog";
import { ShortcutsDialog } from "./shortcuts_dialog";
import { StatusDialog } from "./status_dialog";

/** The window that is open. A wanted key comes before all else. */
export function Dialogs() {
  const open = dialog.value;
  if (keyWanted.value || open?.name === "key") return <KeyDialog />;
  switch (open?.name) {
    case "settings": return <SettingsDialog />;
    case "status": return <StatusDialog />;
    case "shortcuts": return <ShortcutsDialog />;
    case "feedback": return <FeedbackDialog id={open.message} rating={open.rating} />;
    case "confirm": return <ConfirmDialog {...open} />;
    case "rename": return <RenameDialog id={open.id} />;
    default: return null;
  }
}
