import { useEffect } from "preact/hooks";
import { t } from "../i18n/i18n";
import { sidebarOpen } from "../state/defaults";
import { onKey } from "../state/keyboard";
import { Announcer } from "./announcer";
import { Composer } from "./composer";
import { Dialogs } from "./dialogs";
import { Notices } from "./notices";
import { Sidebar } from "./sidebar";
import { TopBar } from "./top_bar";
import { Transcript } from "./transcript";

export function App() {
  useEffect(() => {
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return (
    <div class={`app ${sidebarOpen.value ? "with-sidebar" : ""}`}>
      <a class="skip" href="#message-box" onClick={(e) => (e.preventDefault(), document.getElementById("message-box")?.focus())}>
        {t("app.skip")}
      </a>
      <Sidebar />
      <main>
        <TopBar />
        <Notices />
        <Transcript />
        <Composer />
      </main>
      <Dialogs />
      <Announcer />
    </div>
  );
}
